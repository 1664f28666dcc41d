"""Where a store exchanges its token for a certificate (`jaego setup`). Open to everybody: the token is the proof.

Over TLS only, a few times a minute for each address; every exchange, and every one that is refused, is a line in the
desk's log.
"""

from __future__ import annotations

import sys
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from headoffice import enrolling, keys
from headoffice.authority import REQUEST_BYTES_MAX, Authority
from headoffice.enrolling import NotInvited
from headoffice.errors import ConfigError
from headoffice.view.paging import Told
from headoffice.web.limits import Buckets
from headoffice.web.origin import address_of, is_loopback
from headoffice.web.room import Refused, Time, Writing, room_of

router = APIRouter(prefix="/api/v1/enrol", tags=["enrol"])
EACH_PER_S, EACH_BURST = 0.1, 10
ALL_PER_S, ALL_BURST = 2.0, 100


class Desired(Told):
    token: Annotated[str, Field(min_length=1, max_length=128, description="of jaego-hq enrol")]
    request: Annotated[str, Field(max_length=REQUEST_BYTES_MAX, description="certificate signing request, PEM")]
    key: Annotated[
        str | None, Field(pattern="^[0-9a-f]{64}$", description="public key that the store's log is signed with")
    ] = None


class Enrolled(Told):
    store: str
    certificate: str = Field(description="PEM; its common name is the store")
    authority: str = Field(description="PEM: the broker's certificate is checked by it")


class AuthorityShown(Told):
    certificate: str = Field(description="PEM; its SHA-256 is in every token, behind the point")


class Limits:
    """How often a token may be tried: by each address, and by all."""

    def __init__(self) -> None:
        self._each, self._all = Buckets(EACH_PER_S, EACH_BURST), Buckets(ALL_PER_S, ALL_BURST)

    def check(self, address: str, now_s: float) -> None:
        if self._each.wait_s(address, now_s) or self._all.wait_s("", now_s):
            raise Refused(429, "too_often", "too many tries: wait a minute")


def _authority(request: Request) -> Authority:
    found: Authority | None = room_of(request).authority
    if found is None:
        raise Refused(404, "no_authority", "this desk signs nothing: start it with --authority FOLDER")
    return found


@router.get("/authority", summary="The certificate of head office's authority; open to everybody")
def authority(request: Request) -> AuthorityShown:
    return AuthorityShown(certificate=_authority(request).pem.decode())


@router.post("", summary="Exchange a token for a store's certificate; open to everybody")
def enrol(body: Desired, request: Request, database: Writing, clock: Time) -> Enrolled:
    signer, address = _authority(request), address_of(request.scope)
    if request.url.scheme != "https" and not is_loopback(request.scope):
        raise Refused(403, "not_secret", "a token is sent over https only: it is no longer secret, make another")
    limits: Limits = request.app.state.enrolling
    limits.check(address, clock.now_s())
    try:
        store, issued = enrolling.redeem(database, signer, body.token, body.request.encode(), clock)
    except NotInvited as error:
        _say(f"refused, a token that is not good, from {address}")
        raise Refused(403, "not_invited", error.hint, "token") from error
    except ConfigError as error:
        _say(f"refused, {error}, from {address}")
        raise Refused(422, "not_signed", f"{error}: {error.hint}", "request") from error
    if body.key is not None:
        keys.enrol(database, store, body.key, clock.wall_us())
    _say(f"{store} has certificate {issued.serial}, from {address}" + (f", key {body.key}" if body.key else ""))
    return Enrolled(store=store, certificate=issued.chain.decode(), authority=signer.pem.decode())


def _say(line: str) -> None:
    sys.stderr.write(f"desk: enrol: {line.encode('unicode_escape').decode()}\n")
