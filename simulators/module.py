"""A serial UHF module on a pty: a machine (bytes in, frames out) that a thread serves, and faults on its line."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from simulators.clock import monotonic_us
from simulators.ptys import PtyPort
from simulators.tags import Field, Sighting, Source, Tag

_LOOK_S = 0.005  # between two looks at the source
_MERGE_US = 30_000
NOISE = bytes.fromhex("00ff13aa01bbff5500dd7e")  # with marks of every protocol in it


class ModuleFault(StrEnum):
    SPLIT = "split"  # byte by byte, from now on
    MERGED = "merged"  # many frames in one write, from now on
    GARBAGE = "garbage"  # noise before the next frame
    CHECKSUM = "checksum"  # the next frame is damaged
    SILENCE = "silence"  # frozen: hears and says nothing
    HOT = "hot"
    ANTENNA = "antenna"  # comes off
    REBOOT = "reboot"  # forgets its settings, does not read
    MENDED = "mended"  # ends all of these


class Machine(Protocol):
    """Times are microseconds from the start."""

    def hear(self, data: bytes, now_us: int) -> list[bytes]:
        """The frames that answer the host's bytes."""
        ...

    def due(self, now_us: int) -> list[bytes]:
        """The frames that come by themselves."""
        ...

    def suffer(self, fault: ModuleFault) -> list[bytes]:
        """A fault of the module itself; what it says of it at once."""
        ...


class World:
    """The tags before a module: what is seen, and what an operation reaches."""

    def __init__(self, source: Source, tags: list[Tag]) -> None:
        self._source = source
        self._field = Field(tags)
        self.reported = 0

    def due(self, now_us: int) -> list[tuple[Tag, int, int, int, int, int]]:
        """Tag, antenna, RSSI in dBm, time, phase in degrees below 180, frequency in kHz."""
        return [
            (
                one.tag,
                one.antenna,
                one.rssi_cdbm // 100,
                one.at_us,
                round((one.phase_mrad or 0) * 0.0573) % 180,
                one.frequency_khz or 0,
            )
            for one in self._source.due(now_us)
        ]

    def find(self, epc: bytes) -> Tag | None:
        return self._field.find(epc)


class HandSource:
    """Tags held before the antenna by hand: each is seen once, at the next look. `show` from any thread."""

    def __init__(self, antenna: int = 1, rssi_cdbm: int = -6000) -> None:
        self._antenna, self._rssi_cdbm = antenna, rssi_cdbm
        self._shown: deque[Tag] = deque()

    def show(self, tags: list[Tag]) -> None:
        self._shown.extend(tags)

    def due(self, now_us: int) -> list[Sighting]:
        found: list[Sighting] = []
        while self._shown:
            tag = self._shown.popleft()
            found.append(Sighting(tag.epc, self._antenna, self._rssi_cdbm, now_us, tag))
        return found

    def next_us(self) -> int | None:
        return 0 if self._shown else None


class ModuleDevice:
    """`plug` starts the thread, `unplug` ends it. The machine keeps its state, as a module with its own supply does."""

    def __init__(self, path: Path, machine: Machine) -> None:
        self.port = PtyPort(path)
        self.machine = machine
        self._start_us = monotonic_us()
        self._once: deque[ModuleFault] = deque()
        self._lasting: set[ModuleFault] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._held = b""
        self._held_us = 0

    def plug(self) -> None:
        if self._thread is not None:
            return
        self.port.plug()
        self._stop.clear()
        self._thread = threading.Thread(target=self.serve, name="module", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        self.port.unplug()

    def fault(self, fault: ModuleFault) -> None:
        """From any thread; it happens at the next look."""
        self._once.append(fault)

    def serve(self, stopped: Callable[[], bool] | None = None) -> None:
        """Until `unplug`, or until `stopped`."""
        while not self._stop.is_set() and not (stopped is not None and stopped()):
            self._turn(self.port.read(_LOOK_S))

    def _turn(self, heard: bytes) -> None:
        frames: list[bytes] = []
        damage: list[ModuleFault] = []
        while self._once:
            fault = self._once.popleft()
            if fault is ModuleFault.MENDED:
                self._lasting.clear()
                self.machine.suffer(fault)
            elif fault in {ModuleFault.SPLIT, ModuleFault.MERGED, ModuleFault.SILENCE}:
                self._lasting.add(fault)
            elif fault in {ModuleFault.GARBAGE, ModuleFault.CHECKSUM}:
                damage.append(fault)
            else:
                frames += self.machine.suffer(fault)
        now_us = monotonic_us() - self._start_us
        if ModuleFault.SILENCE in self._lasting:
            self.machine.due(now_us)
            return
        frames += self.machine.hear(heard, now_us) if heard else []
        frames += self.machine.due(now_us)
        if not frames:
            self._once.extend(damage)  # it waits for a frame that it can spoil
        self._put(_spoilt(frames, damage), now_us)

    def _put(self, data: bytes, now_us: int) -> None:
        if ModuleFault.MERGED in self._lasting or self._held:
            self._held_us = self._held_us if self._held else now_us
            self._held += data
            if now_us - self._held_us < _MERGE_US:
                return
            data, self._held = self._held, b""
        if ModuleFault.SPLIT in self._lasting:
            for at in range(len(data)):
                self.port.write(data[at : at + 1])
        elif data:
            self.port.write(data)


def _spoilt(frames: list[bytes], damage: list[ModuleFault]) -> bytes:
    if frames and ModuleFault.CHECKSUM in damage:
        first = frames[0]
        frames[0] = first[:-2] + bytes((first[-2] ^ 0x5A,)) + first[-1:]
    noise = NOISE if frames and ModuleFault.GARBAGE in damage else b""
    return noise + b"".join(frames)
