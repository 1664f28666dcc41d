"""Which stores are whose: stores lie in buckets by their name, and each bucket is leased by one worker.

Pure. From the rows of all leases and the workers that live, `plan` says what one worker takes and what it gives up;
`worker_leases.py` asks the database and carries it out. Everything else that a worker holds it keeps.

    a lease that runs out   is free: its worker is dead, frozen or cut off
    fair share              buckets / living workers; by the order of their names the first have one more
    below the share         takes free buckets, at once
    above the share         gives up a few at a look, so that stores change hands a little at a time
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

BUCKETS_MAX = 1024
GIVEN_AT_ONCE_MAX = 4


class Lease(NamedTuple):
    """A row: `holder` is a worker's one process, None nobody; until when, in microseconds by the database's clock."""

    bucket: int
    holder: str | None
    until_us: int


class Plan(NamedTuple):
    take: list[int]
    give: list[int]


def bucket_of(store: str, buckets: int) -> int:
    """The same for every worker, release and machine."""
    return int.from_bytes(sha256(store.encode()).digest()[:8], "big") % buckets


def share(me: str, living: Iterable[str], buckets: int) -> int:
    """How many buckets are mine in the end. I live, whatever `living` says."""
    order = sorted({me, *living})
    each, rest = divmod(buckets, len(order))
    return each + (order.index(me) < rest)


def plan(me: str, leases: Sequence[Lease], living: Iterable[str], now_us: int) -> Plan:
    order = sorted({me, *living})
    due = share(me, order, len(leases))
    mine = sorted(one.bucket for one in leases if one.holder == me)
    if len(mine) >= due:
        return Plan([], mine[due:][:GIVEN_AT_ONCE_MAX])
    free = sorted(one.bucket for one in leases if one.holder != me and (one.holder is None or one.until_us <= now_us))
    # Those who look at the same moment begin at different places: each finds what it reaches for.
    at = len(free) * order.index(me) // len(order)
    return Plan((free[at:] + free[:at])[: due - len(mine)], [])
