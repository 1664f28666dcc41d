"""A Zebra scanner that speaks SSI on a pty: it waits for the acknowledgement, and sends again without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drivers.ssi.frames import (
    CONTINUED,
    DATA_BYTES_MAX,
    DECODER,
    HOST,
    RETRANSMIT,
    Malformed,
    Op,
    Packet,
    PacketDecoder,
    encode,
)
from simulators.clock import monotonic_us
from simulators.ptys import PtyPort
from simulators.scanner import ScanResult, Stopped, Trouble, never

CODE_128 = 0x03
_BEEPS = {0x00: "good", 0x17: "look", 0x0F: "stop"}
_TYPES = {
    b"]C0": 0x03,
    b"]C1": 0x0F,
    b"]E0": 0x0B,
    b"]E4": 0x0A,
    b"]I1": 0x06,
    b"]d2": 0x1B,
    b"]Q3": 0x1C,
    b"]Q1": 0x1C,
}


@dataclass(frozen=True, slots=True)
class SsiSetup:
    """`beep_wait_s`: how long after the acknowledgement the beep is waited for, which tells good from stop."""

    ack_timeout_s: float = 2.0
    resends_max: int = 2
    beep_wait_s: float = 0.25
    beeps: bool = True


class SsiScanner:
    """Records what the host told it: `beeps`, `leds`, `enabled`, `naks`, `noise` (bytes that were no packet)."""

    def __init__(
        self,
        path: Path,
        setup: SsiSetup | None = None,
        pause: Callable[[], None] = lambda: None,
        stopped: Stopped = never,
    ) -> None:
        self.port = PtyPort(path)
        self.beeps: list[int] = []
        self.leds: list[tuple[bool, int]] = []
        self.opened: list[Packet] = []
        self.enabled = True
        self.acks = 0
        self.naks: list[int] = []
        self.noise: list[Malformed] = []
        self._setup = setup or SsiSetup()
        self._pause = pause
        self._stopped = stopped
        self._decoder = PacketDecoder(HOST)

    def plug(self) -> None:
        self.port.plug()
        self._decoder = PacketDecoder(HOST)

    def unplug(self) -> None:
        self.port.unplug()

    def scan(self, data: bytes, trouble: Trouble | None = None) -> ScanResult:
        """Blocks until the scanner has its acknowledgement or gives up. An AIM identifier in front sets the type."""
        self.serve(0)
        pieces = self._pieces(data)
        result = ScanResult(False, None, 0, None)
        for at, piece in enumerate(pieces):
            status = CONTINUED if at + 1 < len(pieces) else 0
            result = self._send(Packet(Op.DECODE_DATA, DECODER, status, piece), trouble)
            if not result.acknowledged:
                break
        return result

    def serve(self, seconds: float) -> None:
        end_us = monotonic_us() + int(seconds * 1e6)
        while self.port.plugged and not self._stopped():
            heard = self.port.listen(max(0.0, (end_us - monotonic_us()) / 1e6), self._stopped)
            if not heard and monotonic_us() >= end_us:
                return
            self._hear(heard)

    def _pieces(self, data: bytes) -> list[bytes]:
        kind = bytes((_TYPES.get(data[:3], CODE_128),))
        size = DATA_BYTES_MAX - 1
        return [kind + data[at : at + size] for at in range(0, max(1, len(data)), size)]

    def _send(self, packet: Packet, trouble: Trouble | None) -> ScanResult:
        for attempt in range(1, self._setup.resends_max + 2):
            status = packet.status | (RETRANSMIT if attempt > 1 else 0)
            wire = encode(Packet(packet.opcode, packet.source, status, packet.data))
            if not self._put(wire, trouble if attempt == 1 else None):
                return ScanResult(False, None, attempt, None)
            sent_us = monotonic_us()
            beeps = len(self.beeps)
            heard = self._await()
            latency_us = monotonic_us() - sent_us
            if heard is Op.ACK and not (trouble is Trouble.RETRANSMIT and attempt == 1):
                answer = None if packet.continued else self._answer(beeps)
                return ScanResult(True, answer, attempt, latency_us)
        return ScanResult(False, None, self._setup.resends_max + 1, None)

    def _put(self, wire: bytes, trouble: Trouble | None) -> bool:
        if trouble is Trouble.UNPLUG:
            self.port.write(wire[: len(wire) // 2])
            self._pause()
            self.unplug()
            self._pause()
            self.plug()
            return False
        if trouble is Trouble.GARBAGE:
            self.port.write(b"\xff\xff\x55\xaa\x01")
        elif trouble is Trouble.OVER_LONG:
            self.port.write(b"\xf0" * 5000)
        elif trouble is Trouble.CHECKSUM:
            wire = wire[:-1] + bytes((wire[-1] ^ 0x5A,))
        pieces = [wire[at : at + 1] for at in range(len(wire))] if trouble is Trouble.SPLIT else [wire]
        return all(self.port.write(piece) for piece in pieces)

    def _await(self) -> Op | None:
        """The first ACK or NAK within the time-out; None if none comes."""
        end_us = monotonic_us() + int(self._setup.ack_timeout_s * 1e6)
        while monotonic_us() < end_us and self.port.plugged and not self._stopped():
            heard = self._hear(self.port.listen((end_us - monotonic_us()) / 1e6, self._stopped))
            if heard is not None:
                return heard
        return None

    def _answer(self, before: int) -> str | None:
        """The beep after the acknowledgement; it may have come in the same bytes."""
        if not self._setup.beeps:
            return None
        end_us = monotonic_us() + int(self._setup.beep_wait_s * 1e6)
        while len(self.beeps) == before and monotonic_us() < end_us:
            self._hear(self.port.read((end_us - monotonic_us()) / 1e6))
        return _BEEPS.get(self.beeps[-1]) if len(self.beeps) > before else None

    def _hear(self, data: bytes) -> Op | None:
        """Obey the host's packets; the last ACK or NAK among them."""
        heard: Op | None = None
        for packet in self._decoder.feed(data):
            if isinstance(packet, Malformed):
                self.noise.append(packet)
            elif packet.opcode == Op.ACK:
                self.acks += 1
                heard = Op.ACK
            elif packet.opcode == Op.NAK:
                self.naks.append(packet.data[0])
                heard = Op.NAK
            else:
                self._obey(packet)
        return heard

    def _obey(self, packet: Packet) -> None:
        if packet.opcode == Op.BEEP:
            self.beeps.append(packet.data[0])
        elif packet.opcode in {Op.LED_ON, Op.LED_OFF}:
            self.leds.append((packet.opcode == Op.LED_ON, packet.data[0]))
        elif packet.opcode in {Op.SCAN_ENABLE, Op.SCAN_DISABLE}:
            self.enabled = packet.opcode == Op.SCAN_ENABLE
            self.opened.append(packet)
        else:
            self.opened.append(packet)
        self.port.write(encode(Packet(Op.ACK, DECODER)))
