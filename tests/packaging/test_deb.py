"""The Debian package: built, installed without a network, upgraded with a ledger, gone back from, removed, purged."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from agent.errors import EXIT_LEDGER
from tests.packaging.machine import DEBIANS_PYTHON, Machine, lacking, room
from tests.packaging.release import NEWER_SCHEMA, make_newer, unpack

ROOT = Path(__file__).parent.parent.parent
SIZE_BYTES_MAX = 60_000_000
UNITS = [f"jaego-{name}.service" for name in ("agent", "renew", "hq", "hq-desk", "hq-backup")]

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb"),
    pytest.mark.skipif(not DEBIANS_PYTHON.exists(), reason="needs Debian 12's Python"),
]

CONFIG = """
[store]
id = "S1"
zones = ["backroom"]
clock_trusted = true
[uplink]
enabled = false
[web]
enabled = false
[[station]]
name = "dock"
mode = "receive"
zone = "backroom"
"""

# What a systemd would do: start, and stop in order. `work CODE…` scans, `stopped` is what runs meanwhile.
WORK = """
run="setpriv --reuid=jaego --regid=jaego --init-groups"
work() {
    $run jaego run 2>/run/jaego-test/log & pid=$!
    until grep -q 'is open' /run/jaego-test/log; do kill -0 $pid || { cat /run/jaego-test/log; exit 1; }; done
    for code in "$@"; do $run jaego scan dock "$code"; done
    kill -TERM $pid; wait $pid
    cat /run/jaego-test/log
}
: >/run/jaego-test/log; chmod 666 /run/jaego-test/log
"""


def build(out: Path, compression: str) -> Path:
    environment = {**os.environ, "COMPRESSION": compression}
    command = [str(ROOT / "scripts" / "deb"), str(Path(sys.prefix)), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    (made,) = out.glob("*.deb")
    assert f"{made.stat().st_size} bytes" in done.stdout
    assert hashlib.sha256(made.read_bytes()).hexdigest() in done.stdout
    return made


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed as it is published: JAEGO_DEB=FILE names one that is there already."""
    if os.environ.get("JAEGO_DEB"):
        return Path(os.environ["JAEGO_DEB"])
    return build(tmp_path_factory.mktemp("deb"), "xz")


