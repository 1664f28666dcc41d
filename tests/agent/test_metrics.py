"""The metrics page: within Prometheus' text format, and true."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from agent.capture.supervisor import DeviceStatus, State
from agent.ledger.latency import BOUNDS_MS, Latency
from agent.metrics import Seen, exposition
from contract.messages import Health

# https://prometheus.io/docs/instrumenting/exposition_formats: comment lines, and `name{label="value",…} number`.
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9][0-9.e+-]*|\+Inf|NaN)")
HEALTH: dict[str, Any] = {
    "at": "2026-09-07T12:00:00.000+09:00",
    "uptime_s": 60,
    "head": 12,
    "first": 3,
    "outbox_depth": 5,
    "outbox_age_s": 40,
    "disk_free_bytes": 1_000_000,
    "ledger_size_bytes": 4096,
    "clock": "suspect",
    "devices": {},
    "consumers": {
        "hq": {"delivered": 7, "behind": 5, "stalled": True, "age_s": 40, "silent_s": 41},
        "audit": {"delivered": 12, "behind": 0, "stalled": False, "age_s": 0},
    },
    "counters": {"scans": 3, "bad_reads": 1},
    "memory_bytes": 90_000_000,
    "waiting": 2,
    "certificates": {"broker": "2026-09-08T12:00:00.000+09:00"},
}
DEVICES = [
    DeviceStatus("dock", State.UP, 0, reads=7, bad_reads=1, overflows=2, opened=3),
    DeviceStatus("gate", State.REFUSED, 0),
]


def seen(**more: Any) -> Seen:
    latency = Latency()
    for duration_ns in (900_000, 1_000_000, 1_000_001, 60_000_000_000):
        latency.took(duration_ns)
    given = Seen(Health.model_validate(HEALTH), DEVICES, tuple(latency.counts), latency.sum_ns, connected=False)
    return replace(given, **more)


def samples(text: str) -> dict[str, float]:
    """Every sample by name and labels; fails at what is none, comes twice, or stands before its type."""
    found: dict[str, float] = {}
    typed: set[str] = set()
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in typed
            assert kind in {"gauge", "counter", "histogram"}
            assert (kind == "counter") == name.endswith("_total")
            typed.add(name)
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            key = match[1] + (f"{{{match[2]}}}" if match[2] else "")
            assert key not in found
            assert match[1] in typed or re.sub("_(bucket|sum|count)$", "", match[1]) in typed
            found[key] = float(match[3])
    return found


def test_every_line_is_of_the_format_and_says_what_was_seen() -> None:
    found = samples(exposition(seen(), "S1", "0.1.0"))
    expected = {
        'jaego_info{store="S1",version="0.1.0"}': 1,
        "jaego_ledger_head": 12,
        "jaego_ledger_first": 3,
        "jaego_ledger_waiting": 2,
        "jaego_disk_free_bytes": 1_000_000,
        "jaego_memory_bytes": 90_000_000,
        "jaego_clock_synced": 0,
        "jaego_broker_connected": 0,
        'jaego_outbox_events{consumer="hq"}': 5,
        'jaego_outbox_age_seconds{consumer="hq"}': 40,
        'jaego_outbox_age_seconds{consumer="audit"}': 0,
        'jaego_acknowledged_age_seconds{consumer="hq"}': 41,
        'jaego_consumer_stalled{consumer="hq"}': 1,
        'jaego_certificate_end_timestamp_seconds{certificate="broker"}': 1_788_836_400,
        'jaego_device_state{device="dock",state="up"}': 1,
        'jaego_device_state{device="dock",state="refused"}': 0,
        'jaego_device_state{device="gate",state="refused"}': 1,
        'jaego_device_reads_total{device="dock"}': 7,
        'jaego_device_bad_reads_total{device="dock"}': 1,
        'jaego_device_overflows_total{device="dock"}': 2,
        'jaego_device_opened_total{device="dock"}': 3,
        "jaego_scans_total": 3,
        "jaego_bad_reads_total": 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert 'jaego_acknowledged_age_seconds{consumer="audit"}' not in found  # never heard: no age
    assert "jaego_disk_size_bytes" not in found  # not known: no zero


def test_the_histogram_is_cumulative_and_its_last_bucket_is_all() -> None:
    found = samples(exposition(seen(), "S1", "0.1.0"))
    buckets = [value for name, value in found.items() if name.startswith("jaego_commit_seconds_bucket")]
    assert buckets == [2, *[3] * (len(BOUNDS_MS) - 1), 4]
    assert found['jaego_commit_seconds_bucket{le="0.0025"}'] == 3
    assert found["jaego_commit_seconds_count"] == 4
    assert found["jaego_commit_seconds_sum"] == 60.002900001


def test_a_connection_and_no_devices_and_names_that_need_escapes() -> None:
    found = samples(exposition(seen(connected=True, devices=[]), 'a"b\\c\nd', "0"))
    assert found["jaego_broker_connected"] == 1
    assert found['jaego_info{store="a\\"b\\\\c\\nd",version="0"}'] == 1
    assert not any(name.startswith("jaego_device") for name in found)


def test_what_most_commits_take_at_most() -> None:
    latency = Latency()
    assert latency.within_ms(0.99) == BOUNDS_MS[0]  # none yet: none is slow
    for _ in range(98):
        latency.took(3_000_000)
    latency.took(80_000_000)
    latency.took(80_000_000)
    assert (latency.within_ms(0.98), latency.within_ms(0.99)) == (5, 100)
    for _ in range(3):
        latency.took(60_000_000_000)
    assert latency.within_ms(0.99) is None


def test_the_slowest_commit_is_told_once() -> None:
    latency = Latency()
    for duration_ns in (5_000, 9_000_000, 7_000):
        latency.took(duration_ns)
    assert (latency.take_slowest_us(), latency.take_slowest_us()) == (9000, 0)
    latency.took(3_000)
    assert latency.take_slowest_us() == 3
    assert sum(latency.counts) == 4
