"""What an approved count does to stock, and what balances a movement that the count had seen already. Pure.

Counts never overwrite. The difference of a line is what was counted less stock as of its last scan, so whatever moved
since then stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from agent.operations import movements
from agent.operations.books import Folded, Record, Shelf
from agent.operations.counts_fold import when
from agent.operations.counts_values import EPCS, SETTLED, key_of, line_place, settled_place, units_of
from agent.operations.cuts import cut
from agent.operations.movements import summed
from agent.operations.values import Context, Draft, TagPlace
from contract.stock import StockKey

LINES_A_MOVEMENT_MAX = 500
EPCS_A_LINE_MAX = 250  # an event stays below its size
MIDDLE = "unknown"  # where goods come from that nobody knew of, and go to that nobody finds


class Booking(Protocol):
    @property
    def books(self) -> Shelf: ...

    def stock(self, key: StockKey) -> int: ...


class Settling(Booking, Protocol):
    def tag(self, epc: str) -> TagPlace | None: ...


class Difference(NamedTuple):
    """`epcs` are identities that came with what is more than expected."""

    key: StockKey
    delta: int
    epcs: tuple[str, ...] = ()


def differences(state: Settling, count: str, zone: str, lines: Iterable[Record]) -> Iterator[Difference]:
    """What each line is more or less than expected, identities that were not known here on their own."""
    strangers = _strangers(state, count, zone)
    for line in lines:
        key = key_of(line, zone)
        delta = units_of(line) - line["stock"]
        epcs, each = strangers.get(line_place(count, key), ((), 1))
        known = max(0, min(len(epcs), delta // each))
        for at in range(0, known, EPCS_A_LINE_MAX):
            some = epcs[at : min(known, at + EPCS_A_LINE_MAX)]
            yield Difference(key, len(some) * each, tuple(some))
        if delta - known * each:
            yield Difference(key, delta - known * each)


def _strangers(state: Settling, count: str, zone: str) -> Mapping[str, tuple[Sequence[str], int]]:
    """By line: EPCs that the log has elsewhere or nowhere, and base units of each; none where units differ."""
    epcs: dict[str, list[str]] = {}
    units: dict[str, set[int]] = {}
    for place, record in state.books.under(EPCS, f"{count}/"):
        epc, line = place[len(count) + 1 :], record["line"]
        known = state.tag(epc)
        units.setdefault(line, set()).add(record["units"])
        here = known is not None and known.place == zone
        if known is None or not here or line != line_place(count, StockKey(known.sku, zone, *known[2:4])):
            epcs.setdefault(line, []).append(epc)
    return {line: (sorted(some), min(units[line])) for line, some in epcs.items() if len(units[line]) == 1}


def settlement(
    found: Iterable[Difference], reference: int, source: Mapping[str, Any], context: Context, approved_by: str | None
) -> Iterator[Draft]:
    """Movements that post differences; `reference` is the sequence of the approved count."""
    by = {"approved_by": approved_by} if approved_by is not None else {}
    for lines in cut((_line(*one) for one in found), LINES_A_MOVEMENT_MAX):
        yield _adjusted(lines, {"count": {"seq": reference}, **by}, source, context)


def _adjusted(
    lines: Sequence[Mapping[str, Any]], named: Mapping[str, Any], source: Mapping[str, Any], context: Context
) -> Draft:
    return movements.movement({"kind": "adjusted", "lines": list(lines), **named}, source, context)


def _line(key: StockKey, delta: int, epcs: Sequence[str] = ()) -> dict[str, Any]:
    origin, target = (MIDDLE, key.zone) if delta > 0 else (key.zone, MIDDLE)
    return {
        "sku": key.sku,
        "quantity": abs(delta),
        "from": origin,
        "to": target,
        "disposition": key.disposition,
        **({"lot": key.lot} if key.lot else {}),
        **({"epcs": list(epcs)} if epcs else {}),
    }


def booked(state: Booking, draft: Draft, seq: int) -> tuple[Draft, ...]:
    """A movement that will be event `seq`, what balances it, and an exception for each stock that the two take below
    zero."""
    balancing = balance(state, draft, seq)
    net = draft._replace(deltas=[delta for one in (draft, *balancing) for delta in one.deltas])
    context = Context(draft.occurred_us, draft.clock, "")
    low = movements.below_zero(state, net, seq, draft.source, context)
    return (draft, *balancing, *(one for _, _, one in low))


def balance(state: Booking, draft: Draft, seq: int) -> tuple[Draft, ...]:
    """What balances `draft`, a movement that will be event `seq`, where an approved count saw its effect before it was
    told: a movement of the same moment that names both."""
    event = Folded(draft.type, seq, draft.occurred_us // 1000 * 1000, draft.source, draft.data, draft.clock)
    by_count: dict[int, list[dict[str, Any]]] = {}
    for key, delta in summed(draft.deltas).items():
        settled = state.books.get(SETTLED, settled_place(key))
        if settled is not None and delta and when(settled, event) != "after":
            by_count.setdefault(settled["approved"], []).append(_line(key, -delta))
    context = Context(draft.occurred_us, draft.clock, "")
    return tuple(
        _adjusted(lines, {"balances": [{"seq": count}, {"seq": seq}]}, {}, context) for count, lines in by_count.items()
    )
