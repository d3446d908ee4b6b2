"""What schemathesis makes of the description, and any bytes, JSON or id, is answered as described, and never by a 5xx.

Some hundreds of requests a backend, the same in each run, against a real server that lets anybody write: a token would
have to be put in place of the headers that schemathesis makes up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from over_the_wire.boards import PLACES, write_file
from over_the_wire.serving import Client, process

schemathesis: Any = pytest.importorskip("schemathesis", reason="NO FUZZING: pip install 'schemathesis>=4.30'")

BOUNDED: Final = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""As many requests an operation and a mode; the same in each run."""

BEYOND: Final = [schemathesis.checks.positive_data_acceptance]
"""Rules that no description can tell, such as low <= high, or an id's length in bytes: what breaks them is 422."""

WRITES: Final = ("/scores", "/scores/increment", "/scores/bulk")
OPERATIONS: Final = {
    "POST": (*WRITES, "/friends"),
    "DELETE": ("/players",),
    "GET": (
        "/top",
        "/range",
        "/entry",
        "/rank",
        "/percentile",
        "/around",
        "/by-score",
        "/count",
        "/metrics",
        "/health/live",
        "/health/ready",
    ),
}


@pytest.fixture(scope="module", params=PLACES)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp(request.param)
    with PLACES[request.param](folder) as url, process(write_file(folder, url), "--open-writes", token=None) as running:
        found = Client(running.port, "/boards/weekly", token=None)
        found.post("/scores/bulk", updates=[{"player_id": f"u{n}", "username": "x", "score": n} for n in range(20)])
        yield found
        assert not [line for line in running.said if "Traceback" in line]


@pytest.fixture(scope="module")
def schema(client: Client) -> Any:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{client.port}/openapi.json")


def test_every_operation_of_the_description_is_fuzzed(schema: Any) -> None:
    described = {(found.ok().method.upper(), found.ok().path) for found in schema.get_all_operations()}
    fuzzed = {(method, f"/boards/{{board}}{path}") for method, paths in OPERATIONS.items() for path in paths}
    assert described - fuzzed == {("GET", "/boards/{board}/events")}  # which never ends


each_operation = pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, paths in OPERATIONS.items() for path in paths]
)


@each_operation
def test_every_right_request_is_answered_as_described(schema: Any, method: str, path: str) -> None:
    assert_answered(schema[f"/boards/{{board}}{path}"][method], schemathesis.GenerationMode.POSITIVE)


@pytest.mark.parametrize("client", ["memory"], indirect=True)
@each_operation
def test_every_wrong_request_is_answered_as_described(schema: Any, method: str, path: str) -> None:
    """Before any storage is asked, so that one is enough."""
    assert_answered(schema[f"/boards/{{board}}{path}"][method], schemathesis.GenerationMode.NEGATIVE)


def assert_answered(operation: Any, mode: Any) -> None:
    """Send requests of one kind to an operation, and hold the answers against its description."""

    @BOUNDED
    @given(operation.as_strategy(generation_mode=mode))
    def answered(case: Any) -> None:
        answer = case.call_and_validate(excluded_checks=BEYOND)
        assert mode.is_negative or answer.status_code in {200, 404, 422}

    answered()


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["player_id", "score"]) | st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("path", OPERATIONS["POST"])
def test_any_bytes_and_any_json_are_no_fault_of_the_server(client: Client, path: str) -> None:
    names = {"/scores": ("username", "score"), "/scores/increment": ("username", "delta")}.get(path, ())
    whole = st.fixed_dictionaries(dict.fromkeys(("player_id", *names), JSON))
    listed = st.fixed_dictionaries({"updates": st.lists(JSON)}) | st.fixed_dictionaries({"player_ids": st.lists(JSON)})

    @BOUNDED
    @given(st.binary() | (JSON | whole | listed).map(lambda value: json.dumps(value).encode()))
    def answered(body: bytes) -> None:
        answer = client.send("POST", path, body, {"Content-Type": "application/json"})
        assert answer.status in {200, 400, 422}, answer

    answered()


@pytest.mark.parametrize("path", ["/entry", "/rank", "/percentile", "/around"])
def test_any_query_is_no_fault_of_the_server(client: Client, path: str) -> None:
    @BOUNDED
    @given(st.binary(max_size=60).map(lambda value: "".join(f"%{byte:02x}" for byte in value)), st.text(max_size=9))
    def answered(player_id: str, radius: str) -> None:
        for query in (f"player_id={player_id}", f"{player_id}={player_id}&player_id=u1"):
            assert client.send("GET", f"{path}?{query}").status in {200, 400, 404, 422}
        assert client.get(path, player_id="u1", radius=radius.encode("utf-8", "replace")).status in {200, 404, 422}

    answered()
