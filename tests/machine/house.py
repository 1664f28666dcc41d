"""Head office in the guest by its own units, as docs/setup.md and docs/install.md say."""

from __future__ import annotations

import re
import time

from tests.machine.store import ROOT
from tests.machine.vm import Vm

OFFICE = "/var/lib/jaego-hq"
ITEMS = "/usr/share/jaego/start/items.csv"


def emptied(vm: Vm) -> None:
    """The package is there, and nothing was ever configured."""
    vm.sh("systemctl stop jaego-agent", timeout_s=120, expected=0)
    vm.sh("rm -rf /etc/jaego/agent.toml /etc/jaego/items.csv /var/lib/jaego/*", expected=0)


def lines_of(page: str, pattern: str) -> list[str]:
    """Commands and settings of a document, of a machine that is everything: names become localhost."""
    found = re.findall(rf"^    ({pattern}.*)$", (ROOT / "docs" / page).read_text(), re.MULTILINE)
    assert found, (page, pattern)
    plain = [re.sub(r"\s{2,}#.*", "", line).replace("sudo -u jaego-hq", "runuser -u jaego-hq --") for line in found]
    return [re.sub(r"\w+\.example\.com", "localhost", line) for line in plain]


def found_office(vm: Vm) -> float:
    """Authority, broker, units. Seconds from the start of the units to both at work."""
    vm.sh("apt-get update && apt-get install --yes mosquitto", timeout_s=240, expected=0)
    commands = lines_of("setup.md", "(?:sudo -u jaego-hq jaego-hq ca |install -m 0600 -o mosquitto)")
    commands.insert(2, commands[1].replace("--out broker", "--out desk"))  # "the same way for the desk"
    for line in [*commands, "cp /usr/share/jaego/mosquitto-store.conf /etc/mosquitto/mosquitto.conf"]:
        vm.sh(f"cd {OFFICE} && {line}", timeout_s=120, expected=0)
    settings = [
        line + (f" --catalog {ITEMS}" if line.startswith("JAEGO_HQ_RUN") else "")
        for line in lines_of("install.md", "JAEGO_HQ_")
    ]
    vm.put("/etc/jaego/hq.env", "\n".join(settings) + "\n")
    vm.sh("systemctl restart mosquitto", timeout_s=120, expected=0)
    begun_s = time.monotonic()
    vm.sh(lines_of("install.md", "systemctl enable --now jaego-hq ")[0], timeout_s=180, expected=0)
    vm.until("journalctl -u jaego-hq-desk | grep -q 'desk: https://'", 120.0)
    vm.until("journalctl -u mosquitto | grep -q 'as hq-headoffice'", 120.0)
    vm.until("journalctl -u mosquitto | grep -q 'as hq-desk'", 120.0)
    return time.monotonic() - begun_s
