"""Code 128 as widths of bars and spaces (ISO/IEC 15417): sets B and C, GS of set A, check symbol, stop. Pure.

>>> widths("A")[:6]
(2, 1, 1, 2, 1, 4)
>>> modules("STK-UNDO-3")
165
"""

from __future__ import annotations

import re

QUIET_MODULES = 10  # on each side, ISO/IEC 15417 4.3.2
GS = "\x1d"
_SHIFT, _GS_IN_A = 98, 93  # set A for one character
_CODE_C, _CODE_B, _START_B, _START_C, _STOP = 99, 100, 104, 105, 106

# ISO/IEC 15417, table 1: widths of three bars and three spaces for each value; the stop has a bar more.
_WIDTHS = (  # noqa: SIM905  a table reads better in rows
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
).split()
# Four digits or more are shorter in set C, in pairs: an odd first one stays in set B.
_RUNS = re.compile(r"[0-9]{4,}|[^0-9]+|[0-9]{1,3}")


def _values(text: str) -> list[int]:
    values: list[int] = []
    current = 0
    for run in _RUNS.findall(text):
        head = run[: len(run) % 2] if run.isdigit() and len(run) >= 4 else run
        pairs = run[len(head) :]
        if head:
            if current != _CODE_B:
                values.append(_CODE_B if values else _START_B)
                current = _CODE_B
            for one in head:
                values += [_SHIFT, _GS_IN_A] if one == GS else [ord(one) - 32]
        if pairs:
            values.append(_CODE_C if values else _START_C)
            current = _CODE_C
            values += [int(pairs[at : at + 2]) for at in range(0, len(pairs), 2)]
    return values


def widths(text: str) -> tuple[int, ...]:
    """Bar, space, bar … in modules, without quiet zones. Raises ValueError for all but printable ASCII and GS."""
    if not text or not all(" " <= one <= "~" or one == GS for one in text):
        raise ValueError(f"{text!r} is not one or more printable ASCII characters or GS")
    values = _values(text)
    check = (values[0] + sum(place * value for place, value in enumerate(values[1:], 1))) % 103
    return tuple(int(width) for value in (*values, check, _STOP) for width in _WIDTHS[value])


def modules(text: str) -> int:
    """How wide it is with both quiet zones."""
    return sum(widths(text)) + 2 * QUIET_MODULES
