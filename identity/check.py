"""Check digits and check characters, each from its own standard. All inputs are ASCII; the caller has made sure.

GS1 General Specifications: 7.9.1 (the digit of GTIN, SSCC, GLN and others), 7.9.2-7.9.4 (price and weight fields),
7.9.5 (the character pair of GMN and MUDI). ISO/IEC 7064: MOD 37,36 (the hybrid system with one character).
"""

from __future__ import annotations

ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALNUM_VALUE = {character: value for value, character in enumerate(ALNUM)}


def gs1_digit(payload: str) -> str:
    """The GS1 check digit behind `payload`: weights 3, 1, 3… from the right."""
    values = payload.encode("ascii")
    # 48 is "0"; the sum over code points is corrected once instead of at every digit.
    weighted = 3 * sum(values[-1::-2]) + sum(values[-2::-2])
    offset = 48 * (3 * ((len(values) + 1) // 2) + len(values) // 2)
    return str((offset - weighted) % 10)


def gs1_valid(digits: str) -> bool:
    return gs1_digit(digits[:-1]) == digits[-1]


def mod37_36(payload: str) -> str:
    """The ISO/IEC 7064 MOD 37,36 check character over the letters and digits of `payload`; others are passed over."""
    product = 36
    for character in payload:
        value = _ALNUM_VALUE.get(character)
        if value is None:
            continue
        product = (product + value) % 36 or 36
        product = product * 2 % 37
    return ALNUM[(37 - product) % 36]


# GS1 General Specifications table 7.9.2-1: weighted digits of the price and weight check digits.
_TWO_MINUS = (0, 2, 4, 6, 8, 9, 1, 3, 5, 7)
_THREE = (0, 3, 6, 9, 2, 5, 8, 1, 4, 7)
_FIVE_PLUS = (0, 5, 1, 6, 2, 7, 3, 8, 4, 9)
_FIVE_MINUS = (0, 5, 9, 4, 8, 3, 7, 2, 6, 1)
_FIVE_MINUS_INVERSE = tuple(_FIVE_MINUS.index(value) for value in range(10))


def price4_digit(digits: str) -> str:
    """The check digit of a four-digit price or weight field (7.9.3)."""
    a, b, c, d = map(int, digits)
    return str((_TWO_MINUS[a] + _TWO_MINUS[b] + _THREE[c] + _FIVE_MINUS[d]) * 3 % 10)


def price5_digit(digits: str) -> str:
    """The check digit of a five-digit price or weight field (7.9.4)."""
    a, b, c, d, e = map(int, digits)
    total = _FIVE_PLUS[a] + _TWO_MINUS[b] + _FIVE_MINUS[c] + _FIVE_PLUS[d] + _TWO_MINUS[e]
    return str(_FIVE_MINUS_INVERSE[-total % 10])


# The weights of the check character pair are the primes from 2, the last payload character weighing 2.
_PRIMES_TEXT = """\
2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59 61 67 71 73 79 83 89 97 101 103 107 109 113 127 131 137 139 149 151
157 163 167 173 179 181 191 193 197 199 211 223 227 229 233 239 241 251 257 263 269 271 277 281 283 293 307 311 313
317 331 337 347 349 353 359 367 373 379 383 389 397 401 409 419 421 431 433 439 443 449 457 461 463 467 479 487 491
499 503 509
"""
_PRIMES = tuple(map(int, _PRIMES_TEXT.split()))
_CSET82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_CSET82_VALUE = {character: value for value, character in enumerate(_CSET82)}
_CSET32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def csumalpha_pair(payload: str) -> str:
    """The check character pair over up to 97 characters of CSET 82 (7.9.5): modulo 1021, as two of 32 characters."""
    weighted = zip(reversed(payload), _PRIMES, strict=False)
    total = sum(_CSET82_VALUE[character] * prime for character, prime in weighted) % 1021
    return _CSET32[total >> 5] + _CSET32[total & 31]
