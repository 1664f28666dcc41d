"""What stands on a sheet: every control code with its captions in Korean and English, in groups. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, get_args

from agent.operations.rules import Reason
from contract.documents import ExpectedDocument, Kind
from identity.control import ControlError, encode

Part = Literal["work", "modes", "quantities", "zones", "reasons", "documents", "badges"]
PARTS: tuple[Part, ...] = get_args(Part)
MULTIPLIERS = range(2, 21)
SETS = (*range(13), 20, 24, 48, 50, 100)
NAMES_MAX = 500  # zones, reasons or documents of one sheet

_TITLES: Mapping[Part, tuple[str, str]] = {
    "work": ("작업", "Work"),
    "modes": ("작업 방식", "Modes"),
    "quantities": ("수량", "Quantities"),
    "zones": ("구역", "Zones"),
    "reasons": ("사유", "Reasons"),
    "documents": ("문서", "Documents"),
    "badges": ("직원 배지", "Badges"),
}
_WORK: Mapping[str, tuple[str, str]] = {
    "OK": ("확인", "OK"),
    "CANCEL": ("취소", "Cancel"),
    "UNDO": ("되돌리기", "Undo"),
    "DAMAGED": ("다음 상품은 파손", "Next item is damaged"),
    "CLOSE": ("마감", "Close"),
    "CLOSE-SHORT": ("부분 마감 · 나머지는 나중에", "Close short, the rest comes later"),
    "RECOUNT": ("다시 세기", "Recount"),
    "LOGOUT": ("로그아웃", "Log out"),
    "LANG-KO": ("한국어", "Korean"),
    "LANG-EN": ("영어", "English"),
}
_MODES: Mapping[str, tuple[str, str]] = {
    "MODE-RECEIVE": ("입고", "Receive"),
    "MODE-COUNT": ("실사", "Count"),
    "MODE-MOVE": ("이동", "Move"),
    "MODE-SHIP": ("출고", "Ship"),
    "MODE-RETURN": ("반품", "Return"),
    "MODE-ADJUST": ("조정", "Adjust"),
    "MODE-LOOKUP": ("조회", "Look up"),
}
_KINDS: Mapping[Kind, tuple[str, str]] = {
    "receipt": ("입고 예정", "Receipt"),
    "transfer_in": ("매장 간 입고", "Transfer in"),
    "transfer_out": ("매장 간 출고", "Transfer out"),
    "vendor_return": ("공급사 반품", "Return to vendor"),
    "pick": ("주문 상품", "Online order"),
    "count_request": ("실사 요청", "Count request"),
}


class Symbol(NamedTuple):
    """A barcode and what is printed with it."""

    code: str
    ko: str
    en: str


class Group(NamedTuple):
    part: Part
    ko: str
    en: str
    symbols: tuple[Symbol, ...]


class Sheet(NamedTuple):
    """`left_out` are names that no control code can hold, too long or with letters that Code 128 has not; and those
    beyond `NAMES_MAX`."""

    groups: tuple[Group, ...]
    left_out: tuple[str, ...]


def sheet(
    zones: Iterable[str],
    reasons: Iterable[Reason],
    documents: Iterable[ExpectedDocument] = (),
    only: Iterable[Part] = (),
) -> Sheet:
    """Groups without a symbol are not on it. `only` names the groups that are wanted; none: all of them."""
    wanted = frozenset(only) or frozenset(PARTS)
    left_out: list[str] = []
    found = {
        "work": (Symbol(encode(verb), *said) for verb, said in _WORK.items()),
        "modes": (Symbol(encode(verb), *said) for verb, said in _MODES.items()),
        "quantities": _quantities(),
        "zones": _named("ZONE", {name: (name, name) for name in zones}, left_out),
        "reasons": _named("REASON", {one.code: (one.ko or one.code, one.en or one.code) for one in reasons}, left_out),
        "documents": _named("DOC", {one.document: _document(one) for one in documents}, left_out),
    }
    groups = [_group(part, found[part]) for part in PARTS if part in wanted and part in found]
    return Sheet(tuple(one for one in groups if one.symbols), tuple(left_out))


def badges(clerks: Iterable[tuple[str, str]]) -> Sheet:
    """A badge for each (code of the badge, name): the code is told once, when the badge is made."""
    return Sheet((_group("badges", (Symbol(code, name, name) for code, name in clerks)),), ())


def setup(code: str) -> Sheet:
    """What a scanner shows itself by, when a store is set up."""
    symbol = Symbol(code, "스캐너마다 한 번씩 스캔하세요", "Scan once with every scanner")
    return Sheet((Group("work", "설치", "Setting up", (symbol,)),), ())


def _group(part: Part, symbols: Iterable[Symbol]) -> Group:
    return Group(part, *_TITLES[part], tuple(symbols))


def _quantities() -> Iterator[Symbol]:
    for number in MULTIPLIERS:
        yield Symbol(encode("X", number), f"× {number} · 다음 스캔만", f"× {number}, next scan only")
    for number in SETS:
        yield Symbol(encode("SET", number), f"마지막 수량 = {number}", f"Last line = {number}")


def _document(document: ExpectedDocument) -> tuple[str, str]:
    ko, en = _KINDS[document.kind]
    return f"{ko} {document.document}", f"{en} {document.document}"


def _named(verb: str, names: Mapping[str, tuple[str, str]], left_out: list[str]) -> Iterator[Symbol]:
    for place, (name, said) in enumerate(names.items()):
        if place >= NAMES_MAX:
            left_out.append(name)
            continue
        try:
            code = encode(verb, name)
        except ControlError:
            left_out.append(name)
            continue
        yield Symbol(code, *said)
