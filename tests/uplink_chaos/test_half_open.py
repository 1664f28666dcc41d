"""A line that swallows packets: both ends think that they are connected. In network namespaces, with a router between.

store (agent) -- router -- office (broker, head office)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.brokers import BROKERS, Needs
from tests.uplink_chaos.house import LONG, PASSWORD, STORE, House, until

SWALLOWED_S = 120.0 if LONG else 10.0
OFFICE, TOWARDS_OFFICE, STORE_SIDE, TOWARDS_STORE = "10.203.1.1", "10.203.1.2", "10.203.2.1", "10.203.2.2"
pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Line:
    """Three namespaces of this process's own name."""

    def __init__(self) -> None:
        names = [f"jaego-{os.getpid()}-{room}" for room in ("store", "router", "office")]
        self.store, self.router, self.office = names

    def lay(self) -> None:
        """Once the store's room is there."""
        for name in (self.router, self.office):
            ip("netns", "add", name)
        for name in (self.store, self.router, self.office):
            ip("-n", name, "link", "set", "lo", "up")
        for end, near, far in ((self.store, STORE_SIDE, TOWARDS_STORE), (self.office, OFFICE, TOWARDS_OFFICE)):
            there = "shop" if end == self.store else "firm"
            ip("-n", end, "link", "add", "line", "type", "veth", "peer", "name", there, "netns", self.router)
            for room, link, address in ((end, "line", near), (self.router, there, far)):
                ip("-n", room, "address", "add", f"{address}/30", "dev", link)
                ip("-n", room, "link", "set", link, "up")
            ip("-n", end, "route", "add", "default", "via", far)
        forward = ["bash", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]
        subprocess.run(["ip", "netns", "exec", self.router, *forward], check=True, capture_output=True)

    @contextmanager
    def swallowing(self) -> Generator[None]:
        """No packet arrives, and nobody is told."""
        for address in (OFFICE, STORE_SIDE):
            ip("-n", self.router, "route", "add", "blackhole", f"{address}/32")
        yield
        for address in (OFFICE, STORE_SIDE):
            ip("-n", self.router, "route", "del", "blackhole", f"{address}/32")

    def take_up(self) -> None:
        for name in (self.store, self.router, self.office):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def line() -> Generator[Line]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root, and ip of iproute2, for network namespaces")
    laid = Line()
    try:
        ip("netns", "add", laid.store)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not allowed here: {error.stderr.decode(errors='replace').strip()}")
    try:
        laid.lay()
        yield laid
    finally:
        laid.take_up()


@pytest.mark.parametrize("name", list(BROKERS))
def test_a_line_that_swallows_packets_is_noticed_and_nothing_is_lost(tmp_path: Path, line: Line, name: str) -> None:
    if not LONG and name != "mosquitto":
        pytest.skip("the connection's own: with this broker in `make uplink`")
    office, store = (("ip", "netns", "exec", room) for room in (line.office, line.store))
    broker = BROKERS[name](tmp_path, host=OFFICE, within=office)
    broker.start(*broker.lines(Needs(password=PASSWORD)))
    with House(tmp_path, broker, consumers=["headoffice"]) as house:
        house.start_office(within=office)
        house.start_agent(within=store)
        house.clerk.works.set()
        until(lambda: house.clerk.good > 20, house.state)
        house.settle()
        with house.fault(f"packets swallowed for {SWALLOWED_S:.0f} s"):
            before = house.said(STORE, "the connection ended")
            with line.swallowing():
                begun_s = time.monotonic()
                house.says(STORE, "the connection ended", before)
                noticed_s = time.monotonic() - begun_s
                assert house.office_head() < house.head()
                time.sleep(max(0.0, begun_s + SWALLOWED_S - time.monotonic()))
            house.mend()
        house.verified()
        sys.stdout.write(f"{house.report()}noticed after {noticed_s:.1f} s\n")
