"""The OpenAPI document against the desk: whatever it allows or forbids, no failure, every answer as it says."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance, unsupported_method

from headoffice.desk_server import Address, Server, bind
from headoffice.web.access import Gate
from headoffice.web.examples import EXAMPLES
from tests import api_headoffice_document
from tests.headoffice.web.office import Office
from tests.headoffice.web.test_desk_lists import books_of, history

TRIES = int(os.environ.get("JAEGO_API_EXAMPLES", "8"))  # of each operation; `make api-fuzz` makes more


class Live:
    """The desk on a free port of the loopback, its loop in a thread of its own."""

    def __init__(self, target: str) -> None:
        self.office = Office(target)
        history(self.office)
        books_of(self.office)
        for number in range(3):
            self.office.item(f"SKU-{number}", name_ko="콜라", category="drinks", stock_min=1)
        address = Address("127.0.0.1", 0)
        self._bound = bind(address)
        self.app = self.office.app(Gate(open=True))
        self._server = Server(self.app, address)
        self.address = self._server.url(self._bound).rstrip("/")
        self._thread = threading.Thread(target=self._server.serve, args=[self._bound])
        self._thread.start()

    def close(self) -> None:
        self._server.stop(self.office.room.hub)
        self._thread.join()
        self._bound.close()
        self.office.close()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    found = Live(str(tmp_path_factory.mktemp("desk") / "hq.db"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def api(live: Live):
    schema = schemathesis.openapi.from_dict(live.app.openapi())
    schema.config.update(base_url=live.address)
    schema.config.checks.negative_data_rejection.expected_statuses.append("413")  # too long is refused unread
    return schema


DOCUMENT = api_headoffice_document.described()
# A stream has no end to wait for; it is tried in test_desk_live.py. Who may ask is in test_desk_access.py.
OPERATIONS = [
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if path != "/api/v1/live"
]
EXCLUDED = [positive_data_acceptance, ignored_auth, unsupported_method]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_asked_no_failure_and_an_answer_as_described(api, method, path, mode):
    cases = api[path][method].as_strategy(generation_mode=mode)

    @given(case=cases)
    @settings(
        max_examples=TRIES,
        deadline=None,
        derandomize=TRIES < 100,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def asked(case: schemathesis.Case) -> None:
        case.headers = {**(case.headers or {}), "x-jaego-desk": "1"}
        case.call_and_validate(excluded_checks=EXCLUDED)

    asked()


def test_every_operation_has_a_name_and_says_what_it_is_for():
    operations = [one for path in DOCUMENT["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert all(one["summary"] for one in operations)
    for one in operations:
        for parameter in one.get("parameters", ()):
            told = parameter.get("description") or parameter["schema"].get("enum")
            assert told, (one["operationId"], parameter["name"])
        refusals = {
            one["responses"][status]["content"]["application/json"]["schema"]["$ref"] for status in ("401", "422")
        }
        assert refusals == {"#/components/schemas/Refusal"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_what_they_are_examples_of(name):
    schemas = DOCUMENT["components"]["schemas"]
    assert EXAMPLES[name].keys() == schemas[name]["properties"].keys()
    whole = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    jsonschema.validate(EXAMPLES[name], whole, cls=jsonschema.Draft202012Validator)


def test_the_written_document_is_up_to_date():
    assert api_headoffice_document.DOCUMENT.read_text("utf-8") == api_headoffice_document.document(), (
        "python -m tests.api_headoffice_document"
    )
