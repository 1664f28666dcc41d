"""A small certificate authority of head office's own: stores, the broker and the desk show what it has signed.

    ca.pem    its certificate: goes to the broker, to every store
    ca.key    its key, for its owner alone: whoever has it can be every store
    ca.crl    certificates that are taken back; the broker reads it (`crlfile`)

A store's certificate has the store's id as its common name and nothing else, because brokers take the common name for
the user's. Head office's own is `@headoffice`, which no store can be called. Keys of stores never come here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from contract.ids import is_store
from headoffice.errors import ConfigError

OFFICE = "@headoffice"
OWN_YEARS = 20
STORE_DAYS = 3 * 365
REQUEST_BYTES_MAX = 16_384
CLOCK_OFF = timedelta(days=1)  # a store's clock may be behind
RESERVED = frozenset({"headoffice"})  # the level in topics of alerts that are of no one store
_PEM = serialization.Encoding.PEM
_DAY = timedelta(days=1)


class Issued(NamedTuple):
    """`chain`: the certificate in PEM. `serial` in hexadecimal."""

    chain: bytes
    serial: str
    ends_us: int


class Shown(NamedTuple):
    """A store's certificate that this authority has signed, whenever it ends."""

    store: str
    serial: str
    key: ec.EllipticCurvePublicKey

    def signed(self, signature: bytes, content: bytes) -> bool:
        """ECDSA with SHA-256, in DER."""
        try:
            self.key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


