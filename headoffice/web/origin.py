"""Where a request comes from, and where it goes: the Host list, the origin of a page, the address of a peer."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

HOST_CHARACTERS_MAX = 255


def address_of(scope: Scope) -> str:
    """The peer's; of IPv6 its network, because a host owns 2^64 addresses."""
    host = str((scope.get("client") or ("",))[0])
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return str(address) if address.version == 4 or address.is_loopback else address.exploded[:19]


def is_loopback(scope: Scope) -> bool:
    try:
        return ip_address(address_of(scope)).is_loopback
    except ValueError:
        return False


def is_ours(headers: Headers, scope: Scope, names: frozenset[str]) -> bool:
    """Whether the one Host header names this desk: a stranger's name that points here (DNS rebinding) does not."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or len(hosts[0]) > HOST_CHARACTERS_MAX:
        return False
    try:
        held = urlsplit(f"//{hosts[0]}")
        host, _ = (held.hostname or "").lower(), held.port
    except ValueError:
        return False
    if held.path or held.query or held.username is not None or not host:
        return False
    if host == "localhost" or host in names:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    server = scope.get("server")
    return address.is_loopback or (server is not None and str(address) == str(server[0]))


def is_of_a_stranger(headers: Headers) -> bool:
    """Whether a browser says that a page of another site sends this; programs say nothing of that kind."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return True
    origin = headers.get("origin")
    if origin is None or (origin == "null" and site == "same-origin"):  # a form's, under our Referrer-Policy
        return False
    try:
        held = urlsplit(origin)
    except ValueError:
        return True
    # Not the scheme: behind a proxy that has the certificate it is another one here.
    return held.netloc.lower() != headers.get("host", "").lower()
