"""Facts to findings: every code has a case here, and says in both languages what is wrong and what to do."""

from __future__ import annotations

from dataclasses import replace
from string import Formatter
from typing import Any

import pytest

from agent.doctor import judge
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
from agent.doctor.judge import DAY_S, Finding, worst
from agent.doctor.texts import LEVELS, TEXTS, hint_of, text_of

NOW_S = 1_788_750_000
GIB = 1 << 30
FOLDER = Folder("state", "", "jaego", "jaego", False, 0o750, 50 * GIB, 100 * GIB, 1_000_000)
UP: dict[str, Any] = {"state": "up", "reads": 7, "bad_reads": 1, "notices": [], "error": None, "hint": None}
HEALTH: dict[str, Any] = {
    "uptime_s": 600,
    "consumers": {"hq": {"silent_s": 120}},
    "writes": True,
    "commit_ms_p99": 500,
}
BROKER = BrokerSeen("hq.example:8883", "mqtt", version="MQTT 5", tls=True, ends_s=NOW_S + 100 * DAY_S)
GOOD = Facts(
    now_s=NOW_S,
    store="S1",
    folder=FOLDER,
    secrets=[Secret("store", "store.key", "", 0o600)],
    ledger=LedgerSeen("", store="S1", head=12, size_bytes=4096, age_s=60, consumers={"hq": (0, 0)}),
    snapshots=SnapshotsSeen("snapshots", "", DAY_S, 7, 2 * DAY_S),
    catalogue=CatalogueSeen("", items=9, age_s=7200),
    running=Running("running", devices={"dock": UP}, health=HEALTH),
    devices=[DeviceSeen("dock", "serial_line", "port")],
    clock=ClockSeen(synced=True, trusted=False, service="chrony"),
    broker=BROKER,
    certificates=[CertificateSeen("store", "store.crt", NOW_S + 30 * DAY_S)],
    screens=ScreensSeen("127.0.0.1:8470", "answers"),
)


def device(state: str, **more: Any) -> dict[str, Any]:
    told = {**UP, "state": state, "error": "it is gone", "hint": "plug it in"}
    return {"running": Running("running", devices={"dock": told}, health=HEALTH), "devices": [replace(DOCK, **more)]}


def alone(**more: Any) -> dict[str, Any]:
    return {"running": Running("stopped"), "screens": ScreensSeen("", "off"), "devices": [replace(DOCK, **more)]}


def broker(**more: Any) -> dict[str, Any]:
    return {"broker": replace(BROKER, ends_s=None, **more)}


def own(ends_s: int | None) -> dict[str, Any]:
    return {"certificates": [CertificateSeen("store", "store.crt", ends_s, "no certificate in PEM")]}


def told(**more: Any) -> dict[str, Any]:
    return {"running": Running("running", devices={"dock": UP}, health={**HEALTH, **more})}


def waits(age_s: int, events: int = 5) -> dict[str, Any]:
    return {"ledger": replace(GOOD.ledger, consumers={"hq": (events, age_s)})}


DOCK = DeviceSeen("dock", "serial_line", "port", group="dialout")
NOTICE = {"code": "hot", "message": "it is hot", "hint": "let it cool"}
NOTED = Running("running", devices={"dock": {**UP, "notices": [NOTICE]}}, health=HEALTH)
OFF = ScreensSeen("", "off")

NOT_RENEWED = {"certificates": [CertificateSeen("store", "store.crt", NOW_S + 30 * DAY_S, not_renewed="no desk")]}

