"""Host names on tags: the last field of the ++ schemes (TDS 2.3, 14.5.15 and its optimisation tables).

Seven bits a character; codes of characters that no host name holds stand for frequent pieces, and four of them open a
second table. The tables are facts of the standard, taken over as published in the TDT 2.3 artefacts' implementation
github.com/dannyhaak/TagDataTranslation (commit 8160a6c5f8c343254a2c23f0180e8832a868644d).
"""

from __future__ import annotations

import re

from identity.epc.bits import BitReader, BitWriter
from identity.epc.code40 import put_code40, take_code40
from identity.epc.errors import EpcError, Reason

HOSTNAME_CHARACTERS_MAX = 63
_HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\Z")

_PIECES = {
    30: "qr.", 31: "www.", 32: "id.", 91: ".com", 92: ".org", 93: ".net", 94: ".int", 96: ".edu",
    123: ".gov", 124: ".mil", 125: ".biz", 126: ".eco", 127: ".med",
}  # fmt: skip
_COUNTRIES_1 = """\
ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo bq br bs bt bw by bz ca cc cd cf
cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et eu fi fj fk fm fo fr ga gd ge gf gg
gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp
kr kw ky kz la lb lc li
"""
_COUNTRIES_2 = """\
lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu
nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn sr ss st su sv sx
sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
"""
_COMPOUND = """\
com.au net.au org.au co.at com.bd co.bd com.br net.br co.nz com.ng com.pk co.in com.in co.il co.jp co.za co.kr com.es
com.lk co.th co.tt com.tt com.tr biz.tr com.ua co.uk co.zm com.zm com.cn org.cn net.cn gov.cn
"""
_TABLES = tuple(tuple("." + name for name in text.split()) for text in (_COUNTRIES_1, _COUNTRIES_2, _COMPOUND, "tech"))
_ENCODED: dict[str, tuple[int, ...]] = {piece: (code,) for code, piece in _PIECES.items()} | {
    name: (table, at) for table, names in enumerate(_TABLES) for at, name in enumerate(names)
}
_LONGEST = max(map(len, _ENCODED))


def check(hostname: str) -> None:
    if len(hostname) > HOSTNAME_CHARACTERS_MAX or not _HOSTNAME.match(hostname):
        raise EpcError(
            Reason.CHARACTER, f"{hostname!r} is no host name of at most {HOSTNAME_CHARACTERS_MAX} characters"
        )


def take_hostname(reader: BitReader) -> str:
    ascii7 = reader.take(1)
    length = reader.take(6)
    hostname = _take_ascii7(reader, length) if ascii7 else take_code40(reader, length)
    check(hostname)
    return hostname


def _take_ascii7(reader: BitReader, length: int) -> str:
    return "".join(_pieces([reader.take(7) for _ in range(length)]))


def _pieces(codes: list[int]) -> list[str]:
    pieces: list[str] = []
    following = iter(codes)
    for code in following:
        if code < len(_TABLES):
            table = _TABLES[code]
            at = next(following, len(table))
            if at >= len(table):
                raise EpcError(Reason.CHARACTER, "a host name piece that the tables do not hold")
            pieces.append(table[at])
        else:
            pieces.append(_PIECES.get(code) or chr(code))
    return pieces


def put_hostname(writer: BitWriter, hostname: str) -> None:
    """Upper-case names in Code 40, others in seven bits with the longest piece that fits at each place."""
    check(hostname)
    if hostname.isupper():
        writer.put(0, 1)
        writer.put(len(hostname), 6)
        put_code40(writer, hostname)
        return
    codes: list[int] = []
    at = 0
    while at < len(hostname):
        for length in range(min(_LONGEST, len(hostname) - at), 0, -1):
            piece = hostname[at : at + length]
            found = _ENCODED.get(piece) or ((ord(piece),) if length == 1 else None)
            if found is not None:
                codes.extend(found)
                at += length
                break
    writer.put(1, 1)
    writer.put(len(codes), 6)
    for code in codes:
        writer.put(code, 7)
