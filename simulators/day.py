"""A store of physical things: the truth that no record makes. Things lie in places; people carry, sell, break and lose
them. Nothing here knows what the store's software does or how it sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simulators.clock import Chance

AWAY = "away"  # sold, shipped, sent back, thrown away, stolen: no concern of the store any more


class Impossible(Exception):
    """Somebody reaches for what is not there: a mistake of the plan."""


@dataclass(eq=False, slots=True)
class Thing:
    """One piece. `state` is what a person sees of it: sellable, damaged, quarantine."""

    sku: str
    place: str
    state: str = "sellable"


class Premises:
    def __init__(self) -> None:
        self._things: list[Thing] = []

    def bring(self, sku: str, pieces: int, place: str, state: str = "sellable") -> list[Thing]:
        new = [Thing(sku, place, state) for _ in range(pieces)]
        self._things += new
        return new

    def pieces(self, place: str, sku: str | None = None, state: str = "sellable") -> list[Thing]:
        return [one for one in self._things if one.place == place and one.state == state and sku in {None, one.sku}]

    def take(self, sku: str, pieces: int, place: str, state: str = "sellable") -> list[Thing]:
        """Things in somebody's hands, still where they were. Raises `Impossible` when there are fewer."""
        held = self.pieces(place, sku, state)
        if len(held) < pieces:
            raise Impossible(f"{pieces} {state} {sku} in {place}: there are {len(held)}")
        return held[:pieces]

    def carry(self, things: Iterable[Thing], place: str) -> None:
        for one in things:
            one.place = place

    def everything(self, place: str, chance: Chance) -> Iterator[Thing]:
        """What somebody who walks along the shelves meets, item by item: a shelf's pieces lie together."""
        held = [one for one in self._things if one.place == place]
        skus = sorted({one.sku for one in held})
        chance.shuffle(skus)
        for sku in skus:
            yield from (one for one in held if one.sku == sku)

    def tally(self) -> dict[tuple[str, str, str], int]:
        """SKU, place and state to pieces, of all that is in the store."""
        return dict(Counter((one.sku, one.place, one.state) for one in self._things if one.place != AWAY))
