"""Scenarios: which scanners there are, what goes wrong with them, what their clerks scan. One seed repeats a run."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivers.hid.layouts import LayoutName
from drivers.hid.settings import GsKey
from drivers.serial_scanner.frames import End
from simulators.clock import Chance, Pacer, chance, monotonic_us, wall_us
from simulators.hid import FifoSink, HidScanner, HidSetup, UinputSink
from simulators.scanner import Scanner, ScanResult, Trouble
from simulators.scanner_line import LineScanner, LineSetup
from simulators.scanner_ssi import SsiScanner, SsiSetup

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]


class _Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clerk(_Plan):
    """`first` is scanned before anything else, each until it is acknowledged where the scanner hears answers.

    Then `codes` go round, or `generator` makes unique GS1 DataMatrix codes of `gtins`. A character is a byte.
    """

    first: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    generator: Literal["serial_gtin"] | None = None
    gtins: tuple[Annotated[str, Field(pattern=r"^\d{14}$")], ...] = ()
    serial_prefix: str | None = Field(None, pattern=r"^[A-Za-z0-9-]{1,10}$")
    aim: bool = True  # generated codes begin with ]d2
    unknown_codes: tuple[str, ...] = ("NO-SUCH-ITEM",)
    unknown_share: Share = 0.0
    rate_per_s: float = Field(2.0, gt=0, le=1000)
    repeat: int = Field(1, ge=1, le=1000)  # each code so many times
    scans_max: int | None = Field(None, ge=0)
    start_after_s: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _something_to_scan(self) -> Self:
        if (self.generator is None) == (not self.codes):
            raise ValueError("needs either codes or generator")
        if self.generator is not None and not self.gtins:
            raise ValueError("generator serial_gtin needs gtins")
        if not all(text.isascii() or max(text) <= "\xff" for text in (*self.first, *self.codes, *self.unknown_codes)):
            raise ValueError("a code has a character above U+00FF, which is no byte")
        return self


class _ScannerPlan(_Plan):
    name: Name
    path: str = Field(min_length=1)
    faults: dict[Trouble, Share] = Field(default_factory=dict[Trouble, Share])
    unplugged_s: float = Field(0.3, ge=0, le=60)
    clerk: Clerk


class LinePlan(_ScannerPlan):
    kind: Literal["serial_line"]
    end: End = End.CR
    prefix: str = ""
    suffix: str = ""
    host_ack: bool = False
    host_ack_timeout_s: float = Field(10.0, gt=0)

    def make(self, path: Path, pacer: Pacer) -> Scanner:
        texts = (self.prefix.encode("latin-1"), self.suffix.encode("latin-1"))
        setup = LineSetup(self.end, *texts, self.host_ack, self.host_ack_timeout_s)
        return LineScanner(path, setup, lambda: void(pacer.wait(self.unplugged_s)), lambda: pacer.stopped)


class SsiPlan(_ScannerPlan):
    kind: Literal["ssi"]
    ack_timeout_s: float = Field(2.0, gt=0)
    resends_max: int = Field(2, ge=0, le=100)
    beeps: bool = True

    def make(self, path: Path, pacer: Pacer) -> Scanner:
        setup = SsiSetup(self.ack_timeout_s, self.resends_max, beeps=self.beeps)
        return SsiScanner(path, setup, lambda: void(pacer.wait(self.unplugged_s)), lambda: pacer.stopped)


class HidPlan(_ScannerPlan):
    """With `uinput`, `path` is the name of the kernel keyboard."""

    kind: Literal["hid"]
    uinput: bool = False
    layout: LayoutName = LayoutName.US
    end: Literal["enter", "kp_enter", "tab"] | None = "enter"
    gs: GsKey = "ctrl_bracket"
    chars_per_s: float = Field(60.0, ge=0)

    def make(self, path: Path, pacer: Pacer) -> Scanner:
        setup = HidSetup(self.layout, self.end, self.gs, self.chars_per_s)
        sink = UinputSink(self.path) if self.uinput else FifoSink(path)
        return HidScanner(sink, setup, pacer, lambda: void(pacer.wait(self.unplugged_s)))


class Scenario(_Plan):
    name: str = "scenario"
    seconds: float = Field(30.0, gt=0)
    seed: int = 1
    scanners: tuple[Annotated[LinePlan | SsiPlan | HidPlan, Field(discriminator="kind")], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _own_names_and_paths(self) -> Self:
        for what in ("name", "path"):
            values = [getattr(scanner, what) for scanner in self.scanners]
            if len(set(values)) != len(values):
                raise ValueError(f"two scanners have the same {what}")
        return self


def void(_: object) -> None:
    """For callbacks whose result nobody wants."""


@dataclass(slots=True)
class Tally:
    """What became of one clerk's scans. `answers` counts good, look, stop, and none for those without."""

    scans: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0
    resent: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])
    troubles: Counter[str] = field(default_factory=Counter[str])
    latencies_us: list[int] = field(default_factory=list[int])

    def add(self, result: ScanResult, trouble: Trouble | None) -> None:
        self.scans += 1
        self.acknowledged += result.acknowledged is True
        self.unacknowledged += result.acknowledged is False
        self.resent += max(0, result.attempts - 1)
        if result.acknowledged:
            self.answers[result.answer or "none"] += 1
        if trouble is not None:
            self.troubles[trouble] += 1
        if result.latency_us is not None and len(self.latencies_us) < 1_000_000:
            self.latencies_us.append(result.latency_us)

    def latency_ms(self, share: float) -> float | None:
        if not self.latencies_us:
            return None
        return sorted(self.latencies_us)[int(share * (len(self.latencies_us) - 1))] / 1000


