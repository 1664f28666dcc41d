"""Errors of head office. Each carries a hint: what a person can do.

HeadOfficeError
+-- ConfigError         arguments or files that cannot be used
+-- DatabaseUnusable    cannot be opened, is locked by another process, is of a newer release
|   +-- DatabaseAway    no server answers there, or it takes nobody yet: it may come
+-- DatabaseFull        no room to write
+-- DatabaseLost        the connection is gone, nothing of the round is stored: open it again and go on
+-- LeaseLost           another worker has the stores of this round: nothing of it is stored
+-- Damaged             what is stored is not what was stored
+-- BrokerUnreachable   no connection to the broker
+-- PeerRefuses         a system that we deliver to takes nothing from us: a person must look
+-- NotComparable       a comparison that could not be made
"""

from __future__ import annotations

from pathlib import Path


class HeadOfficeError(Exception):
    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(HeadOfficeError):
    pass


def unusable_pem(error: OSError, *files: Path | None) -> ConfigError:
    """`ssl.SSLError` is an `OSError`, and neither says which file it was about."""
    names = ", ".join(str(one) for one in files if one)
    return ConfigError(f"{names}: {error.strerror or error}", hint="PEM files that can be read")


class DatabaseUnusable(HeadOfficeError):
    pass


class DatabaseAway(DatabaseUnusable):
    pass


class DatabaseFull(HeadOfficeError):
    pass


class DatabaseLost(HeadOfficeError):
    pass


class LeaseLost(HeadOfficeError):
    pass


class Damaged(HeadOfficeError):
    pass


class BrokerUnreachable(HeadOfficeError):
    pass


class PeerRefuses(HeadOfficeError):
    pass


class NotComparable(HeadOfficeError):
    pass
