"""Facts to findings. Pure.

`ok`: good. `warning`: the store works, and somebody should do something. `failure`: something does not work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from agent.doctor.facts import (
    BrokerSeen,
    CatalogueSeen,
    CertificateSeen,
    ClockSeen,
    DeviceSeen,
    Facts,
    Folder,
    LedgerSeen,
    Running,
    ScreensSeen,
    Secret,
    SnapshotsSeen,
)

Level = Literal["ok", "warning", "failure"]
LEVELS: tuple[Level, ...] = ("ok", "warning", "failure")  # their place is the exit code
DISK_LOW_BYTES = 1 << 30
DISK_FULL_BYTES = 100_000_000
DISK_LOW_PERCENT = 5
FILES_LOW = 1000
CERTIFICATE_SOON_DAYS = 21
BEHIND_S = 900  # an event that waits longer is no momentary lag
BEHIND_LONG_S = 24 * 3600
COMMIT_SLOW_MS = 500  # a clerk notices
SNAPSHOTS_LATE = 2  # times that one is due
DAY_S = 86_400
OTHERS_MAY = 0o007
NOT_OWNER_MAY = 0o077


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` names its texts, `facts` fill them; `subject` is what it is about: a device, a file, a consumer."""

    level: Level
    code: str
    subject: str = ""
    facts: dict[str, str | int] = field(default_factory=dict[str, str | int])


def worst(findings: Iterable[Finding]) -> int:
    """The exit code: 0 good, 1 something to do, 2 something does not work."""
    return max((LEVELS.index(one.level) for one in findings), default=0)


def judge(facts: Facts) -> list[Finding]:
    return [
        *_folder(facts.folder),
        *(one for secret in facts.secrets for one in _secret(secret)),
        *_ledger(facts.ledger, facts.store),
        *_snapshots(facts.snapshots, facts.ledger),
        *_catalogue(facts.catalogue),
        *_running(facts.running),
        *(one for device in facts.devices for one in _device(device, facts.running)),
        *_clock(facts.clock),
        *of_broker(facts.broker, facts.now_s),
        *(one for certificate in facts.certificates for one in _own(certificate, facts.now_s)),
        *_consumers(facts.ledger, facts.running),
        *_screens(facts.screens, facts.running),
    ]


def wrong_configuration(mistakes: Iterable[str]) -> list[Finding]:
    return [Finding("failure", "config_wrong", facts={"mistake": one}) for one in mistakes]


