"""The capture interface of an EPCIS 2.0 repository over HTTP: one connection, kept while it can be.

POST {address}/capture with a document, GET of the job that its answer names. Redirects are not followed, and a job at
another host is not asked: the token is for this one.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urljoin, urlsplit

from headoffice.epcis_engine import Accepted, Answer, Job, Known, Limits, Refused, Unavailable
from headoffice.errors import ConfigError, PeerRefuses

TIMEOUT_S = 30.0
ANSWER_BYTES_MAX = 1_000_000
REASON_CHARACTERS_MAX = 300
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_WRONG = frozenset({400, 409, 413, 422})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


class Capture:
    """`address` is what `/capture` stands below. Raises `ConfigError` for one that cannot be used."""

    def __init__(self, address: str, namespace: str, token: str | None = None, ca: Path | None = None) -> None:
        self.address = usable(address, secret=token is not None)
        self._capture = f"{self.address}/capture"
        place = urlsplit(self.address)
        self._host, self._port = place.hostname or "", place.port
        self._tls = _tls(ca) if place.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None
        self._headers = {
            "Accept": "application/json",
            "GS1-EPCIS-Version": "2.0.0",
            "GS1-CBV-Version": "2.0.0",
            "GS1-Extensions": f"jaego={namespace}",
        }
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def post(self, document: bytes, now_us: int) -> Answer:
        """Raises `PeerRefuses` where no document would be taken."""
        more = {"Content-Type": "application/json", "GS1-Capture-Error-Behaviour": "rollback"}
        found = self._ask("POST", self._capture, document, more)
        if isinstance(found, Unavailable):
            return found
        status, headers, body = found
        if status == 202:
            return self._accepted(headers)
        if status in _WRONG:
            return Refused(f"HTTP {status}: {reason_of(body)}")
        return self._other(status, headers, body, now_us)

    def limits(self) -> Limits | None:
        """What a document may have (EPCIS 2.0, OPTIONS of /capture); None while it does not answer."""
        found = self._ask("OPTIONS", self._capture, None, {})
        if isinstance(found, Unavailable) or found[0] in _LATER:
            return None
        names = ("gs1-epcis-capture-limit", "gs1-epcis-capture-file-size-limit")
        return Limits(*(_limit(found[1].get(name, "")) for name in names))

    def poll(self, job: str, now_us: int) -> Answer:
        """Raises `PeerRefuses` as `post`."""
        found = self._ask("GET", job, None, {})
        if isinstance(found, Unavailable):
            return found
        status, headers, body = found
        if status in {404, 410}:
            return Job("lost")
        if status != 200:
            return self._other(status, headers, body, now_us)
        return job_of(body)

    def look(self, event_id: str, now_us: int) -> Answer:
        """Whether an event is there; no, too, where the peer has no such interface. Raises `PeerRefuses` as `post`."""
        found = self._ask("GET", f"{self.address}/events/{quote(event_id, safe='')}", None, {})
        if isinstance(found, Unavailable):
            return found
        status, headers, body = found
        if status in _LATER or status in {401, 403}:
            return self._other(status, headers, body, now_us)
        return Known(status == 200)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _accepted(self, headers: Mapping[str, str]) -> Answer:
        location = headers.get("location")
        if not location:
            raise PeerRefuses("it took a document and names no job", hint="is this an EPCIS 2.0 capture interface?")
        job = urljoin(self._capture, location)
        if urlsplit(job)[:2] != urlsplit(self._capture)[:2]:
            raise PeerRefuses(f"it names a job at another address: {job}", hint="give that address instead")
        return Accepted(job)

    def _other(self, status: int, headers: Mapping[str, str], body: bytes, now_us: int) -> Unavailable:
        if status in _LATER:
            return Unavailable(f"HTTP {status}", retry_after_s(headers.get("retry-after"), now_us))
        hint = "check the token" if status in {401, 403} else "check the address: /capture stands below it"
        raise PeerRefuses(f"{self._capture}: HTTP {status}: {reason_of(body)}", hint=hint)

    def _ask(
        self, method: str, address: str, body: bytes | None, more: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes] | Unavailable:
        place = urlsplit(address)
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        try:
            connection = self._connected()
            connection.request(method, path, body, {**self._headers, **more})
            answer = connection.getresponse()
            read = answer.read(ANSWER_BYTES_MAX)
            headers = {name.lower(): value for name, value in answer.getheaders()}
            if not answer.isclosed():  # more than anybody needs: the connection is of no use behind it
                self.close()
        except ssl.SSLCertVerificationError as error:
            raise PeerRefuses(
                f"its certificate is not to be trusted: {error.verify_message}", hint="see --ca"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Unavailable(str(error) or type(error).__name__)
        return answer.status, headers, read

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            if self._tls is not None:
                self._connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=TIMEOUT_S, context=self._tls
                )
            else:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        return self._connection


def _limit(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 and int(text) else None


def usable(address: str, *, secret: bool) -> str:
    """The address without a slash behind it, or `/capture`. Raises `ConfigError`."""
    hint = "write https://HOST/PATH, what /capture stands below, without a password"
    try:
        place = urlsplit(address)
        _ = place.port
    except ValueError as error:
        raise ConfigError(f"{address!r} is no address of a capture interface", hint=hint) from error
    if place.scheme not in {"http", "https"} or not place.hostname or place.username is not None or place.query:
        raise ConfigError(f"{address!r} is no address of a capture interface", hint=hint)
    if secret and place.scheme == "http" and place.hostname not in LOCAL:
        raise ConfigError("a token over http could be read by anybody on the way", hint="use https")
    return address.rstrip("/").removesuffix("/capture")


def _tls(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca) if ca is not None else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca}: {error}", hint="authorities in PEM") from error


def job_of(body: bytes) -> Job | Unavailable:
    """A capture job document; what is none is asked for again."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return Unavailable("the job's answer is no job")
    job = cast("dict[str, Any]", found)
    if not isinstance(job.get("running"), bool) or not isinstance(job.get("success"), bool):
        return Unavailable("the job's answer is no job")
    if job["running"]:  # `success` false: it is being rolled back, and must end before anything is sent again
        return Job("running")
    return Job("stored") if job["success"] else Job("failed", f"job failed: {_shown(str(job.get('errors', '')))}")


def reason_of(body: bytes) -> str:
    """Of a problem document (RFC 7807), else the beginning of what came."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict):
        problem = cast("dict[str, Any]", found)
        return _shown(" ".join(str(problem[name]) for name in ("title", "detail") if problem.get(name)))
    return _shown(body[:REASON_CHARACTERS_MAX].decode("utf-8", "replace"))


def retry_after_s(text: str | None, now_us: int) -> float | None:
    """Seconds, of seconds or a date (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    now = datetime.fromtimestamp(now_us / 1e6, UTC)
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def _shown(text: str) -> str:
    cut = text[:REASON_CHARACTERS_MAX]
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in cut) or "no reason given"
