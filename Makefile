# Everything runs in .venv, made on first use and kept. PYTHON names the interpreter (3.11 or newer).
PYTHON ?= python3
SHELL := bash
.SHELLFLAGS := -o pipefail -c
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help compare report pages test test-adapters test-cli test-comparison test-conformance test-parts test-rest test-site test-sqlite test-testing docs quick quick-kit quick-rest interpreters proof conformance zoo bench micro faces lint types format clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{printf "make %-12s %s\n", $$1, $$2}'

.venv/made:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=/path/to/python")'
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade pip
	@touch $@

.venv/compare: .venv/made pyproject.toml adapters/leaderboard-backends-sqlite/pyproject.toml
	$(PIP) --editable '.[tools]' --editable adapters/leaderboard-backends-sqlite
	@touch $@

.venv/dev: .venv/made pyproject.toml $(wildcard adapters/*/pyproject.toml)
	$(PIP) --editable '.[all]' --group dev $(patsubst %/pyproject.toml,--editable %,$(wildcard adapters/*/pyproject.toml))
	@touch $@

.venv/docs: .venv/made pyproject.toml
	$(PIP) --group docs
	@touch $@

compare: .venv/compare  ## compare backends here, print the tables and keep reports/results/quick.json (minutes)
	$(BIN)/leaderboard compare --out reports/results/quick.json --force

FULL := reports/results/full.json

report: .venv/dev  ## run the full comparison, or go on with an interrupted one, and write reports/ (over an hour)
	$(BIN)/leaderboard compare --plan full --out $(FULL) $(if $(wildcard $(FULL).journal),--resume,--force)
	$(MAKE) pages

pages: .venv/dev  ## make the pages, the charts and the README's table anew from the last full comparison
	$(BIN)/leaderboard report $(FULL) --html reports/report.html --markdown reports/report.md --charts reports/charts
	$(BIN)/python benchmarks/readme.py