class Authority:
    """Raises `ConfigError` for a folder without one, and for requests that are not signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pem = _read(folder / "ca.pem")
        try:
            self._certificate = x509.load_pem_x509_certificate(self.pem)
            key = serialization.load_pem_private_key(_read(folder / "ca.key"), None)
        except ValueError as error:
            raise ConfigError(f"{folder}: {error}", hint="bring its files back from their copy") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigError(f"{folder / 'ca.key'} is no key of ours", hint="bring it back from its copy")
        self._key = key

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate in DER."""
        return sha256(self._certificate.public_bytes(serialization.Encoding.DER)).digest()

    def seal(self, text: str) -> bytes:
        """32 bytes that only who has this authority's key can make of a text."""
        return digest(sha256(_private(self._key)).digest(), text.encode(), "sha256")

    def shown(self, pem: bytes) -> Shown:
        """Raises `ConfigError` for what is no certificate of a store's that this authority has signed."""
        hint = "the certificate that jaego setup has fetched"
        try:
            found = x509.load_pem_x509_certificate(pem)
            found.verify_directly_issued_by(self._certificate)
            use = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            key = found.public_key()
        except Exception as error:  # whatever the library says of bytes from outside: they are not ours
            raise ConfigError("that is no certificate of this authority", hint=hint) from error
        [name] = [str(one.value) for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if ExtendedKeyUsageOID.CLIENT_AUTH not in use or not isinstance(key, ec.EllipticCurvePublicKey):
            raise ConfigError("that certificate is no store's, or its key is of another kind", hint=hint)
        check_store(name)
        return Shown(name, f"{found.serial_number:x}", key)

    def store(self, store: str, request: bytes, now_us: int, days: int = STORE_DAYS) -> Issued:
        """Sign a store's request (PKCS #10, PEM)."""
        check_store(store)
        asked = _request(request)
        names = [str(one.value) for one in asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if names != [store]:
            found = ", ".join(names) or "nobody"
            raise ConfigError(
                f"the request is of {found[:80]}, not of {store}", hint="jaego setup makes it in the store"
            )
        return self._client(store, asked.public_key(), now_us, days)

    def office(self, now_us: int) -> tuple[Issued, bytes]:
        """Head office's own certificate, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._client(OFFICE, key.public_key(), now_us, STORE_DAYS), _private(key)

    def server(self, names: Iterable[str], now_us: int) -> tuple[Issued, bytes]:
        """A certificate for a broker or a desk that is reached by these names and addresses, and its key."""
        given = list(names)
        key = ec.generate_private_key(ec.SECP256R1())
        where = x509.SubjectAlternativeName([_general(name) for name in given])
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        return self._sign(given[0], key.public_key(), now_us, STORE_DAYS, where, use), _private(key)

    def take_back(self, serials: Iterable[str], now_us: int) -> Path:
        """Write the list of certificates that are taken back, whole; the broker must read it again."""
        now = _time(now_us)
        made = x509.CertificateRevocationListBuilder().issuer_name(self._certificate.subject)
        made = made.last_update(now - CLOCK_OFF).next_update(now + OWN_YEARS * 365 * _DAY)
        for serial in serials:
            one = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(now - CLOCK_OFF)
            made = made.add_revoked_certificate(one.build())
        path = self.folder / "ca.crl"
        put(path, made.sign(self._key, hashes.SHA256()).public_bytes(_PEM), 0o644)
        return path

    def _client(self, name: str, key: CertificatePublicKeyTypes, now_us: int, days: int) -> Issued:
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._sign(name, key, now_us, days, use)

    def _sign(
        self, name: str, key: CertificatePublicKeyTypes, now_us: int, days: int, *more: x509.ExtensionType
    ) -> Issued:
        ends = min(_time(now_us) + days * _DAY, self._certificate.not_valid_after_utc)
        made = _builder(name, key, now_us).issuer_name(self._certificate.subject).not_valid_after(ends)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        for extension in (known, *more):
            made = made.add_extension(extension, critical=False)
        signed = made.sign(self._key, hashes.SHA256())
        return Issued(signed.public_bytes(_PEM), f"{signed.serial_number:x}", int(ends.timestamp() * 1_000_000))


def begin(folder: Path, name: str, now_us: int) -> Authority:
    """A new authority in a folder that has none. Raises `ConfigError`."""
    if (folder / "ca.key").exists() or (folder / "ca.pem").exists():
        raise ConfigError(f"{folder} has an authority already", hint="a second one would shut out every store")
    key = ec.generate_private_key(ec.SECP256R1())
    made = _builder(name, key.public_key(), now_us).issuer_name(_named(name))
    made = made.not_valid_after(_time(now_us) + OWN_YEARS * 365 * _DAY)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(_KEY_USAGE, critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}", hint="name another folder with --authority") from error
    put(folder / "ca.key", _private(key), 0o600)
    put(folder / "ca.pem", made.sign(key, hashes.SHA256()).public_bytes(_PEM), 0o644)
    authority = Authority(folder)
    authority.take_back((), now_us)
    return authority


def check_store(store: str) -> None:
    """Raises `ConfigError` for what no store can be called."""
    if not is_store(store) or store in RESERVED:
        raise ConfigError(f"{store[:80]!r} is no store", hint="name it as its topics do, such as S001")


def put(path: Path, content: bytes, mode: int, owner: str | None = None) -> None:
    """Whole or not at all, and given to a user. Raises `ConfigError`."""
    made = path.with_name(path.name + ".new")
    try:
        made.unlink(missing_ok=True)
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
        if owner is not None:
            shutil.chown(made, owner)
        made.replace(path)
    except LookupError as error:
        raise ConfigError(f"there is no user {owner}", hint="the broker's is mosquitto on Debian") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="check the path, its permissions and free space") from error


_KEY_USAGE = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _builder(name: str, key: CertificatePublicKeyTypes, now_us: int) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder().subject_name(_named(name)).public_key(key)
    return made.serial_number(x509.random_serial_number()).not_valid_before(_time(now_us) - CLOCK_OFF)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _time(now_us: int) -> datetime:
    return datetime.fromtimestamp(now_us // 1_000_000, UTC)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        raise ConfigError(
            f"{name[:80]!r} is no name of a host", hint="as in broker.example.com, or an address"
        ) from error


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _request(pem: bytes) -> x509.CertificateSigningRequest:
    hint = "a request in PEM, as jaego setup writes it"
    if len(pem) > REQUEST_BYTES_MAX:
        raise ConfigError(f"the request has more than {REQUEST_BYTES_MAX} bytes", hint=hint)
    try:
        asked = x509.load_pem_x509_csr(pem)
        key = asked.public_key()
        whole = asked.is_signature_valid
    except Exception as error:  # whatever the library says of bytes from outside: they are not signed
        raise ConfigError("that is no certificate signing request", hint=hint) from error
    if not whole:
        raise ConfigError("the request is not signed with its own key", hint=hint)
    strong = (
        isinstance(key, ed25519.Ed25519PublicKey)
        or (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048)
        or (isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= 256)
    )
    if not strong:
        raise ConfigError("the request's key is too weak", hint="EC of 256 bits, Ed25519, or RSA of 2048")
    return asked


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="jaego-hq ca init makes an authority") from error
