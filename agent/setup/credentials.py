"""The store's credentials at the broker: its key, which is made here and stays here, and what head office answers.

    broker.pem         the certificate and its key, mode 0600: one file, so that neither is ever without the other
    broker.key         the key of a request that has no answer yet, mode 0600
    broker.csr         that request
    broker.renewal     why the last try to renew the certificate failed; absent: it did not
    broker-ca.pem      the authority that the broker's certificate is checked by
    broker.password    for a broker without certificates

They are in the state folder, which is the agent's own.
"""

from __future__ import annotations

import base64
import fcntl
import os
import re
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.errors import AgentError
from agent.ledger import files
from agent.setup.desk import ask

PAIR, KEY, REQUEST, AUTHORITY, PASSWORD = (
    "broker.pem",
    "broker.key",
    "broker.csr",
    "broker-ca.pem",
    "broker.password",
)
RENEW = timedelta(days=30)
REFUSED = "jaego-hq enrol STORE makes a token"
_PEM = serialization.Encoding.PEM
_KEY_BLOCK = re.compile(rb"-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----\n", re.DOTALL)


class Pair(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def chain(self) -> str:
        """The certificate alone, in PEM."""
        return self.certificate.public_bytes(_PEM).decode()


def settings(folder: Path) -> dict[str, str]:
    """Settings of the uplink for what is there."""
    found = {"ca_file": AUTHORITY, "cert_file": PAIR, "key_file": PAIR}
    return {name: str(folder / file) for name, file in found.items() if (folder / file).exists()}


@contextmanager
def held(folder: Path) -> Generator[None]:
    """The folder's credentials are written by one at a time; a second one waits. Raises `AgentError`."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise AgentError(f"{folder}: {error.strerror}", hint="run it as root, or as the owner of the folder") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_certificate(path: Path) -> x509.Certificate:
    """Raises `AgentError` where there is none."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AgentError(f"{path}: {error}", hint="jaego setup fetches another one, for a token") from error


def read_pair(path: Path) -> Pair:
    """Raises `AgentError` for a file that is not such a pair."""
    found = read_certificate(path)
    try:
        key = _loaded(path, b"".join(_KEY_BLOCK.findall(path.read_bytes())))
    except (OSError, ValueError) as error:
        raise AgentError(f"{path}: {error}", hint="jaego setup fetches another one, for a token") from error
    return Pair(found, key)


def request(folder: Path, store: str) -> bytes:
    """The signing request, PEM. The key is made at the first time; the same key gives the same request."""
    key = _key(folder)
    path = folder / REQUEST
    if path.exists():
        known = path.read_bytes()
        if _is_of(known, store, key):
            return known
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, store)])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    _keep(path, made.public_bytes(_PEM))
    return path.read_bytes()


def take(folder: Path, store: str, certificate: bytes, authority: bytes | None) -> None:
    """Head office's answer: put in place of the former pair in one step, then the request goes.

    Raises `AgentError` for a certificate that is not of this store, or of no key that is here.
    """
    try:
        found = x509.load_pem_x509_certificate(certificate)
        if authority is not None:
            x509.load_pem_x509_certificate(authority)
    except ValueError as error:
        raise AgentError(f"that is no certificate: {error}", hint="the file that jaego-hq enrol --csr wrote") from error
    key = next((one for one in _keys(folder) if one.public_key() == found.public_key()), None)
    if key is None or _name(found.subject) != store:
        raise AgentError(
            f"the certificate is of another store or key, of {_name(found.subject)}",
            hint=f"sign {folder / REQUEST} again",
        )
    if authority is not None:
        _keep(folder / AUTHORITY, authority)
    _keep(folder / PAIR, found.public_bytes(_PEM) + _pem(key))
    forget_request(folder)


def forget_request(folder: Path) -> None:
    for name in (REQUEST, KEY):
        (folder / name).unlink(missing_ok=True)


def forget_answered(folder: Path, present: Pair) -> None:
    """A request that became the present pair, and whose end was cut off: the next one needs a key of its own."""
    if (folder / KEY).exists() and _key(folder).public_key() == present.key.public_key():
        forget_request(folder)


def good(folder: Path, store: str, now: datetime) -> bool:
    """Whether the certificate that is there is this store's, and ends not soon."""
    try:
        found = read_pair(folder / PAIR).certificate
    except AgentError:
        return False
    return _name(found.subject) == store and found.not_valid_after_utc - now > RENEW


def redeem(folder: Path, store: str, desk: str, token: str, key: str | None) -> None:
    """Exchange a token of head office's for a certificate. `key`: public, that the store's log is signed with.

    The token tells the authority's SHA-256, so nothing secret is sent before the desk has shown that it is the one.
    """
    desk = desk.rstrip("/")
    _secret, _, told = token.partition(".")
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    authority = str(ask(f"{desk}/api/v1/enrol/authority", None, blind, REFUSED).get("certificate", ""))
    if not told or _fingerprint(authority) != told:
        hint = "copy the token whole; else somebody stands between this store and the desk"
        raise AgentError(f"{desk} is not the head office that made the token", hint=hint)
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(cadata=authority)
    body: dict[str, Any] = {"token": token, "request": request(folder, store).decode()}
    if key is not None:
        body["key"] = key
    answer = ask(f"{desk}/api/v1/enrol", body, trusted, REFUSED)
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


def _keys(folder: Path) -> list[ec.EllipticCurvePrivateKey]:
    """Of the request that is under way, and of the pair."""
    found = [_key(folder)] if (folder / KEY).exists() else []
    return found + ([read_pair(folder / PAIR).key] if (folder / PAIR).exists() else [])


def _key(folder: Path) -> ec.EllipticCurvePrivateKey:
    path = folder / KEY
    try:
        if not path.exists():
            _keep(path, _pem(ec.generate_private_key(ec.SECP256R1())))
        return _loaded(path, path.read_bytes())
    except (OSError, ValueError) as error:
        raise AgentError(f"{path}: {error}", hint="move it away; a new one needs a new certificate") from error


def _loaded(path: Path, pem: bytes) -> ec.EllipticCurvePrivateKey:
    found = serialization.load_pem_private_key(pem, None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise AgentError(f"{path} has no key of ours", hint="move it away; a new one needs a new certificate")
    return found


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _is_of(pem: bytes, store: str, key: ec.EllipticCurvePrivateKey) -> bool:
    try:
        known = x509.load_pem_x509_csr(pem)
    except ValueError:
        return False
    return _name(known.subject) == store and known.public_key() == key.public_key()


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
        if not path.exists() or path.read_bytes() != content:
            files.keep(path, content)
    except OSError as error:
        raise AgentError(f"{path}: {error.strerror}", hint="run it as root, or as the owner of the folder") from error
