"""`jaego-sim demo`: a store, a broker and a head office on this machine, as separate processes, as in life.

Everything is said by the processes themselves, in readable lines. At the end the scanners stop, head office is compared
with the store, what the clerks were told is compared with the log, and the summary says how it went.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.clock import Pacer, monotonic_us

STOP_S_MAX = 15.0
START_S_MAX = 20.0
VERIFY_TIMEOUT_S = 30


class DemoError(Exception):
    """The demo cannot go on; the text says what a person can do."""


@dataclass(frozen=True, slots=True)
class Plan:
    config: Path
    scenario: Path
    catalogue: Path
    folder: Path
    seconds: float | None
    door: Path | None = None  # what the reader at the dock door sees


@dataclass(slots=True)
class Part:
    """One process, its output told line by line with its name in front."""

    name: str
    process: subprocess.Popen[str]
    thread: threading.Thread
    lines: list[str] = field(default_factory=list[str])


def run(plan: Plan, pacer: Pacer, tell: Callable[[str], None]) -> int:
    """0 when head office equals the store and nothing that a clerk was told is missing; 1 otherwise."""
    folder = plan.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "store").mkdir(parents=True)
    (folder / "dev").mkdir()
    port, web_port, desk_port, reader_port = free_port(18883), free_port(8470), free_port(8480), free_port(15084)
    text = plan.config.read_text("utf-8").replace("port = 18883", f"port = {port}")
    text = text.replace("port = 15084", f"port = {reader_port}")
    config = folder / "agent.toml"
    text = text.replace("port = 8470", f"port = {web_port}").replace('"../.demo/', f'"{folder}/')
    config.write_text(text, "utf-8")
    with ExitStack() as stack:
        parts = _Parts(folder, tell)
        stack.callback(parts.stop_all)
        embedded = _broker(parts, folder, port, tell)
        _wait_for_port(port, pacer)
        database = str(folder / "headoffice.db")
        broker = f"127.0.0.1:{port}"
        hq = ["jaego-hq", "run", "--broker", broker, "--db", database, "--catalog", str(plan.catalogue.resolve())]
        parts.start("headoffice", hq)
        desk = ["jaego-hq", "desk", "--broker", broker, "--db", database, "--http", f"127.0.0.1:{desk_port}", "--open"]
        parts.start("desk", desk)
        parts.start("store", ["jaego", "run", str(config)])
        tell(f"demo         screens: http://127.0.0.1:{web_port}/  topics: mosquitto_sub -p {port} -t 'stock/v1/#' -v")
        tell(f"demo         head office's desk: http://127.0.0.1:{desk_port}/")
        if plan.door is not None:
            reader = ["jaego-sim", "reader", "llrp", "--port", str(reader_port), "--scene", str(plan.door.resolve())]
            parts.start("reader", [*reader, "--each"])
        scanners = parts.start("scanners", _scanner_command(plan, folder))
        failed = _watch(parts, scanners, plan, pacer)
        parts.stop("scanners")
        parts.stop("reader")
        return _summary(parts, _End(config, folder, broker, embedded, failed), tell)


def _scanner_command(plan: Plan, folder: Path) -> list[str]:
    seconds = plan.seconds if plan.seconds is not None else 86_400
    witness = str(folder / "witness.jsonl")
    scenario = str(plan.scenario.resolve())
    return ["jaego-sim", "run", scenario, "--folder", str(folder), "--seconds", str(seconds), "--witness", witness]


def _watch(parts: _Parts, scanners: Part, plan: Plan, pacer: Pacer) -> str | None:
    """Until the scanners are done or somebody stops; the name of a part that ended before its time."""
    begun_us = monotonic_us()
    while scanners.process.poll() is None and pacer.wait(0.2):
        for part in parts.running.values():
            if part is not scanners and part.process.poll() is not None:
                return part.name
        if plan.seconds is not None and monotonic_us() - begun_us > (plan.seconds + 30) * 1e6:
            return scanners.name
    return None


class _Parts:
    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell
        self.running: dict[str, Part] = {}

    def start(self, name: str, command: list[str]) -> Part:
        program = Path(sys.executable).parent / command[0]
        found = str(program) if program.exists() else shutil.which(command[0])
        if found is None:
            raise DemoError(f"{command[0]} is not installed: run `make demo`, which installs it")
        # A process group of its own: Ctrl-C reaches the demo, and the demo ends its parts in their order.
        process = subprocess.Popen(  # noqa: S603  our own programs and the broker, with our own arguments
            [found, *command[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        part = Part(name, process, threading.Thread(target=lambda: None))
        part.thread = threading.Thread(target=self._listen, args=(part,), name=name, daemon=True)
        part.thread.start()
        self.running[name] = part
        return part

    def _listen(self, part: Part) -> None:
        assert part.process.stdout is not None
        for line in part.process.stdout:
            part.lines.append(line.rstrip())
            del part.lines[:-1000]
            self._tell(f"{part.name:<12} {line.rstrip()}")

    def finish(self, name: str, command: list[str]) -> int:
        """Run a tool to its end; its exit code."""
        part = self.start(name, command)
        code = part.process.wait()
        self.stop(name)
        return code

    def stop(self, name: str) -> Part | None:
        part = self.running.pop(name, None)
        if part is None:
            return None
        if part.process.poll() is None:
            part.process.send_signal(signal.SIGTERM)
        try:
            part.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._tell(f"demo         {name} did not stop within {STOP_S_MAX:.0f} s and was killed")
            part.process.kill()
            part.process.wait()
        part.thread.join(STOP_S_MAX)
        return part

    def stop_all(self) -> None:
        for name in ("scanners", "reader", "store", "desk", "headoffice", "broker"):
            self.stop(name)


def _broker(parts: _Parts, folder: Path, port: int, tell: Callable[[str], None]) -> bool:
    """Starts mosquitto, or the embedded broker where there is none; True for the embedded one."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto is not None:
        (folder / "broker").mkdir()
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 10000\nlog_type error\n"
            f"log_type warning\npersistence true\npersistence_location {folder}/broker/\n"
            f"user {os.environ.get('USER') or 'root'}\n",
            "utf-8",
        )
        parts.start("broker", [mosquitto, "-c", str(config)])
        tell(f"demo         broker: {mosquitto} on port {port}")
        return False
    if shutil.which("amqtt", path=str(Path(sys.executable).parent)) is None:
        raise DemoError("there is no broker: install mosquitto (apt-get install mosquitto mosquitto-clients)")
    config = folder / "amqtt.yaml"
    config.write_text(
        f"listeners:\n  default:\n    type: tcp\n    bind: 127.0.0.1:{port}\nauth:\n  allow-anonymous: true\n"
    )
    parts.start("broker", ["amqtt", "-c", str(config)])
    tell(f"demo         broker: amqtt (embedded) on port {port}; it proves nothing about delivery, mosquitto would")
    return True


