# Everything runs in .venv, made on first use and kept. PYTHON names the interpreter (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help compare report pages test test-kit test-rest conformance zoo bench micro lint types format clean

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

compare: .venv/compare  ## compare backends here, print the tables and keep reports/results/quick.json (minutes)
	$(BIN)/leaderboard compare --out reports/results/quick.json --force

FULL := reports/results/full.json

report: .venv/dev  ## run the full comparison, or go on with an interrupted one, and write reports/ (over an hour)
	$(BIN)/leaderboard compare --plan full --out $(FULL) $(if $(wildcard $(FULL).journal),--resume,--force)
	$(MAKE) pages

pages: .venv/dev  ## make the pages, the charts and the README's table anew from the last full comparison
	$(BIN)/leaderboard report $(FULL) --html reports/report.html --markdown reports/report.md --charts reports/charts
	$(BIN)/python benchmarks/readme.py

# The suite in two halves of about the same length, at the same time; each shows its output when it is through.
KIT := tests/conformance tests/backends tests/testing tests/hardening tests/preflight

test: .venv/dev  ## run every test, the conformance suite against every backend included
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target test-kit test-rest

test-kit: .venv/dev
	$(BIN)/python -m pytest -p no:cacheprovider $(KIT)

test-rest: .venv/dev
	$(BIN)/python -m pytest -p no:cacheprovider tests adapters $(patsubst %,--ignore=%,$(KIT))

conformance: .venv/dev  ## judge every backend, faults included, and write reports/conformance.md (minutes)
	$(BIN)/leaderboard conformance --thorough --out reports

zoo: .venv/dev  ## run the conformance kit on boards with one bug each, and write reports/zoo.md (minutes)
	PYTHONPATH=tests $(BIN)/python -m zoo.report

bench: .venv/dev  ## measure each bar beside its figure (minutes)
	$(BIN)/python benchmarks/bars.py

micro: .venv/dev  ## micro-benchmarks of the in-process board
	$(BIN)/python -m pytest benchmarks/test_micro.py --benchmark-columns=median,iqr,rounds

lint: .venv/dev  ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev  ## check types
	$(BIN)/mypy

format: .venv/dev  ## put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment and all caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
