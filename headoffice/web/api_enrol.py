"""Where a store exchanges its token for a certificate (`jaego setup`), and its certificate for the next one (`jaego
renew`). Open to everybody: the token is the proof, or a signature by the present key.

Over TLS only, a few times a minute for each address and store; every exchange, and every one that is refused, is a line
in the desk's log.
"""

from __future__ import annotations

import sys
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from headoffice import enrolling, keys, renewing
from headoffice.authority import REQUEST_BYTES_MAX, Authority
from headoffice.enrolling import NotInvited
from headoffice.errors import ConfigError
from headoffice.renewing import NotRenewed, Renewal
from headoffice.view.paging import Told
from headoffice.web.limits import Buckets
from headoffice.web.origin import address_of, is_loopback
from headoffice.web.room import Refused, Time, Writing, room_of

router = APIRouter(prefix="/api/v1/enrol", tags=["enrol"])
EACH_PER_S, EACH_BURST = 0.1, 10
ALL_PER_S, ALL_BURST = 2.0, 100
STORE_PER_S, STORE_BURST = 1 / 600, 5


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


class ChallengeShown(Told):
    challenge: str = Field(description="is signed with the certificate's key, within five minutes")


class Renewing(Told):
    certificate: Annotated[str, Field(max_length=REQUEST_BYTES_MAX, description="the present one, PEM")]
    request: Annotated[str, Field(max_length=REQUEST_BYTES_MAX, description="for the new key, PEM")]
    challenge: Annotated[str, Field(max_length=128, description="of `GET /api/v1/enrol/challenge`")]
    signature: Annotated[
        str,
        Field(
            pattern="^([0-9a-f]{2}){8,160}$",
            description="by the present key, ECDSA with SHA-256 in DER, in hexadecimal; over the line "
            "`jaego-certificate-renewal`, the line of the challenge, and the 32 bytes of the request's SHA-256",
        ),
    ]


class AuthorityShown(Told):
    certificate: str = Field(description="PEM; its SHA-256 is in every token, behind the point")


class Limits:
    """How often a token or a certificate may be tried: by each address, by all, and by a store that has proven it."""

    def __init__(self) -> None:
        self._each, self._all = Buckets(EACH_PER_S, EACH_BURST), Buckets(ALL_PER_S, ALL_BURST)
        self._stores = Buckets(STORE_PER_S, STORE_BURST)

    def check(self, address: str, now_s: float) -> None:
        if self._each.wait_s(address, now_s) or self._all.wait_s("", now_s):
            raise Refused(429, "too_often", "too many tries: wait a minute")

    def check_store(self, store: str, now_s: float) -> None:
        if self._stores.wait_s(store, now_s):
            raise Refused(429, "too_often", "this store renews again and again: wait ten minutes")


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
    if not _is_secret(request):
        raise Refused(403, "not_secret", "a token is sent over https only: it is no longer secret, make another")
    _limits(request).check(address, clock.now_s())
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


@router.get("/challenge", summary="What a store signs to renew its certificate; open to everybody")
def challenge(request: Request, clock: Time) -> ChallengeShown:
    return ChallengeShown(challenge=renewing.challenge(_authority(request), clock.wall_us()))


@router.post("/renew", summary="Exchange a store's certificate for the next one; open to everybody")
def renew(body: Renewing, request: Request, database: Writing, clock: Time) -> Enrolled:
    signer, address, limits = _authority(request), address_of(request.scope), _limits(request)
    if not _is_secret(request):
        raise Refused(403, "not_https", "a certificate is renewed over https only")
    limits.check(address, clock.now_s())
    shown, desired = body.certificate.encode(), body.request.encode()
    try:
        asked = Renewal(shown, desired, body.challenge, bytes.fromhex(body.signature))
        proven = renewing.check(signer, asked, clock.wall_us())
        limits.check_store(proven.store, clock.now_s())
        issued = renewing.renew(database, signer, proven, clock)
    except NotRenewed as error:
        _say(f"not renewed, {error}, from {address}")
        raise Refused(403, "not_renewed", f"{error}: {error.hint}", "certificate") from error
    except ConfigError as error:
        _say(f"not renewed, {error}, from {address}")
        raise Refused(422, "not_signed", f"{error}: {error.hint}", "request") from error
    _say(f"{proven.store} has renewed {proven.serial}: certificate {issued.serial}, from {address}")
    return Enrolled(store=proven.store, certificate=issued.chain.decode(), authority=signer.pem.decode())


def _is_secret(request: Request) -> bool:
    return request.url.scheme == "https" or is_loopback(request.scope)


def _limits(request: Request) -> Limits:
    found: Limits = request.app.state.enrolling
    return found


def _say(line: str) -> None:
    sys.stderr.write(f"desk: enrol: {line.encode('unicode_escape').decode()}\n")
