"""Any damage at any time while the store goes on: then head office has what the store wrote, and shows its sum."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from headoffice import projecting
from headoffice.mending import digests
from headoffice.rebuilding import rebuild
from tests.headoffice.checks.test_checks import harm, same
from tests.headoffice.checks.world import World
from tests.headoffice.every_kind import Writer
from tests.headoffice.logs import Log

TABLES = [name for name in projecting.PROJECTED if name != "counted"]  # the drawn log may have no count yet


def damage(world: World, draw: Random) -> None:
    seq = draw.randrange(2, 300)
    kind = draw.choice(("delete", "type", "hash", "body", "table", "stock"))
    if kind == "delete":
        harm(world.database, "DELETE FROM event WHERE seq BETWEEN ? AND ?", (seq, seq + draw.randrange(20)))
    elif kind == "body":
        harm(world.database, "UPDATE event SET body = ? WHERE seq = ?", (b'{"data": {}}', seq))
    elif kind in {"type", "hash"}:
        harm(world.database, f"UPDATE event SET {kind} = 'x' WHERE seq = ?", (seq,))
    elif kind == "stock":
        world.database.write("UPDATE stock SET quantity = quantity + 1 WHERE sku = 'COLA'")
    else:
        world.database.write(f"DELETE FROM {draw.choice(TABLES)} WHERE store = 'S1'")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_damaged(make: Callable[..., World], seed: int) -> None:
    draw, writer = Random(seed), Writer(seed, "S1")
    writer.write(320)
    world = make(writer.log)
    shop = world.shops["S1"]
    for _ in range(3):
        for _ in range(draw.randrange(1, 3)):
            damage(world, draw)
        if draw.random() < 0.5:
            world.start()  # another desk
        writer.write(draw.randrange(10))
        world.deliver("S1", draw.choice((1, max(1, shop.log.head - 5))))
        for _ in range(3):
            found = world.check(deep=True)
            if found.verdict == "equal":
                break
        assert found.verdict == "equal", found
        world.deliver("S1", _next(world, shop.log))
        same(world, shop)
        before = digests(world.database, "S1")
        rebuild(world.storage, ["S1"], lambda _: None)
        assert digests(world.database, "S1") == before


def _next(world: World, log: Log) -> int:
    held = world.storage.position("S1")
    assert held is not None
    return min(held[0].seq + 1, log.head)