def _folder(seen: Folder) -> Iterator[Finding]:
    facts: dict[str, str | int] = {"path": seen.path, "owner": seen.owner, "user": seen.user}
    if seen.problem:
        yield Finding("failure", f"folder_{seen.problem}", facts=facts)
    if seen.problem in {"missing", "no_folder"}:
        return
    if seen.root and seen.owner != seen.user:
        yield Finding("warning", "folder_root", facts=facts)
    if seen.mode & OTHERS_MAY:
        yield Finding("warning", "folder_open", facts={**facts, "mode": f"{seen.mode:04o}"})
    percent = seen.free_bytes * 100 // seen.size_bytes if seen.size_bytes else 0
    room: dict[str, str | int] = {"free_mb": seen.free_bytes // 1_000_000, "percent": percent}
    if seen.free_bytes < DISK_FULL_BYTES:
        yield Finding("failure", "disk_full", facts=room)
    elif seen.free_bytes < DISK_LOW_BYTES or percent < DISK_LOW_PERCENT:
        yield Finding("warning", "disk_low", facts=room)
    else:
        yield Finding("ok", "disk_good", facts=room)
    if seen.files_free is not None and seen.files_free < FILES_LOW:
        yield Finding("failure", "files_low", facts={"count": seen.files_free})


def _secret(seen: Secret) -> Iterator[Finding]:
    facts: dict[str, str | int] = {"path": seen.path, "mode": f"{seen.mode:04o}"}
    if seen.problem:
        yield Finding("failure", f"secret_{seen.problem}", seen.name, facts)
    elif seen.mode & NOT_OWNER_MAY:
        yield Finding("warning", "secret_open", seen.name, facts)
    else:
        yield Finding("ok", "secret_good", seen.name, facts)


def _ledger(seen: LedgerSeen, store: str) -> Iterator[Finding]:
    match seen.problem:
        case "missing":
            yield Finding("warning", "ledger_missing")
        case "damaged" | "unusable":
            yield Finding("failure", f"ledger_{seen.problem}", facts={"why": seen.why, "hint": seen.hint})
        case "other_store":
            yield Finding("failure", "ledger_other_store", facts={"found": seen.store, "store": store})
        case "":
            facts: dict[str, str | int] = {"head": seen.head, "size_kb": seen.size_bytes // 1000}
            yield Finding("ok", "ledger_good", facts={**facts, "age_min": seen.age_s // 60})
            if not seen.key_saved:
                yield Finding("warning", "key_unsaved")


def _snapshots(seen: SnapshotsSeen, ledger: LedgerSeen) -> Iterator[Finding]:
    facts: dict[str, str | int] = {"path": seen.path, "count": seen.count, "hours": (seen.age_s or 0) // 3600}
    if ledger.problem == "missing":
        return
    if seen.problem:
        yield Finding("failure", f"snapshots_{seen.problem}", facts=facts)
    elif seen.age_s is None:
        yield Finding("warning", "snapshots_none", facts=facts)
    elif seen.age_s > SNAPSHOTS_LATE * seen.every_s:
        yield Finding("warning", "snapshots_old", facts=facts)
    else:
        yield Finding("ok", "snapshots_good", facts=facts)


def _catalogue(seen: CatalogueSeen) -> Iterator[Finding]:
    if seen.problem:
        yield Finding("failure", "catalogue_damaged", facts={"why": seen.problem, "hint": seen.hint})
    elif not seen.items:
        yield Finding("warning", "catalogue_empty")
    else:
        yield Finding("ok", "catalogue_good", facts={"items": seen.items, "hours": seen.age_s // 3600})


def _running(seen: Running) -> Iterator[Finding]:
    if seen.state != "running":
        level: Level = "warning" if seen.state == "denied" else "failure"
        yield Finding(level, f"agent_{seen.state}", facts={"why": seen.why})
        return
    yield Finding("ok", "agent_running", facts={"minutes": seen.health["uptime_s"] // 60})
    slow_ms, damage = seen.health.get("commit_ms_p99"), seen.health.get("ledger_damage")
    if damage:
        yield Finding("failure", "ledger_rotten", facts={"why": damage})
    if seq := seen.health.get("stuck_event"):
        yield Finding("failure", "event_stuck", facts={"seq": seq})
    if not seen.health["writes"]:
        yield Finding("failure", "disk_stuck")
    elif slow_ms is None or slow_ms > COMMIT_SLOW_MS:
        yield Finding("warning", "disk_slow", facts={"ms": COMMIT_SLOW_MS})


def _device(seen: DeviceSeen, running: Running) -> Iterator[Finding]:
    place: dict[str, str | int] = {"place": seen.place, "group": seen.group, "holder": seen.holder, "why": seen.why}
    told = running.devices.get(seen.name)
    state = told["state"] if told is not None else ""
    if told is not None and state == "up":
        yield Finding("ok", "device_up", seen.name, {"reads": told["reads"], "bad_reads": told["bad_reads"]})
        for one in told["notices"]:
            facts: dict[str, str | int] = {"message": one["message"], "hint": one["hint"]}
            yield Finding("warning", "device_notice", seen.name, facts)
        return
    if seen.problem:
        yield Finding("failure", f"device_{seen.problem}", seen.name, place)
    elif seen.reachable is False:
        yield Finding("failure", "device_unreachable", seen.name, place)
    elif told is None:
        yield Finding("ok", "device_there", seen.name, place)
    if told is not None and state == "connecting":
        yield Finding("warning", "device_connecting", seen.name, place)
    elif told is not None and not seen.problem:
        why: dict[str, str | int] = {"state": state, "error": told["error"] or "", "hint": told["hint"] or ""}
        yield Finding("failure", "device_down", seen.name, why)


def _clock(seen: ClockSeen) -> Iterator[Finding]:
    facts: dict[str, str | int] = {"service": seen.service or "?"}
    if seen.synced:
        yield Finding("ok", "clock_synced", facts=facts)
    elif seen.trusted:
        yield Finding("ok", "clock_trusted")
    else:
        yield Finding("warning", "clock_waiting" if seen.service else "clock_alone", facts=facts)


def of_broker(seen: BrokerSeen, now_s: int) -> Iterator[Finding]:
    facts: dict[str, str | int] = {"where": seen.where, "why": seen.why, "version": seen.version}
    if seen.reached == "off":
        yield Finding("ok", "broker_off")
        return
    if seen.fault:
        yield Finding("failure", f"broker_{seen.fault}", facts=facts)
    else:
        yield Finding("ok", "broker_good", facts=facts)
    if seen.ends_s is not None:
        yield from _ends("broker", seen.ends_s, now_s)
    for topic in seen.refused_topics:
        yield Finding("failure", "broker_topic", topic, facts)
    if not seen.tls and not _is_here(seen.where):
        yield Finding("warning", "broker_in_the_clear", facts=facts)


def _is_here(where: str) -> bool:
    host = where.rpartition(":")[0].strip("[]")
    return host in {"localhost", "::1"} or host.startswith("127.")


def _own(seen: CertificateSeen, now_s: int) -> Iterator[Finding]:
    if seen.ends_s is None:
        yield Finding("failure", "certificate_unreadable", seen.name, {"path": seen.path, "why": seen.why})
    else:
        yield from _ends(seen.name, seen.ends_s, now_s)
    if seen.not_renewed:
        yield Finding("warning", "renewal_failed", seen.name, {"why": seen.not_renewed})


def _ends(name: str, ends_s: int, now_s: int) -> Iterator[Finding]:
    days = (ends_s - now_s) // DAY_S
    if ends_s <= now_s:
        yield Finding("failure", "certificate_ended", name, {"days": -days})
    elif days < CERTIFICATE_SOON_DAYS:
        yield Finding("warning", "certificate_soon", name, {"days": days})
    else:
        yield Finding("ok", "certificate_good", name, {"days": days})


def _consumers(ledger: LedgerSeen, running: Running) -> Iterator[Finding]:
    told = running.health.get("consumers", {})
    for name, (behind, age_s) in ledger.consumers.items():
        silent_s = told.get(name, {}).get("silent_s")
        facts: dict[str, str | int] = {
            "behind": behind,
            "minutes": age_s // 60,
            "silent": "?" if silent_s is None else silent_s // 60,
        }
        if not behind or age_s < BEHIND_S:
            yield Finding("ok", "consumer_good", name, facts)
        else:
            yield Finding("failure" if age_s >= BEHIND_LONG_S else "warning", "consumer_behind", name, facts)


def _screens(seen: ScreensSeen, running: Running) -> Iterator[Finding]:
    runs = running.state == "running"
    facts: dict[str, str | int] = {"where": seen.where}
    match seen.state:
        case "off":
            yield Finding("ok", "screens_off")
        case "answers" if running.state == "stopped":
            yield Finding("failure", "screens_taken", facts=facts)
        case "answers":
            yield Finding("ok", "screens_good", facts=facts)
        case "closed" if runs:
            yield Finding("failure", "screens_closed", facts=facts)
        case _:
            return