def _wait_for_port(port: int, pacer: Pacer) -> None:
    begun_us = monotonic_us()
    while pacer.wait(0.05):
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            if monotonic_us() - begun_us > START_S_MAX * 1e6:
                raise DemoError(f"the broker does not listen on port {port}") from None
        else:
            return


def free_port(wanted: int) -> int:
    """`wanted` where it is free, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("there is no free port on 127.0.0.1")


@dataclass(frozen=True, slots=True)
class _End:
    config: Path
    folder: Path
    broker: str
    embedded: bool
    failed: str | None


def _summary(parts: _Parts, end: _End, tell: Callable[[str], None]) -> int:
    verify = ["verify", "--db", str(end.folder / "headoffice.db"), "--broker", end.broker]
    equal = parts.finish("verify", ["jaego-hq", *verify, "--timeout", str(VERIFY_TIMEOUT_S)]) == 0
    parts.stop("store")
    parts.stop("desk")
    parts.stop("headoffice")
    intact = parts.finish("log", ["jaego", "log", "verify", "--config", str(end.config)]) == 0
    events, witness = list(_events(end.config)), end.folder / "witness.jsonl"
    missing, doubled = _against_witness(witness, events)
    kinds = Counter(f"{event['type']} {event['data']['kind']}" for event in events)
    lines = [
        f"{len(events)} events: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}",
        f"{_count(witness)} scans were answered; of these missing in the log: {missing}, there twice: {doubled}",
        _passages(events),
        f"the chain is {'intact' if intact else 'DAMAGED'}",
        f"head office {'equals the store' if equal else 'DIFFERS FROM THE STORE'}",
    ]
    if end.embedded:
        lines.append("the embedded broker proves nothing about delivery: install mosquitto and run again")
    if end.failed is not None:
        lines.append(f"{end.failed} ended before its time: see its lines above")
    good = bool(events) and equal and intact and not missing and not doubled and end.failed is None
    lines.append(
        f"{'GOOD' if good else 'NOT GOOD'}; look at it: jaego log show -c {_shown(end.config)} --last 5 --json"
    )
    tell("")
    for line in lines:
        tell(f"summary      {line}")
    return 0 if good else 1


def _passages(events: list[dict[str, Any]]) -> str:
    moved = [line for event in events if "portal" in event["data"] for line in event["data"].get("lines", ())]
    tags = sum(len(line.get("epcs") or ()) for line in moved)
    return f"{tags} tags passed the dock door and were received"


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _events(config: Path) -> Iterator[dict[str, Any]]:
    program = str(Path(sys.executable).parent / "jaego")
    export = [program, "log", "export", "-", "--config", str(config)]
    done = subprocess.run(export, check=False, capture_output=True)  # noqa: S603  our own program
    for line in done.stdout.splitlines():
        yield json.loads(line)


def _count(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def _against_witness(path: Path, events: list[dict[str, Any]]) -> tuple[int, int]:
    """Unique labels that a clerk heard `good` for and the log lacks, and those that moved stock twice."""
    logged: Counter[str] = Counter(
        line["code"]["text"]
        for event in events
        if event["data"].get("kind") == "received"
        for line in event["data"]["lines"]
        if "text" in line.get("code", {})
    )
    told: set[str] = set()
    for raw in path.read_bytes().splitlines() if path.exists() else ():
        seen = json.loads(raw)
        if seen["answer"] == "good" and seen["code"].startswith("]d201"):
            told.add(seen["code"].removeprefix("]d2"))
    return sum(logged[code] == 0 for code in told), sum(
        count > 1 for code, count in logged.items() if code[16:18] == "21"
    )
