"""The `health` message: what an operations desk needs to know of a store, every 60 s and on change."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from agent.capture.supervisor import DeviceStatus
from agent.ledger.files import DATABASE
from agent.ledger.reader import Reader
from agent.uplink.engine import Consumer, Engine
from contract.messages import ConsumerHealth, DeviceState, Health
from contract.times import Stamper, parse_us
from drivers.reads import Arrival


def outbox(reader: Reader, engine: Engine, now_us: int) -> tuple[int, int]:
    """Depth in events and age in seconds of what the slowest consumer has not acknowledged."""
    head = engine.head
    delivered = min((one.delivered for one in engine.consumers.values()), default=head)
    return max(0, head - delivered), age_s(reader, delivered, now_us)


def age_s(reader: Reader, delivered: int, now_us: int) -> int:
    """Of the event behind a position; 0 where there is none."""
    rows = reader.events(delivered + 1, 1)
    if not rows:
        return 0
    recorded_us = parse_us(orjson.loads(rows[0][2])["recorded_at"])
    return max(0, (now_us - recorded_us) // 1_000_000)


def _consumer(one: Consumer, head: int, reader: Reader, now: Arrival) -> ConsumerHealth:
    return ConsumerHealth(
        delivered=one.delivered,
        behind=max(0, head - one.delivered),
        stalled=one.stalled,
        age_s=age_s(reader, one.delivered, now.wall_us),
        silent_s=None if one.heard_s is None else max(0, int(now.monotonic_ns / 1e9 - one.heard_s)),
    )


def health(
    folder: Path,
    *,
    reader: Reader,
    engine: Engine,
    devices: list[DeviceStatus],
    counters: Mapping[str, int],
    clock: str,
    now: Arrival,
    started_ns: int,
    stamper: Stamper,
    more: Mapping[str, Any],
) -> Health:
    """`more` are optional members of the message that others know."""
    depth, oldest_s = outbox(reader, engine, now.wall_us)
    space = os.statvfs(folder)
    database = folder / DATABASE
    return Health.model_validate(
        {
            "at": stamper.text(now.wall_us),
            "uptime_s": (now.monotonic_ns - started_ns) // 1_000_000_000,
            "head": engine.head,
            "outbox_depth": depth,
            "outbox_age_s": oldest_s,
            "stuck_event": engine.stuck,
            "disk_free_bytes": space.f_bavail * space.f_frsize,
            "disk_size_bytes": space.f_blocks * space.f_frsize,
            "ledger_size_bytes": sum(path.stat().st_size for path in folder.glob(f"{database.name}*")),
            "clock": clock,
            "devices": {one.device: one.state.value for one in devices},
            "device_notices": sum(len(one.notices) for one in devices),
            "consumers": {name: _consumer(one, engine.head, reader, now) for name, one in engine.consumers.items()},
            "counters": dict(counters),
            **more,
        }
    )


def device_state(status: DeviceStatus, kind: str, stamper: Stamper) -> DeviceState:
    return DeviceState.model_validate(
        {
            "device": status.device,
            "kind": kind,
            "state": status.state.value,
            "since": stamper.text(status.since_us),
            "reads": status.reads,
            "bad_reads": status.bad_reads,
            "error": status.error,
            "hint": status.hint,
            "notices": [
                {"code": one.code, "subject": one.subject or None, "message": one.message, "hint": one.hint}
                for one in status.notices
            ],
            "facts": dict(status.facts),
        }
    )
