"""The OpenAPI document against the live API: whatever it allows or forbids, no failure, every answer as it says."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from agent.web.api import ENDPOINTS, described
from agent.web.endpoint import API
from agent.web.server import WebServer
from contract.canonical import canonical
from tests import api_document
from tests.agent.web.branch import Branch

EXAMPLES = int(os.environ.get("JAEGO_API_EXAMPLES", "8"))  # of each operation; `make api-fuzz` makes more


class Live:
    """A store's API on a free port of the loopback, its loop in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._branch = Branch(folder)
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._ready = threading.Event()
        self.address = ""
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])
        self._thread.start()
        self._ready.wait(10)

    async def _serve(self) -> None:
        server = WebServer(self._branch.app(), "127.0.0.1", 0)
        host, port = await server.start()
        self.address = f"http://{host}:{port}"
        self._ready.set()
        await self._ending.wait()
        await server.stop()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self._loop.close()
        self._branch.__exit__()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory):
    live = Live(tmp_path_factory.mktemp("api"))
    schema = schemathesis.openapi.from_dict(described())
    schema.config.update(base_url=live.address)
    yield schema
    live.close()


OPERATIONS = [(one.method, API + one.path) for one in ENDPOINTS]
# What is well formed may still be refused with 422 for what it says: a pick without lines, an SKU that nobody knows.
# Who may ask is in test_api_access.py; here everybody may.
EXCLUDED = [positive_data_acceptance, ignored_auth]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_asked_no_failure_and_an_answer_as_described(api, method, path, mode):
    cases = api[path][method].as_strategy(generation_mode=mode)

    @given(case=cases)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=EXAMPLES < 100,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def asked(case: schemathesis.Case) -> None:
        case.call_and_validate(excluded_checks=EXCLUDED)

    asked()


def test_every_operation_has_a_name_of_its_own():
    names = [one["operationId"] for path in described()["paths"].values() for one in path.values()]
    assert len(set(names)) == len(names) == len(ENDPOINTS)


def test_the_document_is_plain_json_and_says_what_every_refusal_looks_like():
    canonical(described()["components"]["schemas"]["Refusal"])
    for path in described()["paths"].values():
        for one in path.values():
            assert {"200", "400", "503"} <= one["responses"].keys()


def test_the_written_document_is_up_to_date():
    assert api_document.DOCUMENT.read_text("utf-8") == api_document.document(), "python -m tests.api_document"
