"""An EPCIS 2.0 capture interface with the faults of real ones, by one seed: it drops connections before and after it
has stored, is busy, delays, handles a document twice, fails jobs for no reason, forgets them, and refuses what is
wrong.

It keeps every event once, by its eventID; an error declaration has the id of the event that was wrong and is kept
beside it. Documents are taken whole or not at all (`rollback`).
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from contract.epcis_rules import faults
from simulators.clock import Chance, Pacer

BODY_BYTES_MAX = 16 * 1024 * 1024
DELAY_S_MAX = 0.05
POLLS_MAX = 3
JOBS_KEPT = 10_000
FAULTS = ("drop", "lose", "busy", "error", "delay", "repeat", "fail", "forget")
Event = dict[str, Any]


class Reply(NamedTuple):
    """`status` 0: the connection is closed without a word."""

    status: int
    headers: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Job:
    events: list[Event]
    polls: int  # until it is decided
    fails: bool
    forgotten: bool
    done: bool = False  # decided, or stored before anybody asked


@dataclass
class Peer:
    """`rate` is how often something goes wrong; `poison` refuses events whose `jaego:seq` it divides; `strict` refuses
    a document with an event that is there already."""

    chance: Chance
    rate: float = 0.0
    poison: int = 0
    limit: int = 1000
    token: str | None = None
    strict: bool = False
    out: Path | None = None
    size_limit: int | None = None  # bytes of a document; like `limit` told by OPTIONS if `tells`
    tells: bool = False
    stored: dict[tuple[str, bool], Event] = field(default_factory=dict[tuple[str, bool], Event])
    counts: Counter[str] = field(default_factory=Counter[str])
    jobs: dict[str, Job] = field(default_factory=dict[str, Job])

    def post(self, headers: Mapping[str, str], body: bytes) -> tuple[Reply, float]:
        """The answer, and how long to wait before it (seconds)."""
        wrong = self._wrong(headers, body)
        if wrong is not None:
            return wrong, 0.0
        fault = self._fault(FAULTS)
        if fault in {"drop", "busy", "error"}:
            return self._away(fault), 0.0
        events: list[Event] = json.loads(body)["epcisBody"]["eventList"]
        job = Job(events, self.chance.randint(0, POLLS_MAX) if self.rate else 0, fault == "fail", fault == "forget")
        name = f"{len(self.jobs)}-{self.chance.randrange(16**8):08x}"
        self.jobs[name] = job
        if len(self.jobs) > JOBS_KEPT:
            del self.jobs[next(iter(self.jobs))]
        early = fault in {"lose", "repeat"} or (fault == "forget" and self.chance.random() < 0.5)
        if early and not self._poisoned(events) and not self._clash(events):
            job.done = self.strict
            for _ in range(2 if fault == "repeat" else 1):
                self._store(events)  # before anybody asks for the job
        if fault == "lose":
            return Reply(0), 0.0
        delay_s = self.chance.random() * DELAY_S_MAX if fault == "delay" else 0.0
        return Reply(202, {"Location": f"/epcis/capture/{name}"}), delay_s

    def options(self) -> Reply:
        told = {"GS1-EPCIS-Capture-Limit": self.limit, "GS1-EPCIS-Capture-File-Size-Limit": self.size_limit}
        return Reply(204, {name: str(size) for name, size in told.items() if self.tells and size is not None})

    def poll(self, headers: Mapping[str, str], name: str) -> tuple[Reply, float]:
        if not self._allowed(headers):
            return _problem(401, "Unauthorized", "no such token"), 0.0
        fault = self._fault(("drop", "busy", "error", "delay"))
        if fault in {"drop", "busy", "error"}:
            return self._away(fault), 0.0
        job = self.jobs.get(name)
        if job is None or job.forgotten:
            return _problem(404, "NoSuchNameException", "no such capture job"), 0.0
        if job.polls > 0:
            job.polls -= 1
            return Reply(200, {}, {"captureID": name, "running": True, "success": True, "errors": []}), 0.0
        good = not job.fails and not self._poisoned(job.events) and (job.done or not self._clash(job.events))
        if good and not job.done:
            self._store(job.events)
        job.done = job.done or good
        errors: list[Event] = [] if good else [{"type": "epcisException:ValidationException", "title": "not this one"}]
        return Reply(200, {}, {"captureID": name, "running": False, "success": good, "errors": errors}), 0.0

    def look(self, headers: Mapping[str, str], event_id: str) -> tuple[Reply, float]:
        if not self._allowed(headers):
            return _problem(401, "Unauthorized", "no such token"), 0.0
        fault = self._fault(("drop", "busy", "error"))
        if fault:
            return self._away(fault), 0.0
        self.counts["looks"] += 1
        found = self.stored.get((event_id, False))
        return (Reply(200, {}, found) if found else _problem(404, "NoSuchResourceException", "no such event")), 0.0

    def _clash(self, events: list[Event]) -> bool:
        return self.strict and any(_key(event) in self.stored for event in events)

    def _fault(self, among: tuple[str, ...]) -> str:
        if self.chance.random() >= self.rate:
            return ""
        fault = min(among, key=lambda name: (self.counts[name], self.chance.random()))  # all of them come
        self.counts[fault] += 1
        return fault

    def _away(self, fault: str) -> Reply:
        if fault == "drop":
            return Reply(0)
        again = {"Retry-After": "0"} if self.chance.random() < 0.5 else {}
        return Reply(self.chance.choice((429, 503)) if fault == "busy" else 500, again)

    def _allowed(self, headers: Mapping[str, str]) -> bool:
        return self.token is None or headers.get("authorization") == f"Bearer {self.token}"

    def _wrong(self, headers: Mapping[str, str], body: bytes) -> Reply | None:
        if not self._allowed(headers):
            return _problem(401, "Unauthorized", "no such token")
        if headers.get("gs1-epcis-version") != "2.0.0" or "jaego=" not in headers.get("gs1-extensions", ""):
            return _problem(400, "ValidationException", "the headers of EPCIS 2.0 are missing")
        try:
            document = json.loads(body)
            events = cast("list[Event]", document["epcisBody"]["eventList"])
            found = faults(document)
        except (ValueError, KeyError, TypeError) as error:
            return _problem(400, "ValidationException", f"no EPCISDocument: {error!r}")
        if len(events) > self.limit:
            return _problem(413, "CaptureLimitExceededException", f"at most {self.limit} events")
        if self.size_limit is not None and len(body) > self.size_limit:
            return _problem(413, "CaptureLimitExceededException", f"at most {self.size_limit} bytes")
        if found:
            return _problem(400, "ValidationException", f"{found[0].rule}: {found[0].what}")
        if self._poisoned(events) and self.chance.random() < 0.5:
            return _problem(self.chance.choice((400, 422)), "ValidationException", "not this one")
        return None

    def _poisoned(self, events: list[Event]) -> bool:
        return self.poison > 0 and any(event["jaego:seq"] % self.poison == 0 for event in events)

    def _store(self, events: list[Event]) -> None:
        for event in events:
            key = _key(event)
            if key in self.stored:
                self.counts["known"] += 1
                continue
            self.stored[key] = event
            if self.out is not None:
                with self.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(event) + "\n")


def _key(event: Event) -> tuple[str, bool]:
    return event["eventID"], "errorDeclaration" in event


def _problem(status: int, kind: str, title: str) -> Reply:
    return Reply(status, {}, {"type": f"epcisException:{kind}", "title": title, "status": status})


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    peer: Peer

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.changing = threading.Lock()
        self.pacer = Pacer()
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone in the middle is nothing to write a traceback about; other errors are ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def _at(self) -> _Quiet:
        assert isinstance(self.server, _Quiet)
        return self.server

    def do_POST(self) -> None:
        size = self.headers.get("Content-Length", "")
        if not size.isdigit() or int(size) > BODY_BYTES_MAX:
            self._answer(_problem(413, "CaptureLimitExceededException", "too large"), 0.0)
            return
        body = self.rfile.read(int(size))
        if self.path != "/epcis/capture":
            self._answer(_problem(404, "NoSuchNameException", "no such resource"), 0.0)
            return
        with self._at.changing:
            reply, delay_s = self._at.peer.post(self._headers(), body)
        self._answer(reply, delay_s)

    def do_OPTIONS(self) -> None:
        with self._at.changing:
            reply = self._at.peer.options()
        self._answer(reply, 0.0)

    def do_GET(self) -> None:
        with self._at.changing:
            kind, _, name = self.path.removeprefix("/epcis/").partition("/")
            ask = self._at.peer.look if kind == "events" else self._at.peer.poll
            reply, delay_s = ask(self._headers(), unquote(name))
        self._answer(reply, delay_s)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _answer(self, reply: Reply, delay_s: float) -> None:
        self._at.pacer.wait(delay_s)
        if reply.status == 0:
            self.close_connection = True
            return
        body = json.dumps(reply.body).encode() if reply.body is not None else b""
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", "application/problem+json" if reply.status >= 400 else "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Nothing: the summary counts."""


class Server:
    """The peer on a port of this machine; one request at a time changes it."""

    def __init__(self, peer: Peer, port: int = 0) -> None:
        self._server = _Quiet(("127.0.0.1", port), _Handler)
        self._server.peer = peer
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/epcis"
        self._thread = threading.Thread(target=self._server.serve_forever, name="epcis")
        self._thread.start()

    def close(self) -> None:
        self._server.pacer.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
