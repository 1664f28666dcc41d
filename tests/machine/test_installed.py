"""What the package made of a Debian machine: the service, its sandbox, udev, and what a wrong configuration does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from agent.errors import EXIT_CONFIG
from tests.machine import devices
from tests.machine.store import WORK, StorePc, configuration, gtin
from tests.machine.surviving import UNIT, in_long_form, shown

Tell = Callable[[str], None]
EXPOSURE_MAX = 2.0
HONEYWELL = ("0c2e", "0b61")
UNITS = "dpkg -L jaego | sed -n 's|.*/system/\\(jaego-.*\\.service\\)$|\\1|p'"


def test_it_is_installed_by_apt_without_a_network_enabled_and_active(pc: StorePc, tell: Tell) -> None:
    told = pc.vm.sh(f"systemctl status --no-pager --lines 0 {UNIT}", expected=0).out
    active, status = re.search(r"Active: (active \(running\)) since", told), re.search(r'Status: "(.*)"', told)
    assert active is not None, told
    assert status is not None, told
    assert re.fullmatch(r"store S001, release [0-9.]+", status[1])
    enabled = pc.vm.sh("systemctl is-enabled jaego-agent.service jaego-renew.timer", expected=0).out.split()
    assert enabled == ["enabled", "enabled"]
    off = pc.vm.sh("systemctl is-enabled jaego-hq jaego-hq-desk jaego-hq-backup.timer").out.split()
    assert off == ["disabled"] * 3
    assert shown(pc, "NRestarts") == "0"
    groups = pc.vm.sh("id --name --groups jaego", expected=0).out.split()
    assert sorted(groups) == ["dialout", "input", "jaego"]
    pc.vm.sh("ls /usr/lib/udev/rules.d/60-jaego-scanners.rules /usr/lib/sysusers.d/jaego.conf", expected=0)
    seconds = (WORK / pc.state / "apt_s").read_text()
    tell(f"apt {seconds} s, {active[1]}, {status[1]}, user jaego in {', '.join(sorted(groups)[:2])}")


def test_systemd_computes_a_small_exposure_for_every_unit(pc: StorePc, tell: Tell) -> None:
    command = f"for unit in $({UNITS}); do systemd-analyze security --no-pager $unit | tail -n 1; done"
    told = pc.vm.sh(command, expected=0).out
    found = {name: float(figure) for name, figure in re.findall(r"level for (\S+)\.service: ([0-9.]+)", told)}
    assert set(found) == {"jaego-agent", "jaego-renew", "jaego-hq", "jaego-hq-desk", "jaego-hq-backup"}
    assert max(found.values()) <= EXPOSURE_MAX, told
    tell(", ".join(f"{name.removeprefix('jaego-')} {figure}" for name, figure in sorted(found.items())))


# -- the sandbox -------------------------------------------------------------------------------------------------------

# So that what is refused is refused by the unit, not by a file's mode: these belong to jaego or to everybody.
TEMPTING = """set -e
for one in /etc/mine /etc/jaego/mine /usr/lib/mine /opt/jaego/mine /var/log/mine /srv/mine; do
    install -o jaego -m 666 /dev/null $one