# What differs from a good store; code, level and subject of what is found besides what is good.
CASES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"folder": replace(FOLDER, problem="missing")}, "folder_missing", "failure", ""),
    ({"folder": replace(FOLDER, problem="no_folder")}, "folder_no_folder", "failure", ""),
    ({"folder": replace(FOLDER, problem="denied")}, "folder_denied", "failure", ""),
    ({"folder": replace(FOLDER, problem="read_only")}, "folder_read_only", "failure", ""),
    ({"folder": replace(FOLDER, root=True, user="root")}, "folder_root", "warning", ""),
    ({"folder": replace(FOLDER, mode=0o755)}, "folder_open", "warning", ""),
    ({"folder": replace(FOLDER, free_bytes=99_999_999)}, "disk_full", "failure", ""),
    ({"folder": replace(FOLDER, free_bytes=GIB - 1)}, "disk_low", "warning", ""),
    ({"folder": replace(FOLDER, free_bytes=4 * GIB)}, "disk_low", "warning", ""),
    ({"folder": replace(FOLDER, files_free=999)}, "files_low", "failure", ""),
    ({"secrets": [Secret("broker", "pw", "missing")]}, "secret_missing", "failure", "broker"),
    ({"secrets": [Secret("broker", "pw", "denied", 0o600)]}, "secret_denied", "failure", "broker"),
    ({"secrets": [Secret("broker", "pw", "", 0o640)]}, "secret_open", "warning", "broker"),
    ({"ledger": LedgerSeen("missing")}, "ledger_missing", "warning", ""),
    ({"ledger": LedgerSeen("damaged", "bad hash", "restore")}, "ledger_damaged", "failure", ""),
    ({"ledger": LedgerSeen("unusable", "locked", "wait")}, "ledger_unusable", "failure", ""),
    ({"ledger": LedgerSeen("other_store", store="S2")}, "ledger_other_store", "failure", ""),
    ({"ledger": LedgerSeen("", key_saved=False)}, "key_unsaved", "warning", ""),
    ({"snapshots": SnapshotsSeen("usb", "missing", DAY_S)}, "snapshots_missing", "failure", ""),
    ({"snapshots": SnapshotsSeen("usb", "denied", DAY_S)}, "snapshots_denied", "failure", ""),
    ({"snapshots": SnapshotsSeen("usb", "", DAY_S)}, "snapshots_none", "warning", ""),
    ({"snapshots": SnapshotsSeen("usb", "", DAY_S, 7, 2 * DAY_S + 1)}, "snapshots_old", "warning", ""),
    (told(ledger_damage="event 5 was changed"), "ledger_rotten", "failure", ""),
    ({"catalogue": CatalogueSeen("no database", "import it")}, "catalogue_damaged", "failure", ""),
    ({"catalogue": CatalogueSeen("")}, "catalogue_empty", "warning", ""),
    ({"running": Running("stopped"), "screens": OFF, "devices": []}, "agent_stopped", "failure", ""),
    ({"running": Running("denied")}, "agent_denied", "warning", ""),
    ({"running": Running("silent", "nothing for 10 s")}, "agent_silent", "failure", ""),
    (told(stuck_event=7), "event_stuck", "failure", ""),
    (told(writes=False), "disk_stuck", "failure", ""),
    (told(commit_ms_p99=1000), "disk_slow", "warning", ""),
    (told(commit_ms_p99=None), "disk_slow", "warning", ""),
    ({"running": NOTED}, "device_notice", "warning", "dock"),
    (device("down"), "device_down", "failure", "dock"),
    (device("refused"), "device_down", "failure", "dock"),
    (device("failed", problem="held", holder="ModemManager (7)"), "device_held", "failure", "dock"),
    (device("down", problem="missing"), "device_missing", "failure", "dock"),
    (device("connecting"), "device_connecting", "warning", "dock"),
    (device("down", problem="denied"), "device_denied", "failure", "dock"),
    ({"clock": ClockSeen(synced=False, trusted=False, service="chrony")}, "clock_waiting", "warning", ""),
    ({"clock": ClockSeen(synced=False, trusted=False)}, "clock_alone", "warning", ""),
    (broker(reached="name", fault="unreachable", why="refused"), "broker_unreachable", "failure", ""),
    (broker(reached="nothing", fault="files", why="no file"), "broker_files", "failure", ""),
    (broker(reached="tcp", fault="authority", why="self-signed"), "broker_authority", "failure", ""),
    (broker(reached="tcp", fault="name", why="mismatch"), "broker_name", "failure", ""),
    (broker(reached="tcp", fault="ended", why="expired"), "broker_ended", "failure", ""),
    (broker(reached="tcp", fault="handshake", why="alert"), "broker_handshake", "failure", ""),
    (broker(reached="tls", fault="silent", why="no answer"), "broker_silent", "failure", ""),
    (broker(reached="tls", fault="refused", why="Not authorized"), "broker_refused", "failure", ""),
    (broker(refused_topics=("stock/v1/S1/ack/hq",)), "broker_topic", "failure", "stock/v1/S1/ack/hq"),
    (broker(tls=False), "broker_in_the_clear", "warning", ""),
    ({"broker": replace(BROKER, ends_s=NOW_S)}, "certificate_ended", "failure", "broker"),
    ({"broker": replace(BROKER, ends_s=NOW_S + 21 * DAY_S - 1)}, "certificate_soon", "warning", "broker"),
    (own(NOW_S - 1), "certificate_ended", "failure", "store"),
    (own(None), "certificate_unreadable", "failure", "store"),
    (NOT_RENEWED, "renewal_failed", "warning", "store"),
    (waits(900), "consumer_behind", "warning", "hq"),
    (waits(24 * 3600), "consumer_behind", "failure", "hq"),
    ({"screens": ScreensSeen("127.0.0.1:8470", "closed")}, "screens_closed", "failure", ""),
]