class Witness(AbstractContextManager["Witness"]):
    """Writes down every acknowledged scan, one JSON line each, on the disk before the clerk's next scan."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def saw(self, scanner: str, code: bytes, result: ScanResult) -> None:
        line = {"scanner": scanner, "code": code.decode("latin-1"), "time_us": wall_us(), "answer": result.answer}
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


class ClerkRun:
    """One clerk at one scanner. `tell` gets a readable line for each scan."""

    def __init__(
        self,
        plan: LinePlan | SsiPlan | HidPlan,
        scanner: Scanner,
        dice: Chance,
        pacer: Pacer,
        witness: Witness | None,
        tell: Callable[[str], None],
        seed: int,
    ) -> None:
        self.plan = plan
        self.tally = Tally()
        self._scanner = scanner
        self._dice = dice
        self._pacer = pacer
        self._witness = witness
        self._tell = tell
        self._seed = seed

    def run(self) -> None:
        clerk = self.plan.clerk
        self._scanner.serve(clerk.start_after_s)
        for text in clerk.first:
            while not self._pacer.stopped and self._scan(text.encode("latin-1"), None).acknowledged is False:
                self._scanner.serve(0.2)
        begun_us = monotonic_us()
        for number, code in enumerate(self._codes()):
            if self._pacer.stopped or number == clerk.scans_max:
                return
            self._scan(code, self._trouble())
            due_us = begun_us + int((number + 1) / clerk.rate_per_s * 1e6)
            self._scanner.serve(max(0.0, (due_us - monotonic_us()) / 1e6))

    def _codes(self) -> Iterator[bytes]:
        clerk, number = self.plan.clerk, 0
        prefix = clerk.serial_prefix or f"{''.join(filter(str.isalnum, self.plan.name))[:6]}{self._seed % 10_000}"
        while True:
            if self._dice.random() < clerk.unknown_share:
                text = self._dice.choice(clerk.unknown_codes)
            elif clerk.generator is not None:
                gtin = clerk.gtins[number % len(clerk.gtins)]
                text = f"{']d2' if clerk.aim else ''}01{gtin}21{prefix}{number:07d}"
            else:
                text = clerk.codes[number % len(clerk.codes)]
            number += 1
            for _ in range(clerk.repeat):
                yield text.encode("latin-1")

    def _trouble(self) -> Trouble | None:
        for trouble, share in self.plan.faults.items():
            if self._dice.random() < share:
                return trouble
        return None

    def _scan(self, code: bytes, trouble: Trouble | None) -> ScanResult:
        result = self._scanner.scan(code, trouble)
        if result.acknowledged and self._witness is not None:
            self._witness.saw(self.plan.name, code, result)
        self.tally.add(result, trouble)
        self._tell(line_of(self.plan.name, code, result, trouble))
        return result


def line_of(scanner: str, code: bytes, result: ScanResult, trouble: Trouble | None) -> str:
    text = code.decode("latin-1").replace("\x1d", "<GS>")
    heard = {None: "typed", False: "NO ANSWER", True: result.answer or "acknowledged"}[result.acknowledged]
    latency = f" {result.latency_us / 1000:.1f} ms" if result.latency_us is not None else ""
    again = f" after {result.attempts} tries" if result.attempts > 1 else ""
    what = f" ({trouble})" if trouble is not None else ""
    return f"{scanner:<12} {text:<44} {heard}{latency}{again}{what}"


def play(
    scenario: Scenario, folder: Path, pacer: Pacer, witness: Witness | None, tell: Callable[[str], None]
) -> dict[str, Tally]:
    """Run until the time is over or `pacer` is stopped. Paths are relative to `folder`.

    Raises ExceptionGroup with what went wrong in the simulators themselves.
    """
    scanners = [(plan, plan.make(folder / plan.path, pacer)) for plan in scenario.scanners]
    runs = [
        ClerkRun(plan, scanner, chance(f"{scenario.seed} {plan.name}"), pacer, witness, tell, scenario.seed)
        for plan, scanner in scanners
    ]
    bugs: list[Exception] = []

    def work(run: ClerkRun) -> None:
        try:
            run.run()
        except Exception as error:  # noqa: BLE001 - raised again by the main thread, with the others
            bugs.append(error)
            pacer.stop()

    threads = [threading.Thread(target=work, args=(run,), name=f"clerk {run.plan.name}") for run in runs]
    try:
        for _, scanner in scanners:
            scanner.plug()
        for thread in threads:
            thread.start()
        end_us = monotonic_us() + int(scenario.seconds * 1e6)
        while any(thread.is_alive() for thread in threads) and monotonic_us() < end_us:
            if not pacer.wait(0.05):
                break
    finally:
        pacer.stop()
        for thread in filter(threading.Thread.is_alive, threads):
            thread.join()
        for _, scanner in scanners:
            scanner.unplug()
    if bugs:
        raise ExceptionGroup("simulators failed", bugs)
    return {run.plan.name: run.tally for run in runs}
