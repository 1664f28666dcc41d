"""What a newcomer does, at a terminal of a fresh Debian: the commands of docs/start.md out of the page; and head office
by its own units, as docs/setup.md and docs/install.md say.

Debian's mirror is a folder in the guest with mosquitto in it (scripts/machine), so `apt-get update` is typed before.
The short form begins with the package in place, because apt unpacks it for most of a minute.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.access.start_page import COMMANDS_MAX, DESK_READY, commands
from tests.machine import house
from tests.machine.store import LONG, StorePc
from tests.machine.surviving import in_long_form
from tests.machine.terminal import HOME, Terminal
from tests.machine.vm import Vm

Tell = Callable[[str], None]
GOODS = re.compile(r"^S001 +(\w+) +backroom +sellable +([\d,]+)$", re.MULTILINE)


@pytest.fixture
def fresh(deb: Path, tmp_path: Path) -> Iterator[Vm]:
    """Debian 12 with our package in root's folder; in the short form unpacked already, and never configured."""
    pc = StorePc(tmp_path, deb, office=False)
    if LONG:
        pc.state = "booted"
    with pc:
        if LONG:
            pc.vm.put(f"{HOME}/{deb.name}", deb.read_bytes())
        else:
            house.emptied(pc.vm)
            pc.vm.sh(f"cp /srv/{deb.name} {HOME}", expected=0)
        yield pc.vm


@pytest.fixture
def bare(deb: Path, tmp_path: Path) -> Iterator[Vm]:
    """With our package, never configured."""
    with StorePc(tmp_path, deb, office=False) as pc:
        house.emptied(pc.vm)
        yield pc.vm


def good(person: Terminal) -> bool:
    """Whether the last command ended so."""
    return "code 0" in person.run('echo "code $?"')


def devices(person: Terminal) -> set[str]:
    """Whose movements head office has."""
    events = person.run("jaego-hq log show --store S001 --json | cat").splitlines()
    return {json.loads(line)["source"]["device"] for line in events if '"movement"' in line}


def test_a_newcomer_types_ten_commands_and_the_store_works(fresh: Vm, tell: Tell) -> None:
    typed = commands()
    assert len(typed) <= COMMANDS_MAX
    with Terminal(fresh) as person:
        person.run("apt-get update")
        begun_s = time.monotonic()
        person.run(typed[0], 400.0, (r"\[Y/n\] ", "y\n"))
        apt_s = time.monotonic() - begun_s
        assert good(person), person.screen()
        for line in typed[1:-2]:
            person.run(line, 180.0)
            assert good(person), person.screen()
        StorePc.until(lambda: DESK_READY in person.screen(), person.screen, 120.0)
        told = person.run(typed[-2], 300.0)
        assert good(person), told
        assert "Head office has issued the certificate" in told
        assert "hand-2: /var/lib/jaego/scanner-2, kind serial_line, end crlf, suffix #" in told
        assert "The service runs" in told
        goods: dict[str, str] = {}
        while set(goods) != {"TEA", "RICE", "SOAP"}:
            assert time.monotonic() - begun_s < 900.0, person.screen()
            goods = dict(GOODS.findall(person.run(typed[-1])))
        took_s = time.monotonic() - begun_s
        StorePc.until(lambda: devices(person) == {"hand-1", "hand-2"}, person.screen, 120.0)
    begin = "a fresh Debian" if LONG else "the package in place"
    tell(f"{len(typed)} commands, {took_s:.0f} s from {begin} to {goods} at head office; apt {apt_s:.0f} s")


@in_long_form
def test_head_office_runs_by_its_own_units_and_its_backup_is_whole(bare: Vm, tell: Tell) -> None:
    office_s = house.found_office(bare)
    for unit in ("jaego-hq.service", "jaego-hq-desk.service", "jaego-hq-backup.timer"):
        assert bare.sh(f"systemctl is-active {unit}; systemctl is-enabled {unit}").out == "active\nenabled\n", unit
    took_s = bare.sh("systemctl start jaego-hq-backup.service", timeout_s=180, expected=0).took_s
    said = bare.sh("journalctl -o cat -u jaego-hq-backup | grep whole", expected=0).out.strip()
    copy, _, size = said.partition(": ")
    assert bare.sh(f"stat --format='%U %a' {copy}", expected=0).out == "jaego-hq 600\n"
    bare.sh(f"cp {copy} /srv/put-back.db && chmod 644 /srv/put-back.db", expected=0)
    ask = (
        "import sqlite3; print(sqlite3.connect('/srv/put-back.db').execute('SELECT COUNT(*) FROM item').fetchone()[0])"
    )
    assert bare.sh(f'python3 -c "{ask}"', expected=0).out == "3\n"
    tell(f"worker, desk and timer at work in {office_s:.0f} s; a copy in {took_s:.1f} s: {size}, its 3 items are read")
