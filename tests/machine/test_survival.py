"""Bad days of a store's PC under real systemd and a real kernel: what was confirmed is there, and scanning goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.machine.power import Before, boot
from tests.machine.store import SETTLE_S, STORE, StorePc
from tests.machine.surviving import (
    GOOD,
    JAEGO,
    ON_ITS_WAY_S,
    STATE,
    STOP,
    UNIT,
    WRITTEN_S,
    Clerk,
    OldMachine,
    Typist,
    at_head_office,
    configure,
    events,
    health,
    in_long_form,
    limit,
    move_to_own_disk,
    moved,
    nothing_lost,
    scanning,
    shown,
    since,
    switched_off,
)

Tell = Callable[[str], None]
WATCHDOG_S = 6
RESERVE = f"{STATE}/ledger.reserve"
EATER = "held = []\nwhile True: held.append(bytearray(8 << 20))"
# As somebody else's user: what root may write beyond the end is not what the agent is short of.
FILL = """
cd /var/tmp
fallocate -l $(( $(df --output=avail -k . | tail -n 1) - 512 ))K filled.most
dd if=/dev/zero of=filled.rest bs=4K 2>/dev/null
[ $(df --output=avail -k . | tail -n 1) -lt 8 ]
"""
FILL_AGAIN = "cd /var/tmp; dd if=/dev/zero of=filled.reserve bs=64K 2>/dev/null"
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


@pytest.fixture
def clerk(pc: StorePc) -> Iterator[Clerk]:
    """With a scanner in hand that the agent holds."""
    one = Clerk(pc)
    one.plug()
    pc.works("line")
    yield one
    one.unplug()


def taken_again(clerk: Clerk, within_s: float) -> float:
    """Seconds until a scan is."""
    begun_s = time.monotonic()
    while clerk.scan() != GOOD:
        assert time.monotonic() < begun_s + within_s, clerk.pc.journal()
        time.sleep(0.2)
    return time.monotonic() - begun_s


def test_killed_while_two_scanners_scan_and_then_stuck_it_is_back_and_nothing_is_lost(
    pc: StorePc, clerk: Clerk, tell: Tell
) -> None:
    limit(pc, f"WatchdogSec={WATCHDOG_S}")
    typist = Typist(pc)
    typist.plug()
    begun_s = time.monotonic()
    with scanning(clerk, typist):
        pc.until(lambda: len(typist.typed) >= 3 and len(clerk.answered) >= 5, lambda: (clerk.answered, typist.typed))
        killed_s = kill(pc)
        killed = clerk.answered_after(killed_s)
        certain = typist.between(begun_s, killed_s - WRITTEN_S)
        stuck_s = stop_event_loop(pc)
        stuck = clerk.answered_after(stuck_s)
    assert certain
    assert "Watchdog timeout" in pc.journal()
    assert shown(pc, "NRestarts") == "2"
    nothing_lost(pc, clerk, certain)
    tell(
        f"first beep {killed:.1f} s after kill -9, {stuck:.1f} s after the event loop stood still (WatchdogSec="
        f"{WATCHDOG_S}); {len(clerk.answered)} answered scans there once, {len(clerk.unanswered)} were not answered"
    )


def test_a_clock_set_back_an_hour_while_scanning(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    trusted(pc, clerk)
    clerk.scans(3)
    before = pc.heard.payloads(f"stock/v1/{STORE}/state")
    jumped = set_clock(pc, "-3600")
    clerk.scans(3)
    found = [json.loads(line) for line in nothing_lost(pc, clerk)]
    told = [event for event in found if event["type"] == "movement"]
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    assert [event["clock"] for event in told][-7:] == ["synced"] * 4 + ["suspect"] * 3
    assert told[-1]["occurred_at"] < told[0]["occurred_at"]
    assert pc.heard.payloads(f"stock/v1/{STORE}/state") == before, "the connection to the broker stays"
    tell(f"to {jumped}: {len(told)} scans answered and at head office in their order, those behind it marked suspect")


def test_a_disk_that_is_full_refuses_scans_aloud_until_there_is_room(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    clerk.scans(3)
    pc.vm.sh(f"[ -s {RESERVE} ] && {NOBODY} sh -c '{FILL}'", expected=0)
    answer, written = GOOD, 0
    while answer == GOOD and written < 400:  # the write-ahead log has room of its own at first
        answer, written = clerk.scan(), written + 1
    assert answer == STOP
    assert clerk.scan() == STOP
    pc.vm.sh(f"[ ! -e {RESERVE} ] && [ $(systemctl show -P NRestarts {UNIT}) = 0 ] && rm /var/tmp/filled.*", expected=0)
    taken = taken_again(clerk, 30.0)
    pc.vm.sh(f"[ -s {RESERVE} ] && systemctl is-active {UNIT}", expected=0)
    nothing_lost(pc, clerk)
    tell(
        f"{len(clerk.answered)} scans written, {len(clerk.refused)} refused with two low beeps; the reserve was given; "
        f"taken again {taken:.1f} s after there was room"
    )


def test_a_network_cable_that_is_out_while_scanning(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    clerk.scans(2)
    at_head_office(pc, events(pc))
    pc.vm.link(up=False)
    clerk.scans(20)
    lines = events(pc)
    pc.vm.link(up=True)
    begun_s = time.monotonic()
    at_head_office(pc, lines)
    took = time.monotonic() - begun_s
    nothing_lost(pc, clerk)
    tell(f"20 scans answered without it, at head office {took:.1f} s after it was in again")


@in_long_form
def test_killed_ten_times_while_two_scanners_scan_nothing_is_lost(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    typist = Typist(pc)
    typist.plug()
    clerk.pause_s = 0.4
    certain: set[int] = set()
    back: list[float] = []
    with scanning(clerk, typist):
        for _ in range(10):
            living_s = time.monotonic() + WRITTEN_S  # a code that was under way as the agent came is none
            pc.until(partial(typed_into_it, typist, living_s), pc.journal)
            before, killed_s = Before(pc, "usb-1"), kill(pc)
            certain |= typist.between(living_s, killed_s - WRITTEN_S)
            back.append(clerk.answered_after(killed_s))
            before.held()
    assert shown(pc, "NRestarts") == "10"
    assert len(certain) >= 10
    nothing_lost(pc, clerk, certain)
    assert "intact" in pc.jaego("log verify")
    tell(
        f"first beep {min(back):.1f} to {max(back):.1f} s after kill -9; {len(clerk.answered)} answered scans there "
        f"once, {len(clerk.unanswered)} were not answered; all {len(certain)} that were typed into a living agent there"
    )


@in_long_form
def test_a_process_that_is_stopped_is_started_again_by_the_units_own_watchdog(
    pc: StorePc, clerk: Clerk, tell: Tell
) -> None:
    clerk.scans(5)
    with scanning(clerk):
        pc.vm.sh(f"systemctl kill --signal=STOP {UNIT}", expected=0)
        back = clerk.answered_after(time.monotonic(), 150.0)
    assert "Watchdog timeout (limit 1min)!" in pc.journal()
    nothing_lost(pc, clerk)
    tell(f"first beep {back:.1f} s after SIGSTOP, WatchdogSec=60 as installed")


@in_long_form
def test_a_disk_that_stands_still_is_waited_for_and_beyond_the_limit_the_agent_ends(
    pc: StorePc, clerk: Clerk, tmp_path: Path, tell: Tell
) -> None:
    """The event loop lives, the writer hangs in the file system."""
    limit(pc, "WatchdogSec=20", "TimeoutStopSec=10")
    move_to_own_disk(pc, tmp_path)
    pc.until(lambda: clerk.scan() == GOOD, pc.journal)
    answered = len(clerk.answered)
    pc.vm.sh(f"fsfreeze -f {STATE}; (sleep 6; fsfreeze -u {STATE}) >/dev/null 2>&1 &", expected=0)
    begun_s = time.monotonic()
    clerk.scans(1)
    waited = time.monotonic() - begun_s
    assert shown(pc, "NRestarts") == "0"
    with scanning(clerk):
        pc.vm.sh(f"fsfreeze -f {STATE}", expected=0)
        frozen_s = time.monotonic()
        pc.vm.until(f"journalctl -u {UNIT} | grep -q 'Watchdog timeout'", 60.0)
        noticed = time.monotonic() - frozen_s
        # Ended, killed, given up; the next one finds the ledger held, or waits for the disk itself.
        pc.vm.until(f"journalctl -u {UNIT} | grep -q 'Found left-over process'", 180.0)
        said = pc.journal(200)
        pc.vm.sh(f"fsfreeze -u {STATE}", expected=0)
        back = clerk.answered_after(time.monotonic())
    nothing_lost(pc, clerk)
    assert waited > 4.0
    assert len(clerk.answered) > answered + 1
    assert "Processes still around after final SIGKILL" in said, "nothing ends a process that waits for its disk"
    tell(
        f"6 s: no restart, the scan is answered after {waited:.1f} s; longer: noticed after {noticed:.1f} s (limit "
        f"20 s), cannot be ended until the disk goes on; first beep {back:.1f} s after that"
    )


@in_long_form
def test_a_clock_that_jumps_a_year_back_and_forward_again(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    synchronise = "python3 -I /srv/synchronise.py"
    configure(pc, ("clock_trusted = true", ""), ("[uplink]", "[uplink]\nhealth_interval_s = 5"))
    pc.vm.sh(f"{synchronise} && systemctl restart {UNIT}", timeout_s=120.0, expected=0)
    pc.until(lambda: clerk.scan() == GOOD, pc.journal)
    trusted(pc, clerk)
    online = len(pc.heard.payloads(f"stock/v1/{STORE}/state"))
    year_s, clocks = 365 * 86400, [said_clock(pc, clerk)]
    for by_s in (f"-{year_s}", f"+{year_s}"):
        set_clock(pc, by_s)
        clocks.append(said_clock(pc, clerk))
        time.sleep(7.0)  # a later check, and health in its interval: both by the clock that does not jump
        clocks.append(said_clock(pc, clerk))
        assert health(pc)["clock"] == "suspect"
    pc.vm.sh(synchronise, expected=0)
    trusted(pc, clerk)
    clocks.append(said_clock(pc, clerk))
    assert clocks == ["synced", *["suspect"] * 4, "synced"]
    pc.until(lambda: health(pc)["clock"] == "synced", lambda: health(pc))
    assert len(pc.heard.payloads(f"stock/v1/{STORE}/state")) == online, "the connection to the broker stays"
    found = [json.loads(line) for line in nothing_lost(pc, clerk)]
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    years = sorted({event["occurred_at"][:4] for event in found})
    tell(f"events of {' and '.join(years)} in their order; suspect until the kernel is synchronised again; health too")


@in_long_form
def test_a_full_disk_is_said_everywhere_and_a_start_on_it_ends_well(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    clerk.scans(3)
    pc.vm.sh(f"{NOBODY} sh -c '{FILL}'", expected=0)
    while clerk.scan() == GOOD:
        assert len(clerk.answered) < 400
    shown_at_desk = pc.vm.sh(f"{JAEGO} scan till-1 8801230009994")
    assert (shown_at_desk.code, "the disk is full" in shown_at_desk.out) == (1, True), shown_at_desk
    pc.vm.until(f"journalctl -u {UNIT} | grep -q 'disk: the disk is full'", 90.0)
    pc.until(lambda: health(pc)["counters"]["not_written"] >= 2, lambda: health(pc), 90.0)
    free = health(pc)["disk_free_bytes"]
    doctor = pc.vm.sh(f"{JAEGO} doctor")
    assert doctor.code == 2, doctor.out
    pc.vm.sh(f"{NOBODY} sh -c '{FILL_AGAIN}'")
    stop = pc.vm.sh(f"systemctl stop {UNIT}", timeout_s=120.0)
    ended = shown(pc, "ExecMainStatus")
    before = since(pc, "line")
    pc.vm.sh(f"systemctl start --no-block {UNIT}", expected=0)
    pc.until(lambda: since(pc, "line") not in {None, before}, pc.journal, 90.0)
    time.sleep(SETTLE_S)
    assert clerk.scan() == STOP
    assert shown(pc, "NRestarts") == "0"
    pc.vm.sh("rm /var/tmp/filled.*", expected=0)
    taken = taken_again(clerk, 90.0)
    pc.vm.sh(f"[ -s {RESERVE} ]", expected=0)
    nothing_lost(pc, clerk)
    tell(
        f"'{shown_at_desk.out.strip()}'; journal, doctor and health ({free} bytes free) say it; stop on it "
        f"{stop.took_s:.1f} s, exit code {ended}; a start on it refuses scans; taken {taken:.1f} s after it had room"
    )


@in_long_form
def test_a_minute_without_the_network(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    clerk.scans(1)
    at_head_office(pc, events(pc))
    pc.vm.link(up=False)
    clerk.pause_s = 0.5
    with scanning(clerk):
        pc.vm.until("journalctl -u jaego-agent | grep -q 'broker: .*the store works on'", 60.0)
        time.sleep(45.0)
    lines = events(pc)
    pc.vm.link(up=True)
    begun_s = time.monotonic()
    at_head_office(pc, lines)
    took = time.monotonic() - begun_s
    nothing_lost(pc, clerk)
    assert not clerk.unanswered
    tell(f"{len(clerk.answered) - 1} scans answered without it, at head office {took:.1f} s after it was in again")


@in_long_form
def test_stop_and_reboot_while_scanning_and_a_boot_with_the_clock_of_long_ago(
    pc: StorePc, clerk: Clerk, tell: Tell
) -> None:
    configure(pc, ("clock_trusted = true", ""))
    with scanning(clerk):
        pc.until(lambda: len(clerk.answered) >= 5, lambda: clerk.answered)
        stop = pc.vm.sh(f"systemctl stop {UNIT}", timeout_s=120.0, expected=0)
        assert (shown(pc, "Result"), shown(pc, "ExecMainStatus")) == ("success", "0")
        booked = moved(events(pc))
        assert set(booked) == set(clerk.answered), "answered or not taken"
        pc.vm.sh(f"systemctl start {UNIT}", timeout_s=120.0, expected=0)
        clerk.answered_after(time.monotonic())
        pc.vm.sh("systemctl --no-block reboot", expected=0)
        down = switched_off(pc)
    warm = first_beep(pc, clerk)
    clerk.scans(3)
    with scanning(clerk):
        pc.vm.sh("systemctl --no-block poweroff", expected=0)
        switched_off(pc)
    pc.vm = OldMachine(pc.vm)
    old = first_beep(pc, clerk)
    day = pc.vm.sh("TZ=Asia/Seoul date +%F", expected=0).out.strip()
    found = [json.loads(line) for line in nothing_lost(pc, clerk)]
    last = [event for event in found if event["type"] == "movement"][-1]
    assert (last["clock"], last["occurred_at"][:10]) == ("suspect", day)
    assert last["occurred_at"] < found[0]["occurred_at"]
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    tell(f"stop {stop.took_s:.1f} s, exit code 0; reboot down {down:.1f} s, {warm}; with a clock of {day}: {old}")


@in_long_form
def test_a_damaged_ledger_waits_for_somebody_and_head_office_restores_it(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    clerk.scans(20)
    at_head_office(pc, events(pc))
    garbage = (
        "dd if=/dev/urandom of=ledger.db bs=4096 seek=1 conv=notrunc count=$(( $(stat -c %s ledger.db) / 4096 - 1 ))"
    )
    pc.vm.sh(f"systemctl stop {UNIT} && cd {STATE} && {garbage}", expected=0)
    assert pc.vm.sh(f"systemctl start {UNIT}", timeout_s=120.0).code
    time.sleep(5.0)
    assert [shown(pc, name) for name in ("ExecMainStatus", "ActiveState", "NRestarts")] == ["65", "failed", "0"]
    said = pc.journal(12)
    assert "jaego restore" in said, said
    restored = pc.vm.sh(f"{JAEGO} restore --from-hq", timeout_s=120.0, expected=0)
    pc.vm.sh(f"systemctl start {UNIT}", timeout_s=120.0, expected=0)
    pc.works("line")
    clerk.scans(3)
    pc.until(lambda: set(at_office(pc)) >= set(clerk.answered), lambda: at_office(pc))
    assert at_office(pc) == dict.fromkeys(clerk.answered, 1)
    assert "intact" in pc.jaego("log verify")
    tell(f"exit code 65, not started again, hint in the journal; restored in {restored.took_s:.1f} s, 23 of 23 there")


@in_long_form
def test_memory_that_somebody_else_eats_is_not_paid_by_the_agent(pc: StorePc, clerk: Clerk, tell: Tell) -> None:
    main, group = shown(pc, "MainPID"), f"/sys/fs/cgroup/system.slice/{UNIT}.service"
    with scanning(clerk):
        pc.until(lambda: len(clerk.answered) >= 20, lambda: clerk.answered)
        eater = pc.vm.sh(f"systemd-run --quiet --wait python3 -c '{EATER}'", timeout_s=300.0)
        after = clerk.answered_after(time.monotonic() - ON_ITS_WAY_S)
    assert eater.code
    assert "Out of memory: Killed process" in pc.vm.sh("journalctl -k").out
    assert (shown(pc, "MainPID"), shown(pc, "NRestarts")) == (main, "0")
    nothing_lost(pc, clerk)
    assert not clerk.unanswered
    sizes = [pc.vm.sh(f"cat {group}/memory.{name}", expected=0).out for name in ("current", "peak", "max")]
    now, peak, most = (int(size) / 1e6 for size in sizes)
    assert peak < most / 2
    tell(
        f"{now:.0f} MB now, {peak:.0f} MB at most, limit {most:.0f} MB; a process that ate the machine's memory was "
        f"killed, not the agent, next beep {after:.1f} s later, all {len(clerk.answered)} scans there"
    )


def set_clock(pc: StorePc, by_s: str) -> str:
    """What it was set to."""
    return pc.vm.sh(f"date -s @$(( $(date +%s) {by_s} )) '+%F %T'", expected=0).out.strip()


def said_clock(pc: StorePc, clerk: Clerk) -> str:
    """Of a scan of now."""
    clerk.scans(1)
    return str(json.loads(events(pc)[-1])["clock"])


def at_office(pc: StorePc) -> dict[int, int]:
    """What head office has booked of this store, over all its logs."""
    return moved([line for (line,) in pc.at_head_office("SELECT CAST(body AS TEXT) FROM event")])


def first_beep(pc: StorePc, clerk: Clerk) -> str:
    """Power on, as soon as the agent is there a scan."""
    before, begun_s = since(pc, "line"), time.monotonic()
    settled = boot(pc, clerk.plug)
    pc.until(lambda: since(pc, "line") not in {None, before}, pc.journal, 120.0)
    time.sleep(SETTLE_S)
    clerk.scans(1)
    took = time.monotonic() - begun_s
    started, ready = (int(shown(pc, f"{name}TimestampMonotonic")) / 1e6 for name in ("ExecMainStart", "ActiveEnter"))
    return (
        f"power to first beep {took:.1f} s (kernel and systemd until the agent starts {started:.1f} s, its own start "
        f"{ready - started:.1f} s, systemd settled {settled:.1f} s)"
    )


def trusted(pc: StorePc, clerk: Clerk) -> None:
    """Until an event says so: a machine that was thawed has a clock that jumped."""
    said: list[str] = []
    while said[-1:] != ["synced"]:
        assert len(said) < 100
        clerk.scans(1)
        said = [json.loads(line)["clock"] for line in events(pc)]


def typed_into_it(typist: Typist, living_s: float) -> bool:
    """Something that an agent which has lived since then has written by now."""
    return len(typist.between(living_s, time.monotonic() - WRITTEN_S)) >= 2


def kill(pc: StorePc) -> float:
    """The agent. When it was dead."""
    pc.vm.sh(f"systemctl kill --signal=KILL {UNIT}", expected=0)
    return time.monotonic()


def stop_event_loop(pc: StorePc) -> float:
    """Its thread alone: the writer lives on, and could say that all is well. When it stood still."""
    main = shown(pc, "MainPID")
    pc.vm.background(f"python3 -I /srv/stop_thread.py {main}")
    pc.vm.until(f"grep -q '^State:.t' /proc/{main}/status")
    return time.monotonic()
