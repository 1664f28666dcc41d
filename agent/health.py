"""The `health` message: what an operations desk needs to know of a store, every 60 s and on change."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import orjson

from agent.capture.supervisor import DeviceStatus
from agent.ledger.files import DATABASE
from agent.ledger.reader import Reader
from agent.uplink.engine import Engine
from contract.messages import ConsumerHealth, DeviceState, Health
from contract.times import Stamper, parse_us


def outbox(reader: Reader, engine: Engine, now_us: int) -> tuple[int, int]:
    """Depth in events and age in seconds of what the slowest consumer has not acknowledged."""
    head = engine.head
    delivered = min((one.delivered for one in engine.consumers.values()), default=head)
    if delivered >= head:
        return 0, 0
    rows = reader.events(delivered + 1, 1)
    if not rows:
        return head - delivered, 0
    recorded_us = parse_us(orjson.loads(rows[0][2])["recorded_at"])
    return head - delivered, max(0, (now_us - recorded_us) // 1_000_000)


def health(
    folder: Path,
    *,
    reader: Reader,
    engine: Engine,
    devices: list[DeviceStatus],
    counters: Mapping[str, int],
    clock: str,
    now_us: int,
    uptime_s: int,
    stamper: Stamper,
) -> Health:
    depth, age_s = outbox(reader, engine, now_us)
    space = os.statvfs(folder)
    database = folder / DATABASE
    consumers = {
        name: ConsumerHealth(delivered=one.delivered, behind=max(0, engine.head - one.delivered), stalled=one.stalled)
        for name, one in engine.consumers.items()
    }
    return Health.model_validate(
        {
            "at": stamper.text(now_us),
            "uptime_s": uptime_s,
            "head": engine.head,
            "outbox_depth": depth,
            "outbox_age_s": age_s,
            "disk_free_bytes": space.f_bavail * space.f_frsize,
            "ledger_size_bytes": sum(path.stat().st_size for path in folder.glob(f"{database.name}*")),
            "clock": clock,
            "devices": {one.device: one.state.value for one in devices},
            "consumers": consumers,
            "counters": dict(counters),
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
