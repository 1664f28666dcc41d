"""The store's credentials at the broker: its key, which is made here and stays here, and what head office answers.

    broker.key         the certificate's key, mode 0600
    broker.csr         the signing request
    broker.pem         the certificate
    broker-ca.pem      the authority that the broker's certificate is checked by
    broker.password    for a broker without certificates

They are in the state folder, which is the agent's own.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib import request as http
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.errors import AgentError
from agent.ledger import files

KEY, REQUEST, CERTIFICATE, AUTHORITY, PASSWORD = (
    "broker.key",
    "broker.csr",
    "broker.pem",
    "broker-ca.pem",
    "broker.password",
)
ANSWER_S_MAX = 15.0
ANSWER_BYTES_MAX = 65_536
RENEW = timedelta(days=30)
_PEM = serialization.Encoding.PEM


def settings(folder: Path) -> dict[str, str]:
    """Settings of the uplink for what is there."""
    found = {"ca_file": AUTHORITY, "cert_file": CERTIFICATE, "key_file": KEY}
    return {name: str(folder / file) for name, file in found.items() if (folder / file).exists()}


def request(folder: Path, store: str) -> bytes:
    """The signing request, PEM. The key is made at the first time; the same key gives the same request."""
    key = _key(folder)
    path = folder / REQUEST
    if path.exists():
        held = path.read_bytes()
        if _is_of(held, store, key):
            return held
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, store)])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    _keep(path, made.public_bytes(_PEM))
    return path.read_bytes()


def take(folder: Path, store: str, certificate: bytes, authority: bytes | None) -> None:
    """Head office's answer. Raises `AgentError` for a certificate that is not of this store and key."""
    try:
        found = x509.load_pem_x509_certificate(certificate)
        if authority is not None:
            x509.load_pem_x509_certificate(authority)
    except ValueError as error:
        raise AgentError(f"that is no certificate: {error}", hint="the file that jaego-hq enrol --csr wrote") from error
    if found.public_key() != _key(folder).public_key() or _name(found.subject) != store:
        raise AgentError(
            f"the certificate is of another store or key, of {_name(found.subject)}",
            hint=f"sign {folder / REQUEST} again",
        )
    if authority is not None:
        _keep(folder / AUTHORITY, authority)
    _keep(folder / CERTIFICATE, certificate)


def good(folder: Path, store: str, now: datetime) -> bool:
    """Whether the certificate that is there is this store's, and ends not soon."""
    try:
        found = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
        key = _key(folder)
    except (OSError, ValueError, AgentError):
        return False
    is_ours = _name(found.subject) == store and found.public_key() == key.public_key()
    return is_ours and found.not_valid_after_utc - now > RENEW


def redeem(folder: Path, store: str, desk: str, token: str, key: str | None) -> None:
    """Exchange a token of head office's for a certificate. `key`: public, that the store's log is signed with.

    The token tells the authority's SHA-256, so nothing secret is sent before the desk has shown that it is the one.
    """
    desk = desk.rstrip("/")
    _secret, _, told = token.partition(".")
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    authority = str(_asked(f"{desk}/api/v1/enrol/authority", None, blind).get("certificate", ""))
    if not told or _fingerprint(authority) != told:
        hint = "copy the token whole; else somebody stands between this store and the desk"
        raise AgentError(f"{desk} is not the head office that made the token", hint=hint)
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(cadata=authority)
    body: dict[str, Any] = {"token": token, "request": request(folder, store).decode()}
    if key is not None:
        body["key"] = key
    answer = _asked(f"{desk}/api/v1/enrol", body, trusted)
    if answer.get("store") != store:
        raise AgentError(f"the token is of store {answer.get('store')}", hint=f"ask for one: jaego-hq enrol {store}")
    take(folder, store, str(answer["certificate"]).encode(), authority.encode())


def signing_key(folder: Path) -> str | None:
    """The key that the log is or will be signed with; None where there is a log whose key is not there."""
    if (folder / files.DATABASE).exists():
        return files.read_key(folder)[1] if (folder / files.KEY).exists() else None
    return files.store_key(folder)[1]


def keep_password(folder: Path, password: str) -> None:
    _keep(folder / PASSWORD, password.encode() + b"\n")


def keep_authority(folder: Path, authority: bytes) -> None:
    _keep(folder / AUTHORITY, authority)


def _key(folder: Path) -> ec.EllipticCurvePrivateKey:
    path = folder / KEY
    try:
        if not path.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            _keep(path, made.private_bytes(_PEM, *form))
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise AgentError(f"{path}: {error}", hint="move it away; a new one needs a new certificate") from error
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise AgentError(f"{path} is no key of ours", hint="move it away; a new one needs a new certificate")
    return found


def _is_of(pem: bytes, store: str, key: ec.EllipticCurvePrivateKey) -> bool:
    try:
        held = x509.load_pem_x509_csr(pem)
    except ValueError:
        return False
    return _name(held.subject) == store and held.public_key() == key.public_key()


def _name(subject: x509.Name) -> str:
    return ",".join(str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def _fingerprint(pem: str) -> str:
    try:
        body = x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)
    except ValueError:
        return ""
    return base64.urlsafe_b64encode(sha256(body).digest()).decode().rstrip("=")


def _keep(path: Path, content: bytes) -> None:
    try:
        files.keep(path, content)
    except OSError as error:
        raise AgentError(f"{path}: {error.strerror}", hint="run it as root, or as the owner of the folder") from error


def _asked(url: str, body: dict[str, Any] | None, context: ssl.SSLContext) -> dict[str, Any]:
    """One request, without a proxy. Raises `AgentError`."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise AgentError(f"{url} is not https", hint="a token is never sent in the clear")
    data = None if body is None else json.dumps(body).encode()
    opener: Callable[..., Any] = http.build_opener(http.ProxyHandler({}), http.HTTPSHandler(context=context)).open
    asked = http.Request(url, data, {"content-type": "application/json"})  # noqa: S310  the scheme is checked above
    try:
        with opener(asked, timeout=ANSWER_S_MAX) as answer:
            return dict(json.loads(answer.read(ANSWER_BYTES_MAX)))
    except HTTPError as error:
        raise AgentError(f"head office refuses: {_hint(error)}", hint="jaego-hq enrol STORE makes a token") from error
    except (URLError, OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise AgentError(f"{url}: {why}", hint="is that the desk, and its certificate of ca server?") from error


def _hint(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read(ANSWER_BYTES_MAX))["hint"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
