"""Three clerks on one document, with codes, packages, tags and a portal: what was received is what a tally says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.operations import documents, passages
from agent.operations.values import Product
from identity import Identity, Kind
from identity.control import encode
from tests.agent.operations.memory import CASE, COLA, UNDO, Memory, station

SHIRT = Product("SHIRT", 1, 1, "each", "셔츠", "Shirt", tracking="serial")
GTIN = "08801234500029"
EPCS = [f"30{number:022X}" for number in range(6)]
STATIONS = {name: station(name) for name in ("dock", "door", "desk")}
COLAS, SHIRTS, TOLERANCE = 40, 4, 4
SETS = {encode("SET", number): number for number in (1, 3, 30)}
TAG, PORTAL, PLAIN = "tag", "portal", "plain"

codes = st.one_of(
    st.sampled_from([COLA, COLA, CASE, UNDO, *SETS, encode("DAMAGED"), PLAIN]),
    st.tuples(st.just(TAG), st.sampled_from(EPCS)),
    st.tuples(st.just(PORTAL), st.sets(st.sampled_from(EPCS), min_size=1)),
)
days = st.lists(st.tuples(st.sampled_from(sorted(STATIONS)), codes), min_size=10, max_size=40)


@dataclass
class Colas:
    """A second opinion on pieces: what each station did, and may take back."""

    done: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in STATIONS})

    @property
    def total(self) -> int:
        return sum(map(sum, self.done.values()))

    def add(self, name: str, units: int) -> None:
        if self.total + units <= COLAS + TOLERANCE:
            self.done[name].append(units)

    def change(self, name: str, units: int) -> None:
        last = self.done[name][-1] if self.done[name] else None
        if last is not None and (units <= last or self.total + units - last <= COLAS + TOLERANCE):
            self.done[name][-1] = units


def opened() -> Memory:
    store = Memory()
    lines = {"sku": "COLA", "quantity": COLAS}, {"sku": "SHIRT", "quantity": SHIRTS}
    store.expect("ASN-1", "receipt", "supplier", "backroom", *lines, tolerance_percent=10)
    for at in STATIONS.values():
        store.order("DOC", "ASN-1", at)
    return store


@given(days)
@settings(max_examples=150)
def test_pieces_of_a_document_are_what_the_tally_says(day: list[tuple[str, object]]) -> None:
    store, tally = opened(), Colas()
    for name, code in day:
        if not isinstance(code, str) or code == PLAIN:
            continue
        store.scan(code, STATIONS[name])
        if code in {COLA, CASE}:
            tally.add(name, 1 if code == COLA else 24)
        elif code == UNDO and tally.done[name]:
            tally.done[name].pop()
        elif code in SETS:
            tally.change(name, SETS[code])
    held = documents.item(store, store.expected["ASN-1"], "COLA")
    assert held.done == tally.total == sum(units for (sku, _), units in store.held().items() if sku == "COLA")
    damaged = sum(row.quantity for row in store.stock_rows(sku="COLA") if row.disposition == "quarantine")
    assert held.damaged == damaged


def pass_through(store: Memory, epcs: set[str]) -> None:
    tags = tuple(passages.PassedTag(epc, GTIN, "1", "SHIRT") for epc in sorted(epcs))
    group = passages.Passed("door", "portal-1", "supplier", "backroom", "require_document", tags, store.context())
    store.write(passages.decide(store, group))


@given(days)
@settings(max_examples=150)
def test_identities_count_once_whoever_sees_them(day: list[tuple[str, object]]) -> None:
    """Without undo: stock is never less than the distinct tags that were taken, nor more than what is expected."""
    store = opened()
    plain = 0
    for name, code in day:
        if isinstance(code, tuple) and code[0] == TAG:
            epc = str(code[1])
            serial = str(EPCS.index(epc) + 1)
            found = Identity("x", Kind.TRADE_ITEM, gtin=GTIN, serial=serial)
            store.give(found, STATIONS[name], product=SHIRT, epc=epc, data=epc.encode())
        elif isinstance(code, tuple):
            pass_through(store, set(code[1]))
        elif code == PLAIN:
            plain += 1
            store.give(Identity("x", Kind.TRADE_ITEM, gtin=GTIN), STATIONS[name], product=SHIRT, data=b"plain")
    here = Counter(one.place for one in store.places.tags.values())["backroom"]
    units = store.held().get(("SHIRT", "backroom"), 0)
    assert here <= units <= min(SHIRTS, here + plain)
    assert documents.item(store, store.expected["ASN-1"], "SHIRT").done == units
