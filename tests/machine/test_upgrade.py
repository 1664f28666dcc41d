"""A newer release in a store that scans, the way back, removal, and a power cut in the middle of it all.

The newer release is this one with a version more and a table more in its ledger (tests/packaging/release.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from agent.errors import EXIT_LEDGER
from agent.ledger import schema
from tests.machine.monitor import MachineError
from tests.machine.packages import MEDIA, SUDO, going_back, plug, schema_of, stick, version
from tests.machine.store import StorePc
from tests.machine.surviving import ANSWER_S, UNIT, Clerk, in_long_form, nothing_lost, scanning, shown
from tests.packaging.release import NEWER, NEWER_SCHEMA, NEWER_STEP, make_newer, unpack

Tell = Callable[[str], None]
BEFORE = f"before-schema-{NEWER_SCHEMA}.db"
UPGRADE_S_MAX = 400.0
SCANS = 5
APT = "apt-get install --yes"


@pytest.fixture(scope="session")
def packages(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A stick with this release and the newer one, and the newer one itself."""
    folder = tmp_path_factory.mktemp("packages")
    unpack(deb, folder / "unpacked")
    newer = make_newer(folder / "unpacked", folder)
    yield stick(folder, deb, newer), newer
    for path in folder.glob("*.*"):
        path.unlink()


@pytest.fixture
def clerk(pc: StorePc, packages: tuple[Path, Path]) -> Iterator[Clerk]:
    """With a scanner in hand that the agent holds; the stick is in the machine."""
    plug(pc, packages[0])
    pc.vm.put("/usr/local/bin/sudo", SUDO, 0o755)
    one = Clerk(pc)
    one.plug()
    yield one
    one.unplug()


def more_scans(pc: StorePc, clerk: Clerk) -> None:
    before = len(clerk.answered)
    pc.until(lambda: len(clerk.answered) >= before + SCANS, pc.journal, 120.0)


def some_scans(pc: StorePc, clerk: Clerk) -> None:
    """Then no answer is under way any more that a later scan would take for its own."""
    with scanning(clerk):
        more_scans(pc, clerk)
    assert clerk.line is not None
    clerk.line.settimeout(ANSWER_S)
    with suppress(TimeoutError):
        clerk.line.recv(64)


def away_s(clerk: Clerk) -> float:
    """The longest time between two answers."""
    times = list(clerk.answered.values())
    return max(later - earlier for earlier, later in pairwise(times))


def whole(pc: StorePc) -> str:
    """What `jaego log verify` says of a good log."""
    return pc.jaego("log verify").strip().splitlines()[-1]


def of_one_log(pc: StorePc) -> int:
    """Head office has noticed nothing: one log, without a gap, nothing refused. Its position."""
    [(log, seq)] = pc.at_head_office("SELECT log, seq FROM position")
    assert pc.at_head_office("SELECT DISTINCT log FROM event") == [(log,)]
    assert pc.at_head_office("SELECT count(*), max(seq) FROM event") == [(seq, seq)]
    for table in ("quarantine", "skipped", "event_aside"):
        assert pc.at_head_office(f"SELECT count(*) FROM {table}") == [(0,)], table
    return int(seq)


def upgraded(pc: StorePc, newer: Path) -> float:
    """Seconds that it took."""
    return pc.vm.sh(f"{APT} {MEDIA}/{newer.name}", timeout_s=UPGRADE_S_MAX, expected=0).took_s


@in_long_form
def test_an_upgrade_in_a_store_that_scans_brings_the_ledger_forward_and_loses_nothing(
    pc: StorePc, clerk: Clerk, packages: tuple[Path, Path], tell: Tell
) -> None:
    with scanning(clerk):
        more_scans(pc, clerk)
        took_s = upgraded(pc, packages[1])
        more_scans(pc, clerk)
    assert version(pc) == f"install ok installed {NEWER}"
    assert (shown(pc, "ActiveState"), shown(pc, "NRestarts")) == ("active", "0")
    now, kept = schema_of(pc), schema_of(pc, BEFORE)
    assert (now[0], kept[0]) == (NEWER_SCHEMA, schema.VERSION)
    lines = nothing_lost(pc, clerk)
    tell(
        f"{took_s:.1f} s, no answer for {away_s(clerk):.1f} s; {len(clerk.answered)} of {len(clerk.answered)}"
        f" answered scans in the ledger and at head office, {len(lines)} events; schema {kept[0]} to {now[0]},"
        f" {BEFORE} has the {kept[1]} events of before; {whole(pc)}; head office at {of_one_log(pc)}"
    )


@in_long_form
def test_the_way_back_as_it_is_documented_keeps_the_log_and_head_office_notices_nothing(
    pc: StorePc, clerk: Clerk, packages: tuple[Path, Path], tell: Tell
) -> None:
    some_scans(pc, clerk)
    upgraded(pc, packages[1])
    pc.works("line")
    some_scans(pc, clerk)  # these are in the newer ledger alone
    install, *back = going_back()
    assert [one.split()[0] for one in (install, *back)] == ["apt-get", "systemctl", "sudo", "systemctl"]
    with scanning(clerk):
        took_s = pc.vm.sh(install.replace(" install ", " install --yes "), timeout_s=UPGRADE_S_MAX, expected=0).took_s
        pc.until(lambda: shown(pc, "ExecMainStatus") == str(EXIT_LEDGER), pc.journal)
        said = pc.vm.sh(f"journalctl --no-pager --output cat --unit {UNIT} --lines 40", expected=0).out
        assert f"the ledger has schema {NEWER_SCHEMA}, this release knows {schema.VERSION}" in said
        assert schema_of(pc)[0] == NEWER_SCHEMA
        told = [pc.vm.sh(one, timeout_s=200, expected=0).out for one in back]
        more_scans(pc, clerk)
    assert version(pc).split()[-1] != NEWER
    assert schema_of(pc)[0] == schema.VERSION
    lines = nothing_lost(pc, clerk)
    tell(
        f"apt {took_s:.1f} s, exit {EXIT_LEDGER}, `{told[1].strip().splitlines()[-1]}`; {len(clerk.answered)} of"
        f" {len(clerk.answered)} answered scans in the ledger and at head office, {len(lines)} events of one log;"
        f" {whole(pc)}; head office at {of_one_log(pc)}"
    )