@pytest.fixture(scope="session")
def unpacked(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("unpacked") / "root"
    unpack(deb, folder)
    yield folder
    shutil.rmtree(folder)  # pytest keeps the folders of three runs


@pytest.fixture(scope="session")
def newer(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The release after this one: its ledger has a table more."""
    made = make_newer(unpacked, tmp_path_factory.mktemp("newer"))
    yield made
    made.unlink()


@pytest.fixture(scope="session")
def fresh(deb: Path) -> Iterator[tuple[Machine, str]]:
    """A machine on which it was just installed, and what was said."""
    why = lacking()
    if why is not None:
        pytest.skip(why)
    with room() as folder:
        machine = Machine(folder / "fresh")
        # Whatever a jaego left behind on this machine itself.
        machine.sh("rm -rf /etc/jaego /var/lib/jaego /var/lib/jaego-hq /opt/jaego")
        yield machine, installed(machine, deb)


@pytest.fixture
def machine(fresh: tuple[Machine, str]) -> Iterator[Machine]:
    with room() as folder:
        yield Machine(folder / "machine", fresh[0])


def installed(machine: Machine, file: Path) -> str:
    # Without a sync for each of its files: whether it survives a power cut is dpkg's own affair.
    return machine.sh(f"dpkg --force-unsafe-io --install {machine.take(file)}")


# -- what is in it -----------------------------------------------------------------------------------------------------


def test_it_is_small_enough_to_be_sent_to_five_thousand_stores(deb: Path) -> None:
    assert deb.stat().st_size < SIZE_BYTES_MAX


def test_nothing_in_it_knows_where_it_was_made(unpacked: Path) -> None:
    made = re.compile(rb"/tmp\.[A-Za-z0-9]{6,}/root|" + re.escape(str(ROOT).encode()))
    knowing = [path for path in unpacked.rglob("*") if path.is_file() and made.search(path.read_bytes())]
    assert not knowing
    programs = sorted(one.name for one in (unpacked / "opt/jaego/bin").iterdir())
    assert programs == ["jaego", "jaego-hq", "jaego-sim", "python", "python3", "python3.11"]


def test_everything_is_where_debian_wants_it_and_nobody_else_may_write(unpacked: Path) -> None:
    places = {"/".join(path.relative_to(unpacked).parts[:2]) for path in unpacked.rglob("*") if not path.is_dir()}
    places = {one for one in places if not one.startswith("DEBIAN/")}
    assert places == {"opt/jaego", "etc/jaego", "usr/bin", "usr/lib", "usr/share"}
    open_to_others = [
        path
        for path in unpacked.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ]
    assert not open_to_others


def test_every_module_is_compiled_for_its_source_alone(unpacked: Path) -> None:
    """Root owns the folder: what is not compiled here is compiled at every start."""
    site = unpacked / "opt/jaego/lib/python3.11/site-packages"
    sources = list((site / "agent").rglob("*.py"))
    assert len(sources) > 100
    for path in sources:
        compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc"
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01, "by hash, and never checked (PEP 552)"


@pytest.mark.skipif(not os.environ.get("JAEGO_DEB_TWICE"), reason="twice the time; by hand with JAEGO_DEB_TWICE=1")
def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (build(tmp_path / name, "none") for name in ("one", "other"))
    assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()


# -- a machine's life --------------------------------------------------------------------------------------------------


def test_installed_without_a_network_everything_is_there_and_nothing_runs(
    fresh: tuple[Machine, str], machine: Machine
) -> None:
    assert "jaego setup" in fresh[1], "it must say what to do next"
    told = machine.sh(
        "dpkg-query -W -f '${Status}\\n' jaego; id -nG jaego; stat -c '%U %a %n' /var/lib/jaego /var/lib/jaego-hq;"
        "ls /etc/systemd/system/*.wants | grep jaego; ls /etc/jaego; pgrep -u jaego,jaego-hq || echo nothing runs;"
        "dpkg --verify jaego"
    ).splitlines()
    assert told == [
        "install ok installed",
        "jaego dialout input",
        "jaego 750 /var/lib/jaego",
        "jaego-hq 750 /var/lib/jaego-hq",
        "jaego-agent.service",
        "jaego-renew.timer",
        "hq.env",
        "nothing runs",
    ]


def test_the_programs_run_as_their_users_with_debians_python_alone(machine: Machine) -> None:
    machine.sh("jaego --help; jaego-hq --help; jaego-sim --help")
    told = machine.sh(
        "cp /usr/share/jaego/agent.example.toml /etc/jaego/agent.toml; runuser -u jaego -- jaego check-config;"
        "cd /; PYTHONPATH=/srv /opt/jaego/bin/python -I -c 'import sys, evdev, plotly, psycopg, reportlab;"
        'print(sys.version_info[:2], *sys.path, sep="\\n")\''
    )
    assert "good. Store S001" in told
    paths = told.splitlines()[-4:]
    assert paths[-1] == "/opt/jaego/lib/python3.11/site-packages"
    assert not any("/srv" in path or "dist-packages" in path for path in paths)
    units = " ".join(f"/usr/lib/systemd/system/{name}" for name in UNITS)
    timers = " ".join(f"/usr/lib/systemd/system/jaego-{name}.timer" for name in ("renew", "hq-backup"))
    assert machine.sh(f"systemd-analyze verify --man=no {units} {timers}") == ""


def stock(machine: Machine) -> str:
    """Head of the log and units on hand; the log and its signatures are checked."""
    told = machine.sh(f"{WORK} $run jaego log verify --json; $run jaego stock")
    head, units = re.search(r'"head": ?(\d+)', told), re.search(r"(\d+) units", told)
    assert head is not None
    assert units is not None
    return f"{head[1]} events, {units[1]} units"


def test_an_upgrade_brings_the_ledger_forward_and_the_way_back_loses_nothing(
    deb: Path, newer: Path, machine: Machine
) -> None:
    machine.put("/etc/jaego/agent.toml", CONFIG)
    machine.put("/srv/items.csv", (ROOT / "config" / "demo-catalogue.csv").read_text("utf-8"))
    machine.sh("echo '# ours' >>/etc/jaego/hq.env; cd /; runuser -u jaego -- jaego catalogue import /srv/items.csv")
    machine.sh(f"{WORK} work 8809999000013 8809999000013")
    before = stock(machine)
    assert before.endswith(" 2 units")

    installed(machine, newer)
    assert machine.sh("cat /etc/jaego/agent.toml") == CONFIG
    assert "# ours" in machine.sh("cat /etc/jaego/hq.env")
    kept = f"/var/lib/jaego/before-schema-{NEWER_SCHEMA}.db"
    assert kept in machine.sh(f"{WORK} work 8809999000013")
    assert stock(machine).endswith(" 3 units")

    installed(machine, deb)
    refused = machine.sh("runuser -u jaego -- jaego run", expected=EXIT_LEDGER)
    assert f"has schema {NEWER_SCHEMA}" in refused
    assert "nothing is lost" in machine.sh(f"runuser -u jaego -- jaego restore --snapshot {kept}")
    machine.sh(f"{WORK} work 8809999000013")
    assert stock(machine).endswith(" 4 units")
    logs = set(re.findall(r'"log":"([^"]+)"', machine.sh(f"{WORK} $run jaego log show --last 1000 --json")))
    assert len(logs) == 1, "it is the same log, so head office notices nothing"


# Stands in for a systemd: writes down what it is told, and which release was there then.
SYSTEMCTL = """#!/bin/sh
case "$*" in
*is-enabled*jaego-agent* | *is-enabled*jaego-renew* | *is-enabled*jaego-hq.service*) echo enabled ;;
*is-enabled*) echo disabled; exit 1 ;;
*is-active*) ;;
*) echo "$(cat /opt/jaego/release 2>/dev/null || echo older): $*" >>/srv/told ;;
esac
"""


# As a power cut leaves it between two files.
CUT = "sed -i '/^Package: jaego$/,/^$/ s/^Status: .*/Status: install reinstreq half-installed/' /var/lib/dpkg/status"


@pytest.mark.parametrize("before", ["true", CUT], ids=["installed", "cut off"])
def test_units_stop_before_files_are_replaced_and_those_that_are_enabled_start_after(
    newer: Path, machine: Machine, before: str
) -> None:
    machine.put("/usr/local/sbin/systemctl", SYSTEMCTL)
    machine.sh("chmod +x /usr/local/sbin/systemctl; rm -f /usr/sbin/policy-rc.d; mkdir -p /run/systemd/system")
    machine.sh(before)
    installed(machine, newer)
    stopped, reloaded, *started = machine.sh("cat /srv/told").splitlines()
    older, stop, *patterns = stopped.split()
    assert (older, stop) == ("older:", "stop")
    for name in (*UNITS, "jaego-renew.timer", "jaego-hq-backup.timer"):
        assert any(fnmatch(name, pattern) for pattern in patterns), name
    assert reloaded == "newer: --system daemon-reload"
    names = ["jaego-agent.service", "jaego-renew.timer", "jaego-hq.service"]
    assert [line.split()[-1] for line in started] == names
    assert all(line.startswith("newer: --quiet --system start ") for line in started)


def test_a_unit_that_does_not_start_leaves_the_package_whole(newer: Path, machine: Machine) -> None:
    machine.put("/usr/local/sbin/systemctl", SYSTEMCTL.replace("*is-active*)", "*' start '*) exit 1 ;;\n*is-active*)"))
    machine.sh("chmod +x /usr/local/sbin/systemctl; rm -f /usr/sbin/policy-rc.d; mkdir -p /run/systemd/system")
    assert "jaego-agent.service does not start: journalctl" in installed(machine, newer)
    assert machine.sh("dpkg-query -W -f '${Status}' jaego") == "install ok installed"


@pytest.fixture
def used(machine: Machine) -> Machine:
    """Installed, configured, with something to lose."""
    machine.put("/etc/jaego/agent.toml", CONFIG)
    machine.sh(f"{WORK} work")
    return machine


KEPT = ["/etc/jaego/agent.toml", "/var/lib/jaego/ledger.db", "/var/lib/jaego/store.key"]


def is_kept(machine: Machine) -> bool:
    found = machine.sh(f"ls {' '.join(KEPT)} 2>/dev/null || true").split()
    assert found in (KEPT, [])
    return bool(found)


def test_removal_keeps_data_and_a_new_installation_goes_on_with_it(deb: Path, used: Machine) -> None:
    before = used.sh(f"{WORK} $run jaego log verify --json")
    used.sh("dpkg --remove jaego; ! ls -d /opt/jaego 2>/dev/null")
    assert is_kept(used)
    installed(used, deb)
    assert used.sh(f"{WORK} $run jaego log verify --json") == before


def test_a_purge_that_nobody_answers_keeps_data_and_says_so(used: Machine) -> None:
    assert "are kept" in used.sh("dpkg --purge jaego")
    assert is_kept(used)
    assert used.sh("ls -d /opt/jaego /usr/bin/jaego 2>/dev/null || true") == ""


def test_a_purge_that_was_answered_beforehand_deletes(used: Machine) -> None:
    used.sh("echo 'jaego jaego/delete-data boolean true' | debconf-set-selections; dpkg --purge jaego")
    assert not is_kept(used)
    assert used.sh("ls -d /var/lib/jaego* /etc/jaego /etc/systemd/system/*.wants/jaego* 2>/dev/null || true") == ""


@pytest.mark.parametrize(("answer", "kept"), [("no", True), ("yes", False)])
def test_a_purge_at_a_terminal_asks(used: Machine, answer: str, kept: bool) -> None:
    said = used.sh("dpkg --purge jaego", answers=f"{answer}\n")
    assert "Delete this machine's stock log" in said
    assert is_kept(used) is kept
