"""What a store signs with its certificate's key when it asks head office for the next certificate."""

from __future__ import annotations

from hashlib import sha256


def proof(challenge: str, request: bytes) -> bytes:
    """The bytes to sign. `challenge`: head office's, for this time only. `request`: PKCS #10 of the new key, in PEM.

    The first line keeps a signature for this from being one for anything else.
    """
    return b"\n".join((b"jaego-certificate-renewal", challenge.encode("utf-8", "replace"), sha256(request).digest()))