DATA = "/etc/jaego/agent.toml /var/lib/jaego/ledger.db /var/lib/jaego/store.key"


@in_long_form
def test_removal_keeps_the_data_and_a_purge_deletes_it_only_after_a_yes(
    pc: StorePc, clerk: Clerk, deb: Path, tell: Tell
) -> None:
    def installed_again() -> None:
        pc.vm.sh(f"{APT} {MEDIA}/{deb.name}", timeout_s=UPGRADE_S_MAX, expected=0)
        assert shown(pc, "ActiveState") == "active", "configured and enabled, it starts by itself"
        pc.works("line")
        some_scans(pc, clerk)

    some_scans(pc, clerk)
    pc.vm.sh("apt-get remove --yes jaego", timeout_s=UPGRADE_S_MAX, expected=0)
    gone = (
        "! ls -d /opt/jaego /usr/bin/jaego /usr/lib/systemd/system/jaego-agent.service 2>/dev/null && ! pgrep -u jaego"
    )
    pc.vm.sh(gone, expected=0)
    pc.vm.sh(f"ls {DATA}", expected=0)
    installed_again()
    said = pc.vm.sh("apt-get purge --yes jaego", timeout_s=UPGRADE_S_MAX, expected=0)
    assert "are kept" in said.out + said.err
    pc.vm.sh(f"{gone} && ls {DATA}", expected=0)
    installed_again()
    lines = nothing_lost(pc, clerk)
    position = of_one_log(pc)
    pc.vm.sh("echo 'jaego jaego/delete-data boolean true' | debconf-set-selections", expected=0)
    pc.vm.sh("apt-get purge --yes jaego", timeout_s=UPGRADE_S_MAX, expected=0)
    pc.vm.sh(f"{gone} && ! ls -d /etc/jaego /var/lib/jaego /var/lib/jaego-hq 2>/dev/null", expected=0)
    tell(
        f"removed and installed, purged without a yes and installed: {len(clerk.answered)} of {len(clerk.answered)}"
        f" answered scans in one log of {len(lines)} events, head office at {position}; with the yes nothing is left"
    )


# -- the power fails ---------------------------------------------------------------------------------------------------

SITE = "/opt/jaego/lib/python3.11/site-packages"
MOMENTS = {
    "files are unpacked beside the old ones": f"ls {SITE}/agent/ledger/schema.py.dpkg-new 2>/dev/null",
    "files change places": f"[ -e {SITE}/agent/ledger/schema/{NEWER_STEP}.sql ]",
}


BOOT_S_MAX = 100.0


def booted(pc: StorePc) -> float:
    """Seconds that it took; an agent of two releases may try again and again to start, and systemd never settles."""
    begun_s = time.monotonic()
    try:
        return pc.vm.boot(BOOT_S_MAX)
    except MachineError as error:
        if "systemd says" not in str(error):
            raise
    return time.monotonic() - begun_s


@in_long_form
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_upgrade_that_the_power_cuts_is_mended_by_the_same_command(
    pc: StorePc, clerk: Clerk, packages: tuple[Path, Path], moment: str, tell: Tell
) -> None:
    some_scans(pc, clerk)
    pc.vm.sh("sync", expected=0)
    pc.vm.background(f"{APT} {MEDIA}/{packages[1].name}", timeout_s=UPGRADE_S_MAX)
    pc.vm.sh(f"until {MOMENTS[moment]}; do sleep 0.02; done", timeout_s=UPGRADE_S_MAX, expected=0)
    pc.vm.cut()
    boot_s = booted(pc)
    state = version(pc)
    ran = shown(pc, "ActiveState")
    plug(pc, packages[0])
    configured = pc.vm.sh("dpkg --configure --pending", timeout_s=UPGRADE_S_MAX).code
    begun_s = time.monotonic()
    pc.vm.sh(f"{APT} {MEDIA}/{packages[1].name}", timeout_s=UPGRADE_S_MAX, expected=0)
    took_s = time.monotonic() - begun_s
    assert version(pc) == f"install ok installed {NEWER}"
    assert pc.vm.sh("dpkg --audit", expected=0).out == ""
    assert shown(pc, "ActiveState") == "active"
    clerk.plug()
    some_scans(pc, clerk)
    assert schema_of(pc)[0] == NEWER_SCHEMA
    lines = nothing_lost(pc, clerk)
    tell(
        f"boot {boot_s:.0f} s, dpkg said `{state}`, the agent was {ran}, dpkg --configure {configured}, then"
        f" {took_s:.0f} s; {len(clerk.answered)} of {len(clerk.answered)} answered scans, {len(lines)} events;"
        f" {whole(pc)}; head office at {of_one_log(pc)}"
    )
