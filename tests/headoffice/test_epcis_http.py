"""A capture interface's answers, one by one; whose certificate is trusted, and where a token goes."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headoffice.epcis_engine import Accepted, Answer, Job, Known, Refused, Unavailable
from headoffice.epcis_http import Capture, job_of, reason_of, retry_after_s, usable
from headoffice.errors import ConfigError, PeerRefuses
from tests.agent.uplink.test_link_brokers import Authority

NOW_US = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z
Canned = tuple[int, dict[str, str], bytes]


class Canning:
    """A server that gives one answer, and keeps what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Canned = (202, {"Location": "capture/7"}, b"")
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        canning = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def do_GET(self) -> None:
                canning.asked.append((self.command, self.path, dict(self.headers.items())))
                status, headers, body = canning.answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}/epcis"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def canning() -> Iterator[Callable[..., Canning]]:
    opened: list[Canning] = []

    def start(tls: ssl.SSLContext | None = None) -> Canning:
        opened.append(Canning(tls))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def posted(address: str, token: str | None = None, ca: Path | None = None) -> Answer:
    with closing(Capture(address, "n", token, ca)) as capture:
        return capture.post(b"{}", NOW_US)


def test_a_document_goes_to_capture_with_the_standards_headers(canning: Callable[..., Canning]) -> None:
    server = canning()
    capture = Capture(server.address, "https://stock.example.com/ns/jaego/", "secret")
    assert capture.post(b"{}", NOW_US) == Accepted(f"{server.address}/capture/7")
    server.answer = (200, {}, b'{"running": false, "success": true}')
    assert capture.poll(f"{server.address}/capture/7", NOW_US) == Job("stored")
    capture.close()
    (post, path, headers), (get, job, _) = server.asked
    assert (post, path, get, job) == ("POST", "/epcis/capture", "GET", "/epcis/capture/7")
    assert headers["GS1-EPCIS-Version"] == "2.0.0"
    assert headers["GS1-Extensions"] == "jaego=https://stock.example.com/ns/jaego/"
    assert headers["GS1-Capture-Error-Behaviour"] == "rollback"
    assert headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((400, {}, b'{"title": "bad", "detail": "step"}'), Refused("HTTP 400: bad step")),
        ((413, {}, b""), Refused("HTTP 413: no reason given")),
        ((422, {}, b"\x1b[2J" + b"x" * 900), Refused("HTTP 422: \\x1b[2J" + "x" * 296)),
        ((429, {"Retry-After": "7"}, b""), Unavailable("HTTP 429", 7.0)),
        ((503, {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, b""), Unavailable("HTTP 503", 30.0)),
        ((500, {"Retry-After": "soon"}, b""), Unavailable("HTTP 500", None)),
    ],
)
def test_answers_to_a_document(canning: Callable[..., Canning], answer: Canned, expected: Any) -> None:
    server = canning()
    server.answer = answer
    assert posted(server.address) == expected


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((401, {}, b""), "401"),
        ((404, {}, b""), "404"),
        ((301, {"Location": "https://elsewhere.example.com/"}, b""), "301"),
        ((202, {}, b""), "no job"),
        ((202, {"Location": "https://elsewhere.example.com/job/1"}, b""), "another address"),
    ],
)
def test_what_no_document_would_change_ends_the_delivery(
    canning: Callable[..., Canning], answer: Canned, why: str
) -> None:
    server = canning()
    server.answer = answer
    with pytest.raises(PeerRefuses, match=why) as found:
        posted(server.address, "secret")
    assert "secret" not in str(found.value) + found.value.hint


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"running": True, "success": True}, Job("running")),
        ({"running": True, "success": False}, Job("running")),
        ({"running": False, "success": True, "errors": []}, Job("stored")),
        ({"running": False, "success": False, "errors": ["x"]}, Job("failed", "job failed: ['x']")),
        ({"running": "no", "success": True}, Unavailable("the job's answer is no job")),
        ([], Unavailable("the job's answer is no job")),
    ],
)
def test_what_a_job_says(body: Any, expected: Any) -> None:
    assert job_of(json.dumps(body).encode()) == expected


def test_an_event_is_looked_for_by_its_id(canning: Callable[..., Canning]) -> None:
    server = canning()
    with closing(Capture(server.address, "n")) as capture:
        for status, expected in ((200, Known(True)), (404, Known(False)), (405, Known(False))):
            server.answer = (status, {}, b"{}")
            assert capture.look("urn:uuid:1", NOW_US) == expected
        assert server.asked[0][:2] == ("GET", "/epcis/events/urn%3Auuid%3A1")
        server.answer = (503, {}, b"")
        assert capture.look("urn:uuid:1", NOW_US) == Unavailable("HTTP 503")
        server.answer = (401, {}, b"")
        with pytest.raises(PeerRefuses):
            capture.look("urn:uuid:1", NOW_US)


def test_a_job_that_is_gone_and_a_peer_that_is_gone(canning: Callable[..., Canning]) -> None:
    server = canning()
    server.answer = (404, {}, b"")
    with closing(Capture(server.address, "n")) as capture:
        assert capture.poll(server.address, NOW_US) == Job("lost")
    found = posted("http://127.0.0.1:9")
    assert isinstance(found, Unavailable)
    assert "refused" in found.reason


def test_words_of_others_are_read_with_care() -> None:
    assert job_of(b"\xff") == Unavailable("the job's answer is no job")
    assert reason_of(b"[1]") == "[1]"
    assert retry_after_s(None, NOW_US) is None
    assert retry_after_s("9" * 50, NOW_US) == 999_999_999.0
    assert retry_after_s("Tue, 14 Nov 2023 22:13:10 -0000", NOW_US) == 0.0


@pytest.mark.parametrize(
    "address", ["stock.example.com", "ftp://x", "https://", "https://me:pw@x/", "https://x/?a=1", "http://x:99999/"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        usable(address, secret=False)


def test_a_token_goes_over_tls_or_stays_on_this_machine() -> None:
    assert usable("https://x.example.com/epcis/capture", secret=True) == "https://x.example.com/epcis"
    assert usable("http://127.0.0.1:80/", secret=True) == "http://127.0.0.1:80"
    with pytest.raises(ConfigError, match="read by anybody"):
        usable("http://x.example.com/", secret=True)


def test_a_certificate_is_checked_against_the_authority_that_is_named(
    tmp_path: Path, canning: Callable[..., Canning]
) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours.issue("peer"))
    server = canning(context)
    assert isinstance(posted(server.address, "secret", ours.file), Accepted)
    for other in (theirs.file, None):
        with pytest.raises(PeerRefuses, match="certificate"):
            posted(server.address, "secret", other)
    with pytest.raises(ConfigError):
        Capture(server.address, "n", "secret", tmp_path / "none.pem")
