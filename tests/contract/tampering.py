"""What who owns a log's file can do to it: change, drop, re-order events, and make the hashes behind them anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import orjson

from contract.chain import GENESIS, Sealed, seal

How = Literal["change", "drop", "swap"]
HOW: tuple[How, ...] = ("change", "drop", "swap")


def tampered(bodies: Iterable[bytes], how: How, at: int, *, anew: bool, bent: bool = False) -> list[Sealed]:
    """The log with event `at` changed or dropped, or put behind the one after it.

    `anew`: numbers and hashes fit again from there on; `bent`: so do checkpoints, but for their signatures.
    """
    events = [orjson.loads(body) for body in bodies]
    victim = events[at - 1]
    if how == "change":
        victim["source"] = {**victim["source"], "station": "another"}
    elif how == "drop":
        del events[at - 1]
    else:
        events[at - 1 : at + 1] = [events[at], victim]
    return _chained(events, bent=bent) if anew else [_as_it_is(one) for one in events]


def _as_it_is(event: dict[str, Any]) -> Sealed:
    return Sealed(event["seq"], event["type"], orjson.dumps(event, option=orjson.OPT_SORT_KEYS), event["hash"])


def _chained(events: list[dict[str, Any]], *, bent: bool) -> list[Sealed]:
    prev, found = GENESIS, list[Sealed]()
    for seq, event in enumerate(events, start=1):
        rest = {name: value for name, value in event.items() if name not in {"type", "data", "hash"}}
        data = event["data"]
        if bent and data["kind"] == "checkpoint":
            data = {**data, "upto": seq - 1, "hash": prev}
        found.append(seal(event["type"], data, {**rest, "seq": seq, "prev": prev}))
        prev = found[-1].hash
    return found
