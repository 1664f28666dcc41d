"""Content rules of AI components: the linters that the GS1 Barcode Syntax Dictionary names.

Each takes the component's text and gives None, or the error in the words of the dictionary's reference linters
(github.com/gs1/gs1-syntax-dictionary), so that a refusal can be looked up there. The rules are GS1's (General
Specifications, section 3); the code is ours. The coupon rules stand in coupons.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from identity.check import csumalpha_pair, gs1_valid
from identity.code_lists import COUNTRIES, COUNTRY_LETTERS, CURRENCIES, MEDIA, PACKAGES
from identity.coupons import couponcode, couponposoffer

Linter = Callable[[str], str | None]

DIGITS = frozenset("0123456789")
CSET39 = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ#-/")
CSET64 = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_")
CSET82 = CSET64 | frozenset("!\"%&'()*+,./:;<=>?")
GCP_DIGITS_MIN = 4
IBAN_CHARACTERS_MIN = 11
IBAN_CHARACTERS_MAX = 34
CHECK_PAIR_CHARACTERS_MAX = 99  # the reference's limit; no AI comes near

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_POSITION = re.compile(r"([0-9]+)/([0-9]+)\Z")
_CSET64_TAIL = re.compile(r"=+\Z")


def digits(text: str) -> str | None:
    return None if DIGITS.issuperset(text) else "NON_DIGIT_CHARACTER"


def cset39(text: str) -> str | None:
    return None if CSET39.issuperset(text) else "INVALID_CSET39_CHARACTER"


def cset82(text: str) -> str | None:
    return None if CSET82.issuperset(text) else "INVALID_CSET82_CHARACTER"


def cset64(text: str) -> str | None:
    """base64url. Padding with = is optional; the reference linter lets it fill groups of three characters, not of
    four as RFC 4648 does, and labels are checked against the reference."""
    tail = _CSET64_TAIL.search(text)
    padding = len(tail[0]) if tail else 0
    if not CSET64.issuperset(text[: len(text) - padding]):
        return "INVALID_CSET64_CHARACTER"
    if padding and (padding > 2 or len(text) % 3):
        return "INVALID_CSET64_PADDING"
    return None


def csum(text: str) -> str | None:
    return None if gs1_valid(text) else "INCORRECT_CHECK_DIGIT"


def csumalpha(text: str) -> str | None:
    """The check character pair of GMN and MUDI (General Specifications 7.9.5)."""
    if len(text) < 2:
        return "TOO_SHORT_FOR_CHECK_PAIR"
    if len(text) > CHECK_PAIR_CHARACTERS_MAX:
        return "TOO_LONG_FOR_CHECK_PAIR_IMPLEMENTATION"
    if not CSET82.issuperset(text):
        return "INVALID_CSET82_CHARACTER"
    return None if csumalpha_pair(text[:-2]) == text[-2:] else "INCORRECT_CHECK_PAIR"


def gcppos1(text: str) -> str | None:
    """Begins with a GS1 Company Prefix: four digits at least. Which prefixes exist is not looked up."""
    if len(text) < GCP_DIGITS_MIN:
        return "TOO_SHORT_FOR_GCP"
    return None if DIGITS.issuperset(text[:GCP_DIGITS_MIN]) else "INVALID_GCP_PREFIX"


def gcppos2(text: str) -> str | None:
    return gcppos1(text[1:])


def hasnondigit(text: str) -> str | None:
    return "REQUIRES_NON_DIGIT_CHARACTER" if DIGITS.issuperset(text) else None


def nonzero(text: str) -> str | None:
    return digits(text) or (None if text.strip("0") else "ILLEGAL_ZERO_VALUE")


def zero(text: str) -> str | None:
    return "NOT_ZERO" if text.strip("0") or len(text) != 1 else None


def nozeroprefix(text: str) -> str | None:
    return digits(text) or ("ILLEGAL_ZERO_PREFIX" if text[:1] == "0" else None)


def yesno(text: str) -> str | None:
    return None if text in {"0", "1"} else "NOT_ZERO_OR_ONE"


def winding(text: str) -> str | None:
    return None if text in {"0", "1", "9"} else "INVALID_WINDING_DIRECTION"


def hyphen(text: str) -> str | None:
    return "NOT_HYPHEN" if text.strip("-") else None


def iso5218(text: str) -> str | None:
    return None if text in {"0", "1", "2", "9"} else "INVALID_BIOLOGICAL_SEX_CODE"


def iso3166(text: str) -> str | None:
    return None if text in COUNTRIES else "NOT_ISO3166"


def iso3166999(text: str) -> str | None:
    return None if text == "999" or text in COUNTRIES else "NOT_ISO3166_OR_999"


def iso3166alpha2(text: str) -> str | None:
    return None if text in COUNTRY_LETTERS else "NOT_ISO3166_ALPHA2"


def iso4217(text: str) -> str | None:
    return None if text in CURRENCIES else "NOT_ISO4217"


def mediatype(text: str) -> str | None:
    return None if text in MEDIA else "INVALID_MEDIA_TYPE"


def packagetype(text: str) -> str | None:
    return None if text in PACKAGES else "INVALID_PACKAGE_TYPE"


def importeridx(text: str) -> str | None:
    if len(text) != 1:
        return "IMPORTER_IDX_MUST_BE_ONE_CHARACTER"
    return None if text in CSET64 else "INVALID_IMPORT_IDX_CHARACTER"


def pcenc(text: str) -> str | None:
    return "INVALID_PERCENT_SEQUENCE" if _PERCENT.search(text) else None


def latitude(text: str) -> str | None:
    if len(text) != 10:
        return "LATITUDE_INVALID_LENGTH"
    return digits(text) or ("INVALID_LATITUDE" if text > "1800000000" else None)


def longitude(text: str) -> str | None:
    if len(text) != 10:
        return "LONGITUDE_INVALID_LENGTH"
    return digits(text) or ("INVALID_LONGITUDE" if text > "3600000000" else None)


def pieceoftotal(text: str) -> str | None:
    if not text or len(text) % 2:
        return "INVALID_LENGTH_FOR_PIECE_OF_TOTAL"
    half = len(text) // 2
    piece, total = text[:half], text[half:]
    fault = digits(text)
    if fault:
        return fault
    if not piece.strip("0"):
        return "ZERO_PIECE_NUMBER"
    if not total.strip("0"):
        return "ZERO_TOTAL_PIECES"
    return "PIECE_NUMBER_EXCEEDS_TOTAL" if piece > total else None


def posinseqslash(text: str) -> str | None:
    found = _POSITION.match(text)
    if not found or not text.isascii():
        return "POSITION_IN_SEQUENCE_MALFORMED"
    if found[1][0] == "0" or found[2][0] == "0":
        return "ILLEGAL_ZERO_PREFIX"
    return "POSITION_EXCEEDS_END" if int(found[1]) > int(found[2]) else None


def iban(text: str) -> str | None:
    """ISO 13616: country, then modulo 97 over the letters as numbers with the first four characters moved last."""
    if len(text) < IBAN_CHARACTERS_MIN:
        return "IBAN_TOO_SHORT"
    if len(text) > IBAN_CHARACTERS_MAX:
        return "IBAN_TOO_LONG"
    if text[:2] not in COUNTRY_LETTERS:
        return "ILLEGAL_IBAN_COUNTRY_CODE"
    moved = text[4:] + text[:4]
    if not all(character.isascii() and (character.isdigit() or character.isupper()) for character in moved):
        return "INVALID_IBAN_CHARACTER"
    number = int("".join(str(int(character, 36)) for character in moved))
    return None if number % 97 == 1 else "INCORRECT_IBAN_CHECKSUM"


def _month_and_day(year: int, text: str, *, day_zero: bool) -> str | None:
    """Faults of MMDD. The century of two-digit years makes no leap year: 2000 is one, and 1900 is out of reach."""
    month, day = int(text[:2]), int(text[2:])
    if not 1 <= month <= 12:
        return "ILLEGAL_MONTH"
    if day == 0:
        return None if day_zero else "ILLEGAL_DAY"
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 28 if month == 2 and not leap else _DAYS[month - 1]
    return "ILLEGAL_DAY" if day > last else None


def _short_date(text: str, *, day_zero: bool) -> str | None:
    if len(text) != 6:
        return "DATE_TOO_SHORT" if len(text) < 6 else "DATE_TOO_LONG"
    return digits(text) or _month_and_day(2000 + int(text[:2]), text[2:], day_zero=day_zero)


def _long_date(text: str, *, day_zero: bool) -> str | None:
    if len(text) < 8:
        return "DATE_TOO_SHORT"
    fault = digits(text)
    if fault:
        return fault
    if len(text) > 8:
        return "DATE_TOO_LONG"
    return _month_and_day(int(text[:4]), text[4:], day_zero=day_zero)


def yymmdd(text: str) -> str | None:
    return _short_date(text, day_zero=False)


def yymmd0(text: str) -> str | None:
    return _short_date(text, day_zero=True)


def yyyymmdd(text: str) -> str | None:
    return _long_date(text, day_zero=False)


def yyyymmd0(text: str) -> str | None:
    return _long_date(text, day_zero=True)


def _clock(text: str, limit: str, name: str, short: str) -> str | None:
    if len(text) != 2:
        return f"{short}_TOO_SHORT" if len(text) < 2 else f"{short}_TOO_LONG"
    return digits(text) or (None if text < limit else f"ILLEGAL_{name}")


def hh(text: str) -> str | None:
    return _clock(text, "24", "HOUR", "HOUR")


def mi(text: str) -> str | None:
    return _clock(text, "60", "MINUTE", "MINUTE")


def ss(text: str) -> str | None:
    return _clock(text, "60", "SECOND", "SECOND")


def hhmi(text: str) -> str | None:
    if len(text) != 4:
        return "HOUR_WITH_MINUTE_TOO_SHORT" if len(text) < 4 else "HOUR_WITH_MINUTE_TOO_LONG"
    return hh(text[:2]) or mi(text[2:])


def hhmi_or_open(text: str) -> str | None:
    """AI 4324 and 4325 write 9999 where no time is meant; the dictionary forgets it."""
    return None if text == "9999" else hhmi(text)


LINTERS: dict[str, Linter] = {
    linter.__name__: linter
    for linter in (
        cset39,
        cset64,
        cset82,
        csum,
        csumalpha,
        gcppos1,
        gcppos2,
        hasnondigit,
        nonzero,
        zero,
        nozeroprefix,
        yesno,
        winding,
        hyphen,
        iso5218,
        iso3166,
        iso3166999,
        iso3166alpha2,
        iso4217,
        mediatype,
        packagetype,
        importeridx,
        pcenc,
        latitude,
        longitude,
        pieceoftotal,
        posinseqslash,
        iban,
        yymmdd,
        yymmd0,
        yyyymmdd,
        yyyymmd0,
        hh,
        mi,
        ss,
        hhmi,
        hhmi_or_open,
        couponcode,
        couponposoffer,
    )
}
LINTERS["csetnumeric"] = digits
