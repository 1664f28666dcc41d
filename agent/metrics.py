"""The metrics page in Prometheus' text format 0.0.4. Pure.

Written here and not by prometheus_client: two line shapes, no registry, and nothing that is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from agent.capture.supervisor import DeviceStatus, State
from agent.ledger.latency import BOUNDS_MS
from contract.messages import Health
from contract.times import parse_us

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = dict[str, str]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """`commits` are the counts of `ledger/latency.py`, `commits_ns` their sum."""

    health: Health
    devices: Sequence[DeviceStatus]
    commits: Sequence[int]
    commits_ns: int
    connected: bool


def exposition(seen: Seen, store: str, version: str) -> str:
    lines = list(_family("jaego_info", "gauge", "the program", [({"store": store, "version": version}, 1)]))
    for name, kind, text, samples in (*_of_store(seen), *_of_head_office(seen), *_of_devices(seen.devices)):
        lines += _family(f"jaego_{name}", kind, text, samples)
    lines += _commits(seen)
    for name, count in seen.health.counters.items():
        lines += _family(f"jaego_{name}_total", "counter", "since the agent's start", [({}, count)])
    return "\n".join(lines) + "\n"


Family = tuple[str, str, str, list[Sample]]


def _of_store(seen: Seen) -> Iterator[Family]:
    found = seen.health
    values: tuple[tuple[str, str, float | None], ...] = (
        ("uptime_seconds", "since the agent's start", found.uptime_s),
        ("ledger_head", "the newest event's sequence", found.head),
        ("ledger_first", "the oldest event's sequence", found.first),
        ("ledger_waiting", "what waits for the disk", found.waiting),
        ("ledger_size_bytes", "the ledger's files", found.ledger_size_bytes),
        ("disk_free_bytes", "where the ledger is", found.disk_free_bytes),
        ("disk_size_bytes", "where the ledger is", found.disk_size_bytes),
        ("memory_bytes", "resident memory of the agent", found.memory_bytes),
        ("open_files", "file descriptors of the agent", found.open_files),
        ("clock_synced", "1: times are trusted", found.clock == "synced"),
        ("catalogue_revision", "the highest that the store holds", found.catalogue_revision),
        ("catalogue_items", "live items", found.catalogue_items),
    )
    for name, text, value in values:
        if value is not None:
            yield name, "gauge", text, [({}, value)]


def _of_head_office(seen: Seen) -> Iterator[Family]:
    found = seen.health
    consumers = found.consumers.items()
    yield "broker_connected", "gauge", "1: there is a connection", [({}, seen.connected)]
    yield "outbox_events", "gauge", "not acknowledged yet", [({"consumer": n}, one.behind) for n, one in consumers]
    ages = [({"consumer": n}, float(one.age_s)) for n, one in consumers if one.age_s is not None]
    yield "outbox_age_seconds", "gauge", "the oldest event that is not acknowledged", ages
    silent = [({"consumer": n}, float(one.silent_s)) for n, one in consumers if one.silent_s is not None]
    yield "acknowledged_age_seconds", "gauge", "since the last acknowledgement", silent
    yield (
        "consumer_stalled",
        "gauge",
        "1: it is sent to rarely",
        [({"consumer": n}, one.stalled) for n, one in consumers],
    )
    ends = [(Labels(certificate=name), parse_us(at) / 1e6) for name, at in (found.certificates or {}).items()]
    yield "certificate_end_timestamp_seconds", "gauge", "when a certificate ends", ends


def _of_devices(devices: Sequence[DeviceStatus]) -> Iterator[Family]:
    def each(member: str) -> list[Sample]:
        return [({"device": one.device}, getattr(one, member)) for one in devices]

    states = [({"device": one.device, "state": state.value}, one.state is state) for one in devices for state in State]
    yield "device_state", "gauge", "1: it is in this state", [(labels, float(value)) for labels, value in states]
    yield (
        "device_notices",
        "gauge",
        "conditions that last",
        [({"device": one.device}, len(one.notices)) for one in devices],
    )
    yield "device_reads_total", "counter", "reads", each("reads")
    yield "device_bad_reads_total", "counter", "reads that were damaged", each("bad_reads")
    yield "device_overflows_total", "counter", "times that a device was not drained in time", each("overflows")
    yield "device_opened_total", "counter", "times that a device was opened", each("opened")


def _commits(seen: Seen) -> Iterator[str]:
    """Cumulative buckets, as the format wants them; the last is all."""
    name, counts = "jaego_commit_seconds", list(accumulate(seen.commits))
    yield f"# HELP {name} from a group's first statement to the end of its sync"
    yield f"# TYPE {name} histogram"
    for bound_ms, count in zip(BOUNDS_MS, counts, strict=False):
        yield f'{name}_bucket{{le="{bound_ms / 1000:g}"}} {count}'
    yield f'{name}_bucket{{le="+Inf"}} {counts[-1]}'
    yield f"{name}_sum {seen.commits_ns / 1e9:.9f}"
    yield f"{name}_count {counts[-1]}"


def _family(name: str, kind: str, text: str, samples: Sequence[Sample]) -> Iterator[str]:
    if not samples:
        return
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        inside = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
        yield f"{name}{{{inside}}} {_number(value)}" if inside else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