def bad(facts: Facts) -> list[Finding]:
    return [one for one in judge.judge(facts) if one.level != "ok"]


def test_a_good_store_has_nothing_to_do() -> None:
    found = judge.judge(GOOD)
    assert bad(GOOD) == []
    assert worst(found) == 0
    assert {one.code for one in found} == {
        *("disk_good", "secret_good", "ledger_good", "catalogue_good", "agent_running", "device_up", "clock_synced"),
        "snapshots_good",
        *("broker_good", "certificate_good", "consumer_good", "screens_good"),
    }


@pytest.mark.parametrize(("changed", "code", "level", "subject"), CASES)
def test_each_fault_is_found_alone(changed: dict[str, Any], code: str, level: str, subject: str) -> None:
    found = bad(replace(GOOD, **changed))
    expected = (code, level, subject)
    if code == "agent_stopped":
        assert (found[0].code, found[0].level, found[0].subject) == expected
        return
    assert [(one.code, one.level, one.subject) for one in found] == [expected]
    assert worst(found) == {"warning": 1, "failure": 2}[level]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (alone(), "device_there"),
        (alone(reachable=True), "device_there"),
        ({"clock": ClockSeen(synced=False, trusted=True)}, "clock_trusted"),
        ({"broker": BrokerSeen("", "off")}, "broker_off"),
        (broker(where="127.0.0.1:1883", tls=False), "broker_good"),
        (broker(where="[::1]:1883", tls=False), "broker_good"),
        (waits(899), "consumer_good"),
        (waits(10**6, events=0), "consumer_good"),
        ({"screens": OFF}, "screens_off"),
    ],
)
def test_what_is_no_fault(changed: dict[str, Any], code: str) -> None:
    facts = replace(GOOD, **changed)
    assert code in {one.code for one in judge.judge(facts)}
    assert [one.code for one in bad(facts)] == (["agent_stopped"] if facts.running.state == "stopped" else [])


def test_with_a_stopped_agent_the_network_and_the_port_are_tried() -> None:
    facts = replace(
        GOOD,
        running=Running("stopped"),
        devices=[replace(DOCK, reachable=False, why="refused")],
        screens=ScreensSeen("127.0.0.1:8470", "answers"),
    )
    assert [one.code for one in bad(facts)] == ["agent_stopped", "device_unreachable", "screens_taken"]


def test_a_reader_that_is_configured_and_unknown_to_the_agent_is_no_failure_of_it() -> None:
    """The configuration was changed and the agent not started again: what is there is still told."""
    running = Running("running", devices={}, health=HEALTH)
    assert "device_there" in {one.code for one in judge.judge(replace(GOOD, running=running))}


def everything() -> list[Finding]:
    found = judge.wrong_configuration(["store.id: found 5"]) + judge.judge(GOOD)
    for changed, _code, _level, _subject in CASES:
        found += judge.judge(replace(GOOD, **changed))
    stopped = Running("stopped")
    for facts in (
        replace(GOOD, **alone()),
        replace(GOOD, **alone(reachable=False, why="refused")),
        replace(GOOD, running=stopped),
        replace(GOOD, clock=ClockSeen(synced=False, trusted=True), broker=BrokerSeen("", "off")),
    ):
        found += judge.judge(facts)
    return found


def test_every_text_is_used_and_every_finding_has_texts() -> None:
    assert {one.code for one in everything()} == set(TEXTS)


def test_both_languages_say_what_and_what_to_do() -> None:
    for one in everything():
        for language in ("ko", "en"):
            assert text_of(one, language)
            assert bool(hint_of(one, language)) == (one.level != "ok"), one
        assert set(LEVELS) >= {one.level}


@pytest.mark.parametrize("code", TEXTS)
def test_both_languages_tell_the_same_facts(code: str) -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    ko, en, hint_ko, hint_en = TEXTS[code]
    if code != "device_notice":  # the driver's own words
        assert any("가" <= letter <= "힣" for letter in ko) or fields(ko) == fields(en) == {"state", "error"}
    assert fields(ko) == fields(en)
    assert fields(hint_ko) == fields(hint_en)