# What the site shows, in the places that it has here: a relative link is the same there as in the repository.
SITE := README.md CHANGELOG.md CONTRIBUTING.md LICENSE docs examples adapters/*/README.md \
	reports/report.html reports/bars.md reports/conformance.md reports/migration.md reports/zoo.md reports/charts

docs: .venv/docs  ## build the documentation as a site, build/site/index.html; a broken link fails
	@rm -rf build/pages && mkdir -p build/pages && cp --recursive --parents $(SITE) build/pages
	@NO_MKDOCS_2_WARNING=1 $(BIN)/properdocs build --config-file mkdocs.yml

PYTEST = -m pytest -p no:cacheprovider $(if $(MARKS),-q -m '$(MARKS)')
# Tests start processes by the hundred: without bytecode each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# The suite, or what MARKS chooses of it, in parts, five at once, as they wait a good deal; each line that one shows begins with
# its name. Each part is a process of its own, as tests that fork take the longer the larger their process is.
NAMED = 2>&1 | sed -u 's/^/$@: /'
SQLITE := adapters/leaderboard-backends-sqlite
PARTS := tests/hardening tests/preflight
TESTING := tests/testing tests/zoo
# Those that take longest come first, so that both cores are busy to the end.
TESTS := test-comparison test-backends test-rest test-conformance test-cli test-testing test-adapters test-parts test-sqlite test-site

test: .venv/dev  ## run every test but those of `make proof` (minutes)
	@$(MAKE) --no-print-directory --jobs=5 --keep-going $(TESTS)

test-adapters: CHOSEN = -p tests.conftest adapters --ignore=$(SQLITE)
test-backends: CHOSEN = tests/backends
test-cli: CHOSEN = tests/cli
test-comparison: CHOSEN = tests/comparison
test-conformance: CHOSEN = tests/conformance
test-parts: CHOSEN = $(PARTS)
test-testing: CHOSEN = $(TESTING)
test-site: CHOSEN = tests/site
test-sqlite: CHOSEN = -p tests.conftest $(SQLITE)
test-rest: CHOSEN = tests $(patsubst %,--ignore=%,$(addprefix tests/,backends cli comparison conformance site) $(PARTS) $(TESTING))

test-site: .venv/docs

$(TESTS): .venv/dev
	@$(BIN)/python $(PYTEST) $(CHOSEN) $(NAMED)

# What the inner loop leaves out: processes, browsers and installations by the dozen, and the kit on all but two boards.
SLOW := $(patsubst %,tests/testing/test_%.py,faults groups honesty races runner tasks) \
	tests/backends/test_journal_crash.py tests/backends/test_zodb_crash.py tests/backends/test_zodb_damage.py tests/backends/test_zodb_clients.py $(wildcard tests/backends/test_zeo*.py) \
	$(patsubst %,tests/backends/redis/test_%.py,failures server async_server async_cluster async_sentinel sentinel cluster cluster_faults cluster_replicas status) tests/comparison/test_several_servers.py \
	tests/comparison/code_size tests/comparison/measure \
	tests/comparison/report $(patsubst %,tests/comparison/test_%.py,targets execute programs gate identity schema) \
	tests/hardening/test_monitoring_rules.py $(wildcard tests/hardening/*_backends.py tests/hardening/*_outage.py tests/hardening/*_processes.py) \
	$(patsubst %,tests/test_%.py,docs examples files forks frameworks guide installing interrupts pages registry wheel)
QUICK_KIT := tests/conformance/test_backends.py::TestMemoryDelegated tests/backends tests/hardening $(patsubst %,--ignore=%,$(SLOW))
QUICK_REST := tests/conformance/test_backends.py::TestUnixSocket \
	adapters/leaderboard-backends-sqlite/tests/test_board.py \
	$(filter-out $(SLOW),$(wildcard tests/test_*.py)) tests/comparison tests/testing \
	$(patsubst %,--ignore=%,$(SLOW))

quick: .venv/dev  ## run the tests of the inner loop, in two halves (a minute)
	@$(MAKE) --no-print-directory --jobs=2 --keep-going quick-kit quick-rest

quick-kit quick-rest: quick-%: .venv/dev
	@$(BIN)/python $(PYTEST) -q --hypothesis-profile=quick $(if $(filter kit,$*),$(QUICK_KIT),$(QUICK_REST)) $(NAMED)

interpreters: .venv/dev  ## run `make quick` under every Python from 3.11 on that is here, each in an environment of its own
	$(BIN)/python benchmarks/interpreters.py $(PYTEST) -q $(QUICK_KIT) $(QUICK_REST)

proof: .venv/dev  ## run all there is, at full effort, and write reports/proof.md (up to 2 hours; SHORT=1 tries the way)
	$(BIN)/python benchmarks/proof.py $(if $(SHORT),--short)

conformance: .venv/dev  ## judge every backend, faults included, and write reports/conformance.md (minutes)
	$(BIN)/leaderboard conformance --thorough --out reports

zoo: .venv/dev  ## run the conformance kit on boards with one bug each, and write reports/zoo.md (minutes)
	PYTHONPATH=tests $(BIN)/python -m zoo.report

bench: .venv/dev  ## measure each bar beside its figure (minutes)
	$(BIN)/python benchmarks/bars.py

micro: .venv/dev  ## micro-benchmarks of the in-process board
	$(BIN)/python -m pytest benchmarks/test_micro.py --benchmark-columns=median,iqr,rounds

faces: .venv/dev  ## write what follows from the code: the asynchronous faces of modules, and docs/settings.md
	$(BIN)/python tools/async_faces.py
	$(BIN)/python tools/settings_page.py

lint: .venv/dev  ## check style, formatting and the generated modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/async_faces.py --check
	$(BIN)/python tools/settings_page.py --check

types: .venv/dev  ## check types
	$(BIN)/mypy

format: .venv/dev  ## put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment and all caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
