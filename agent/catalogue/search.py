"""How a clerk's typing finds an item: folded text, Korean initials, ranking. Pure.

An item's search text is one line each for SKU, Korean name, its initials, English name and codes. A query's words must
all occur in it. A scan over these narrow rows beats an index here: full-text indexes split Korean at spaces and
would not find 우유 in 서울우유, and n-grams of three would not find two syllables at all.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

QUERY_CHARACTERS_MAX = 100
WORDS_MAX = 8

_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_SYLLABLES_FIRST, _SYLLABLES_LAST = 0xAC00, 0xD7A3
_SYLLABLES_PER_INITIAL = 588  # 21 vowels, each with 28 finals (Unicode, 3.12)


def fold(text: str) -> str:
    """Upper and lower case, full and half width as one (NFKC, then case folding), single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.lower().split())


def initials(text: str) -> str:
    """서울우유 becomes ㅅㅇㅇㅇ; what is no Hangul syllable stays."""
    return "".join(
        [
            _INITIALS[(ord(character) - _SYLLABLES_FIRST) // _SYLLABLES_PER_INITIAL]
            if _SYLLABLES_FIRST <= ord(character) <= _SYLLABLES_LAST
            else character
            for character in text
        ]
    )


def search_text(sku: str, ko: str | None, en: str | None, codes: Iterable[str]) -> str:
    lines = [fold(sku)]
    if ko:
        # Korean without spaces: people set them as they like (서울 우유, 서울우유).
        korean = fold(ko).replace(" ", "")
        lines += [korean, initials(korean)]
    if en:
        lines.append(fold(en))
    lines += [code.lower() for code in codes]
    return "\n" + "\n".join(lines) + "\n"


def words(query: str) -> list[str]:
    """What must occur, folded; empty if nothing was typed. Initials typed as such stay as they are."""
    found: list[str] = []
    # Half characters (lone surrogates) can come from a client's JSON and cannot go into SQLite.
    text = query[:QUERY_CHARACTERS_MAX].encode(errors="ignore").decode()
    for word in text.split():
        if all(character in _INITIALS for character in word):
            found.append(word)  # NFKC would turn them into conjoining jamo
        else:
            found.extend(fold(word).split())
    return found[:WORDS_MAX]


def statement(count: int) -> str:
    """SQL for `count` words: first SKU or code as typed, then lines that begin so, words that begin so, the rest."""
    conditions = " AND ".join(f"instr(text, ?{number}) > 0" for number in range(1, count + 1))
    # The items' own, wider rows are read for the few that are left only.
    return f"""
        SELECT item.sku FROM (
            SELECT item AS id, CASE WHEN instr(text, char(10) || ?1 || char(10)) > 0 THEN 0
                                    WHEN instr(text, char(10) || ?1) > 0 THEN 1
                                    WHEN instr(text, ' ' || ?1) > 0 THEN 2 ELSE 3 END AS rank
            FROM words WHERE {conditions} ORDER BY rank, id LIMIT ?{count + 1}
        ) AS found JOIN item ON item.id = found.id ORDER BY found.rank, found.id
    """  # noqa: S608 - only numbers are put in