done
cd /home && mkdir -p -m 755 clerk && echo dear >clerk/letter
cd /tmp && echo dear >letter
cp /usr/bin/id /srv/id-of-root
chmod 4755 /srv/id-of-root
chmod 666 /dev/vda /dev/mem /dev/hidraw* /dev/uinput /dev/kmsg /dev/bus/usb/*/* \
    /sys/module/usbcore/parameters/autosuspend /sys/fs/cgroup/system.slice/cgroup.procs
"""
# The agent's own unit with another program in it.
TRYING = r"""set -e
sed -e "s|^ExecStart=.*|ExecStart=$1|" -e 's|^Type=.*|Type=oneshot\nStandardOutput=file:/srv/tried|' \
    -e '/^Restart/d; /^WatchdogSec/d; /^NotifyAccess/d' /usr/lib/systemd/system/jaego-agent.service \
    >/run/systemd/system/trying.service
systemctl daemon-reload
systemctl start trying.service
cat /srv/tried
"""
# What a user without any of the unit's settings could do on the machine that was made tempting.
ONLY_THE_UNIT_REFUSES = {
    "write in /etc",
    "write in /etc/jaego",
    "write in /usr",
    "write in /opt/jaego",
    "write in /var",
    "write in /srv",
    "read in /home",
    "read another's file in /tmp",
    "open the disk",
    "open hidraw",
    "open uinput",
    "open USB itself",
    "see other processes",
    "see the kernel's settings",
    "change a driver's settings",
    "change control groups",
    "trace the agent",
    "a namespace",
    "a personality",
    "memory that is written and run",
    "a set-uid bit",
    "root by a set-uid program",
}


def tries(pc: StorePc) -> tuple[dict[str, Any], dict[str, Any]]:
    """In the agent's sandbox, and as its user without one."""
    keyboard = devices.plug_keyboard(pc.vm, "OTHER", 2, 3)
    line = devices.serial_link("LINE-2")
    with devices.plug_serial(pc.vm, "LINE-2", 4):
        pc.vm.until(f"[ -e {keyboard} ] && [ -e {line} ] && [ -e /dev/hidraw0 ]")
        pc.vm.sh(TEMPTING, expected=0)
        command = f"/usr/bin/python3 -I -S /srv/refused.py {shown(pc, 'MainPID')} {keyboard} {line}"
        inside = pc.vm.sh(f"set -- '{command}'\n{TRYING}", expected=0).out
        outside = pc.vm.sh(f"setpriv --reuid=jaego --regid=jaego --init-groups {command}", expected=0).out
    return json.loads(inside), json.loads(outside)


def test_the_agent_is_refused_whatever_it_does_not_need(pc: StorePc, tell: Tell) -> None:
    inside, outside = tries(pc)
    status = pc.vm.sh(f"cat /proc/{shown(pc, 'MainPID')}/status", expected=0).out
    agent = {name: " ".join(rest.split()) for name, rest in re.findall(r"(?m)^(\w+):(.*)$", status)}
    assert {name: agent[name] for name in inside["held"]} == inside["held"], "not the agent's own sandbox"
    groups = pc.vm.sh(f"getent group {agent['Groups']} | cut -d : -f 1", expected=0).out.split()
    assert sorted(groups) == ["dialout", "input", "jaego"]
    held = inside["held"]
    assert {held[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (held["NoNewPrivs"], held["Seccomp"]) == ("1", "2")
    done = [name for name, error in inside["forbidden"].items() if error == 0]
    assert not done
    assert not {name: error for name, error in inside["needed"].items() if error}
    assert {name for name, error in outside["forbidden"].items() if error == 0} == ONLY_THE_UNIT_REFUSES
    tell(
        f"{len(inside['forbidden'])} of {len(inside['forbidden'])} refused ({len(ONLY_THE_UNIT_REFUSES)} of them open"
        f" to the same user without the unit), {len(inside['needed'])} of {len(inside['needed'])} needed ones done;"
        f" capabilities {held['CapEff'].lstrip('0') or 'none'}, {held['Seccomp_filters']} system call filters,"
        f" groups {' '.join(sorted(groups))}"
    )


# -- udev --------------------------------------------------------------------------------------------------------------

# As power savers for laptops do.
ASLEEP = 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", TEST=="power/control", ATTR{power/control}="auto"\n'
DESCRIBED = r"""
node=$(readlink -f "$1")
device=/sys$(udevadm info --query=path "$node")
echo "NODE=$node"
stat -c 'GROUP=%G MODE=%a' "$node" | tr ' ' '\n'
udevadm info --query=property "$node"
until [ -e "$device/idVendor" ]; do device=$(dirname "$device"); done
echo "POWER=$(cat "$device/power/control")"
udevadm info --query=property "$device" | sed -n 's/^ID_MM/USB_ID_MM/p'
"""


def described(pc: StorePc, link: str) -> dict[str, str]:
    """Of the node behind that name; DEVLINKS are all its names."""
    pc.vm.until(f"[ -e {link} ]")
    told = pc.vm.sh(f"udevadm settle; set -- {link}\n{DESCRIBED}", expected=0).out
    return dict(line.split("=", 1) for line in told.splitlines())


def names(found: dict[str, str]) -> list[str]:
    return sorted(found["DEVLINKS"].split())


SCANNER = "/dev/serial/by-id/usb-Honeywell_Scanner_HW999-if01"
PORTS = {"LINE-1": 4, "LINE-2": 5}
LINKS = [SCANNER, *map(devices.serial_link, PORTS)]
KEPT = ("GROUP", "MODE", "ID_MM_PORT_IGNORE", "POWER")


@contextmanager
def plugged(pc: StorePc, order: list[str]) -> Generator[dict[str, dict[str, str]]]:
    """The gadget and two adapters, one after the other: what udev made of each, by its name."""
    with ExitStack() as stack:
        for name in order:
            stack.enter_context(devices.plug_serial(pc.vm, name, PORTS[name]))
            pc.vm.until(f"[ -e {devices.serial_link(name)} ]")
        yield {link: described(pc, link) for link in LINKS}
    for name in order:
        devices.unplug_serial(pc.vm, name)


def test_serial_scanners_keep_their_names_and_no_modem_manager_probes_them(pc: StorePc, tell: Tell) -> None:
    pc.vm.put("/etc/udev/rules.d/50-power-saver.rules", ASLEEP)
    pc.vm.sh("udevadm control --reload", expected=0)
    pc.vm.sh(f"{devices.GADGET} add hand {' '.join(HONEYWELL)} HW999 Honeywell Scanner acm", expected=0)
    with plugged(pc, ["LINE-1", "LINE-2"]) as before:
        for found in before.values():
            assert (found["GROUP"], found["MODE"], found["ID_MM_PORT_IGNORE"]) == ("dialout", "660", "1")
            assert [name.split("/")[3] for name in names(found)] == ["by-id", "by-path"]
        scanner, one, other = (before[link] for link in LINKS)
        assert (scanner["ID_MM_DEVICE_IGNORE"], scanner["USB_ID_MM_DEVICE_IGNORE"]) == ("1", "1")
        assert (scanner["POWER"], one["POWER"]) == ("on", "auto"), "the scanner alone never sleeps"
    pc.vm.sh(f"{devices.GADGET} unplug hand", expected=0)
    pc.vm.until(f"! ls {' '.join(LINKS)} 2>/dev/null | grep -q .")
    pc.vm.sh(f"{devices.GADGET} plug hand", expected=0)
    with plugged(pc, ["LINE-2", "LINE-1"]) as after:
        assert after[LINKS[1]]["NODE"] == other["NODE"] != one["NODE"], "the nodes were to change places"
        for link in LINKS:
            assert names(after[link]) == names(before[link])
            assert [after[link][key] for key in KEPT] == [before[link][key] for key in KEPT]
    tell(
        f"{len(LINKS)} of {len(LINKS)} in dialout, 660, ignored as modems; by-id and by-path stay when {one['NODE']}"
        f" becomes {other['NODE']}; 0c2e awake beside a power saver"
    )


UINPUT = """
import os, subprocess, sys, time
from evdev import UInput, ecodes
with UInput(name="A keyboard") as keyboard:
    subprocess.run(["udevadm", "settle"], check=True)
    node = os.stat(keyboard.device.path)
    print(keyboard.device.path, node.st_gid, oct(node.st_mode & 0o777))
    time.sleep(0.5)
    for key in [*sys.argv[1], "ENTER"]:
        for value in (1, 0):
            keyboard.write(ecodes.EV_KEY, ecodes.ecodes["KEY_" + key], value)
            keyboard.syn()
            time.sleep(0.01)
    time.sleep(0.5)
"""


def test_keyboards_that_are_no_scanners_type_on_the_console_as_before(pc: StorePc, tell: Tell) -> None:
    pc.vm.sh("systemd-run --quiet --property StandardOutput=file:/srv/console cat /dev/tty1", expected=0)
    clerks = devices.plug_keyboard(pc.vm, "CLERK", 2, 3)
    scanner = devices.plug_keyboard(pc.vm, "SCAN-1", 0, 1)
    pc.works("usb-1")
    pc.vm.put("/srv/uinput.py", UINPUT)
    devices.type_keys(pc.vm, 2, "of-a-clerk\n")
    devices.type_keys(pc.vm, 0, gtin(1) + "\n")
    _, gid, mode = pc.vm.sh("/opt/jaego/bin/python -I /srv/uinput.py UINPUT", expected=0).out.split()
    assert (pc.vm.sh(f"getent group {gid}").out.split(":")[0], mode) == ("input", "0o660")
    pc.until(pc.moved, pc.journal)
    typed = pc.vm.get("/srv/console").decode().split()
    assert typed == ["of-a-clerk", "uinput"]
    nodes = pc.vm.sh(f"readlink -f {clerks} {scanner}", expected=0).out.split()
    held = pc.vm.sh(f"readlink /proc/{shown(pc, 'MainPID')}/fd/*").out.split()
    assert [node in held for node in nodes] == [False, True]
    [event] = pc.moved()
    tell(f"USB and uinput: {' '.join(typed)}; the agent holds the scanner alone: {event['data']['lines'][0]['sku']}")


# -- a wrong configuration ---------------------------------------------------------------------------------------------


@in_long_form
def test_a_wrong_configuration_is_said_and_not_tried_again_until_it_is_mended(pc: StorePc, tell: Tell) -> None:
    wrong = configuration().replace('zone = "backroom"', 'zone = "cellar"', 1)
    pc.vm.put("/etc/jaego/agent.toml", wrong)
    assert pc.vm.sh(f"systemctl restart {UNIT}", timeout_s=120).code != 0
    pc.vm.sh("sleep 5")  # RestartSec is one
    state = {name: shown(pc, name) for name in ("ActiveState", "ExecMainStatus", "NRestarts", "MainPID")}
    assert state == {"ActiveState": "failed", "ExecMainStatus": str(EXIT_CONFIG), "NRestarts": "0", "MainPID": "0"}
    said = pc.vm.sh(f"journalctl --no-pager --output cat --unit {UNIT} --lines 20", expected=0).out
    [complaint] = [line for line in said.splitlines() if "cellar" in line]
    pc.vm.put("/etc/jaego/agent.toml", configuration())
    pc.vm.sh(f"systemctl start {UNIT}", timeout_s=120, expected=0)
    assert shown(pc, "ActiveState") == "active"
    devices.plug_keyboard(pc.vm, "SCAN-1", 0, 1)
    pc.works("usb-1")
    devices.type_keys(pc.vm, 0, gtin(1) + "\n")
    pc.until(pc.moved, pc.journal)
    tell(f"exit {EXIT_CONFIG}, no restart within 5 s, `{complaint.strip()}`; mended and started, it scans")
