"""From a scan to what the clerk sees: four stations, each with a page open in Chromium, five scans a second at each.

Once with a scanner on a pty, once typed into the page as a keyboard scanner does. What counts is the first frame after
the new line is in the page's list; both clocks are the machine's. `100 ms` is the limit of the design.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import percentile, verdict
from bench.processes import RUN
from simulators.scanner_line import LineScanner, LineSetup

STATIONS = ("dock", "backroom", "counter", "floor")
SCANS = 60  # at each station
EVERY_S = 0.2
CODE = "8801234567893"
LIMIT_MS = 100.0
CONFIG = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom"]
clock_trusted = true
[catalogue]
file = "items.json"
[uplink]
enabled = false
[web]
port = 0
"""
STATION = """
[[station]]
name = "{name}"
zone = "backroom"
language = "en"
[[device]]
name = "{name}-line"
station = "{name}"
[device.settings]
kind = "serial_line"
path = "dev/{name}"
settle_ms = 0
"""
ITEM = {"sku": "MILK-1L", "name": {"ko": "서울우유 1L", "en": "Seoul Milk 1 l"}, "gtins": [{"gtin": CODE}]}
# The moment after the frame that shows a new line, in milliseconds since 1970.
WATCH = """window.seen = [];
new MutationObserver((changes) => {
  for (const one of changes) for (const row of one.addedNodes) if (row.matches("li"))
    requestAnimationFrame(() => setTimeout(() => window.seen.push(performance.timeOrigin + performance.now())));
}).observe(document.querySelector("[data-entries]"), {childList: true})"""
TYPE = """([code, scans, every_ms]) => new Promise((done) => {
  const sent = [];
  const timer = setInterval(() => {
    sent.push(performance.timeOrigin + performance.now());
    for (const key of [...code, "Enter"])
      document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
    if (sent.length === scans) { clearInterval(timer); done(sent); }
  }, every_ms);
})"""


def prepared(folder: Path) -> list[LineScanner]:
    for name in ("store", "dev"):
        (folder / name).mkdir()
    (folder / "items.json").write_text(json.dumps([ITEM]))
    (folder / "agent.toml").write_text(CONFIG + "".join(STATION.format(name=one) for one in STATIONS))
    return [LineScanner(folder / "dev" / one, LineSetup()) for one in STATIONS]


def address(log: Path) -> str:
    """Where the agent says that its screens are."""
    for _ in range(600):
        for line in log.read_text().splitlines():
            _, found, base = line.partition("screens: ")
            if found:
                return base.rstrip("/")
        time.sleep(0.05)
    raise TimeoutError(log.read_text()[-2000:])


async def by_scanner(page: Any, scanner: LineScanner) -> list[float]:
    def scan() -> list[float]:
        sent: list[float] = []
        for _ in range(SCANS):
            sent.append(time.time() * 1000)
            scanner.scan(CODE.encode())
            time.sleep(max(0.0, EVERY_S - (time.time() - sent[-1] / 1000)))
        return sent

    return await latencies(page, await asyncio.to_thread(scan))


async def by_typing(page: Any, _scanner: LineScanner) -> list[float]:
    return await latencies(page, await page.evaluate(TYPE, [CODE, SCANS, EVERY_S * 1000]))


async def latencies(page: Any, sent: list[float]) -> list[float]:
    """Lines come in the order of the scans, one for each."""
    await asyncio.sleep(1.0)
    seen: list[float] = await page.evaluate("window.seen.splice(0)")
    if len(seen) != len(sent):
        raise RuntimeError(f"{len(sent)} scans, {len(seen)} lines")
    return [after - before for before, after in zip(sent, seen, strict=True)]


async def measure(base: str, scanners: list[LineScanner]) -> None:
    from playwright.async_api import async_playwright  # noqa: PLC0415  optional

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        pages = [await (await browser.new_context()).new_page() for _ in STATIONS]
        for page, station in zip(pages, STATIONS, strict=True):
            await page.goto(f"{base}/station/{station}")
            await page.wait_for_selector("[data-sound]:not([hidden])")
            await page.evaluate(WATCH)
        for says, way in (("scanner", by_scanner), ("typed into the page", by_typing)):
            found = await asyncio.gather(*(way(*one) for one in zip(pages, scanners, strict=True)))
            every = [one for listed in found for one in listed]
            shares = ", ".join(f"p{share * 100:g} {percentile(every, share):.1f} ms" for share in (0.5, 0.95, 0.99))
            print(f"{says}: {len(every)} scans at {len(STATIONS)} stations: {shares}")
            verdict(f"{says}: p95 from scan to screen, ms", percentile(every, 0.95), LIMIT_MS, at_least=False)
        await browser.close()


def main() -> None:
    if shutil.which("chromium") is None or importlib.util.find_spec("playwright") is None:
        print("not measured: needs Chromium and playwright")
        return
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        scanners = prepared(folder)
        for one in scanners:
            one.plug()
        with (folder / "log").open("ab") as log:
            command = [sys.executable, "-c", RUN, str(folder / "agent.toml")]
            agent = subprocess.Popen(command, stderr=log, stdout=log)
        try:
            asyncio.run(measure(address(folder / "log"), scanners))
        finally:
            agent.terminate()
            agent.wait(30)
            for one in scanners:
                one.unplug()


if __name__ == "__main__":
    main()
