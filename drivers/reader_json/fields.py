"""Values of both dialects' fields. What is absent, of another type or out of range is None: every field is optional."""

from __future__ import annotations

import binascii
import math
import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

EPC_BYTES_MAX = 62  # 31 words, as the length in the PC word has 5 bits (Gen2, 6.3.2.1.2.2)
RSSI_CDBM_MAX = 10_000
ANTENNA_MAX = 255
FREQUENCY_KHZ = range(300_000, 6_000_000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TURN_MRAD = 2000 * math.pi
# ISO 8601 as the readers write it: up to twelve digits of a second, a zone with or without a colon, or none (UTC).
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,12}))?\s?(?:[Zz]|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_URL_ALPHABET = str.maketrans("+/", "-_")


def section(value: Any) -> dict[str, Any]:
    """An object, or an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """A finite number, or one written as text."""
    if isinstance(value, str):
        try:
            value = float(value) if len(value) <= 32 else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def whole(value: Any, low: int, high: int) -> int | None:
    """A whole number from `low` to `high`, also as 3.0 or "3"."""
    found = number(value)
    if found is None or not low <= found <= high or found != int(found):
        return None
    return int(found)


def antenna(value: Any) -> int:
    """0 when the reader does not say."""
    return whole(value, 1, ANTENNA_MAX) or 0


def scaled(value: Any, factor: float, low: int, high: int) -> int | None:
    """`value` times `factor`, rounded, if it lies from `low` to `high`."""
    found = number(value)
    if found is None or not low <= found * factor <= high:
        return None
    return round(found * factor)


def rssi_cdbm(value: Any, per_unit: int) -> int | None:
    return scaled(value, per_unit, -RSSI_CDBM_MAX * 2, RSSI_CDBM_MAX)


def phase_mrad(value: Any) -> int | None:
    """Degrees, of either sign, to 0..6283."""
    found = number(value)
    if found is None or abs(found) > 36_000:
        return None
    return round(found * 1000 * math.pi / 180 % _TURN_MRAD) % 6283


def frequency_khz(value: Any, per_unit: int) -> int | None:
    return scaled(value, per_unit, FREQUENCY_KHZ.start, FREQUENCY_KHZ.stop - 1)


def hex_bytes(value: Any, size_max: int) -> bytes | None:
    if not isinstance(value, str) or not 2 <= len(value) <= 2 * size_max:
        return None
    try:
        return binascii.unhexlify(value)
    except (binascii.Error, ValueError):  # ValueError: a character beyond ASCII
        return None


def base64_bytes(value: Any, size_max: int) -> bytes | None:
    """base64url, with or without padding. The classic alphabet is taken too: no byte stands for two values."""
    if not isinstance(value, str) or not 2 <= len(value) <= 2 * size_max + 2:
        return None
    plain = value.rstrip("=").translate(_URL_ALPHABET)
    if len(plain) % 4 == 1:
        return None
    try:
        found = b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if 1 <= len(found) <= size_max else None


def time_us(value: Any) -> int | None:
    """Microseconds since 1970; nanoseconds are cut."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[place]) for place in range(1, 7))
    ahead = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0))
    try:
        zone = timezone(-ahead if found[8] == "-" else ahead)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    return (moment - _EPOCH) // _MICROSECOND + int((found[7] or "").ljust(6, "0")[:6])
