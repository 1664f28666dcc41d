"""SSI as the host speaks it: a packet with a code is acknowledged once the code is durable, and not before.

An ACK names no packet. It is therefore sent only for the packet the scanner waits for, and only while it waits
(`response_timeout_s` from its last transmission); later it would pass for the answer to the next packet, whose code
would be lost. A scanner that heard nothing sends the packet again, with status bit 0:

- still being made durable: nothing happens, its one ACK comes with `answer`;
- answered already: it is acknowledged again and not delivered;
- unknown, or a garbled packet came in between, which may have been this one: it is delivered with `resent`, because
  two reads of the same GTIN look the same, and a code that is dropped is lost.

A packet with the continued bit is acknowledged at once: its scanner sends the next only then, and the code is
complete, and promised to nobody, before the last.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.aim import split_aim
from drivers.reads import Answer, Arrival, BadRead, BarcodeRead, Fault, Read
from drivers.session import NS_PER_MS, NS_PER_S, Numbering, Scanner
from drivers.ssi.commands import Commands
from drivers.ssi.frames import HOST, Cause, Malformed, Op, Packet, PacketDecoder, encode
from drivers.ssi.settings import SsiSettings
from drivers.ssi.symbologies import AIM_OF_TYPE

_ACK = encode(Packet(Op.ACK, HOST))
_PACKETED = bytes((0xFF, 0xEE, 0x01))  # PARAM_SEND without a beep: decode data packet format = packeted


@dataclass(slots=True)
class _Code:
    """A delivered code: its last packet's data, its read, when it came last, and what was answered."""

    data: bytes
    read_id: int
    first_ns: int
    last_ns: int
    answer: Answer | None = None
    garbled_since: bool = False


class SsiSession(Scanner):
    def __init__(self, device: str, settings: SsiSettings) -> None:
        self._settings = settings
        self._numbering = Numbering(device)
        self._decoder = PacketDecoder()
        self._commands = Commands(settings.command_timeout_s)
        self._output = bytearray()
        self._last_ns = 0
        self._code: _Code | None = None  # the newest
        self._parts: list[bytes] = []
        self._garbled_part = False  # since the last part
        self._damaged = False  # the parts may lack one
        self._too_long = False
        self._led_off: tuple[int, int] | None = None  # deadline and bits
        self._told: set[str] = set()  # command failures, each reported once

    def open(self, now: Arrival) -> None:
        if self._settings.packeted:
            self._commands.add(Packet(Op.PARAM_SEND, HOST, 0, _PACKETED))
        if self._settings.scan_enable:
            self._commands.add(Packet(Op.SCAN_ENABLE, HOST))
        if self._settings.aiming is not None:
            self._commands.add(Packet(Op.AIM_ON if self._settings.aiming else Op.AIM_OFF, HOST))
        self._output += self._commands.take(now.monotonic_ns)

    def receive(self, data: bytes, now: Arrival) -> list[Read]:
        reads = self.tick(now)
        self._last_ns = now.monotonic_ns
        return reads + self._take_all(self._decoder.feed(data), now)

    def lost(self, now: Arrival) -> list[Read]:
        """The checksum finds what is damaged; a whole packet that is missing the scanner sends again."""
        self._garbled()
        return [self._numbering.bad(b"", Fault.DROPPED, "input was lost", now)]

    def tick(self, now: Arrival) -> list[Read]:
        reads: list[Read] = []
        if self._decoder.partial and now.monotonic_ns >= self._packet_deadline():
            cut = self._decoder.cut(f"no further byte within {self._settings.byte_timeout_ms} ms")
            reads += self._take_all(cut, now)
        if self._led_off is not None and now.monotonic_ns >= self._led_off[0]:
            self._commands.add(Packet(Op.LED_OFF, HOST, 0, bytes((self._led_off[1],))))
            self._led_off = None
        again, failure = self._commands.tick(now.monotonic_ns)
        self._output += again
        reads += self._failed(failure, now)
        self._command(now)
        return reads

    def next_deadline(self) -> int | None:
        deadlines = [self._commands.next_deadline(), self._led_off[0] if self._led_off else None]
        if self._decoder.partial:
            deadlines.append(self._packet_deadline())
        if self._commands.waiting and self._code is not None and self._code.answer is None:
            deadlines.append(self._waited_ns(self._code))
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def answer(self, read_id: int, answer: Answer, now: Arrival) -> None:
        code = self._code
        if code is None or code.read_id != read_id or code.answer is not None:
            return
        code.answer = answer
        if now.monotonic_ns < self._waited_ns(code):
            self._acknowledge(answer, now)

    def take_output(self) -> bytes:
        output = bytes(self._output)
        self._output.clear()
        return output

    def close(self, now: Arrival) -> list[Read]:
        reads = self._take_all(self._decoder.cut("the device was closed in the middle"), now)
        if self._parts:
            reads.append(self._drop_parts("the device was closed between its packets", now))
        return reads

    def _take_all(self, found: list[Packet | Malformed], now: Arrival) -> list[Read]:
        reads: list[Read] = []
        for one in found:
            reads += self._take(one, now)
        last = found[-1] if found else None
        if isinstance(last, Malformed) and last.fault is not Fault.FRAMING:
            self._nak(Cause.CHECKSUM)  # once, not when a good packet came after it, and not for noise
        return reads

    def _take(self, found: Packet | Malformed, now: Arrival) -> list[Read]:
        if isinstance(found, Malformed):
            self._garbled()
            return [self._numbering.bad(found.raw, found.fault, found.detail, now)]
        if found.opcode == Op.ACK:
            self._commands.acknowledged()
        elif found.opcode == Op.NAK:
            again, failure = self._commands.refused(found.data[0] if found.data else 0, now.monotonic_ns)
            self._output += again
            self._command(now)
            return self._failed(failure, now)
        elif found.opcode == Op.EVENT:
            self._output += _ACK  # a trigger pull, a parameter entered by barcode: no read, and no promise
        elif found.opcode == Op.DECODE_DATA and found.data:
            return self._decoded(found, now)
        else:
            self._nak(Cause.BAD_CONTEXT)
            return [self._numbering.bad(encode(found), Fault.UNEXPECTED, str(found), now)]
        self._command(now)
        return []

    def _decoded(self, packet: Packet, now: Arrival) -> list[Read]:
        if packet.resent and self._parts and packet.data == self._parts[-1]:
            # The part that is here already, or, if garbled bytes came after it, perhaps the next with the same data.
            self._damaged = self._damaged or self._garbled_part
            self._output += _ACK
            return []
        if packet.resent and self._known(packet, now):
            return []
        reads: list[Read] = []
        if self._parts and packet.data[0] != self._parts[0][0]:
            reads.append(self._drop_parts("the next packet is of another code", now))
        if packet.continued:
            self._output += _ACK
            self._add_part(packet)
            return reads
        return [*reads, self._deliver(packet, now)]

    def _known(self, packet: Packet, now: Arrival) -> bool:
        """A repetition of the newest code, beyond doubt."""
        code = self._code
        if code is None or self._parts or code.data != packet.data:
            return False
        if now.monotonic_ns - code.first_ns >= self._settings.resend_window_s * NS_PER_S:
            return False
        if code.answer is None:
            code.last_ns = now.monotonic_ns
            return True
        if code.garbled_since:
            return False
        code.last_ns = now.monotonic_ns
        self._acknowledge(code.answer, now)
        return True

    def _deliver(self, packet: Packet, now: Arrival) -> BarcodeRead | BadRead:
        kind = packet.data[0]
        data = b"".join(part[1:] for part in [*self._parts, packet.data])
        damaged, too_long = self._damaged, self._too_long or len(data) > self._settings.data_bytes_max
        self._forget_parts()
        read: BarcodeRead | BadRead
        if damaged:
            read = self._numbering.bad(data, Fault.INCOMPLETE, "a repeated part cannot be told from a new one", now)
        elif too_long:
            detail = f"more than {self._settings.data_bytes_max} bytes"
            read = self._numbering.bad(data, Fault.TOO_LONG, detail, now)
        else:
            aim, data = split_aim(data) if self._settings.aim else (AIM_OF_TYPE.get(kind), data)
            device, number = self._numbering.device, self._numbering.next()
            read = BarcodeRead(device, number, data, aim, now, resent=packet.resent)
        self._code = _Code(packet.data, read.id, now.monotonic_ns, now.monotonic_ns)
        return read

    def _add_part(self, packet: Packet) -> None:
        self._garbled_part = False
        if sum(map(len, self._parts)) + len(packet.data) > self._settings.data_bytes_max:
            self._too_long = True  # the parts to come are acknowledged and forgotten
        else:
            self._parts.append(packet.data)

    def _drop_parts(self, detail: str, now: Arrival) -> BadRead:
        raw = b"".join(part[1:] for part in self._parts)
        self._forget_parts()
        return self._numbering.bad(raw, Fault.INCOMPLETE, detail, now)

    def _forget_parts(self) -> None:
        self._parts.clear()
        self._damaged = self._too_long = False

    def _acknowledge(self, answer: Answer, now: Arrival) -> None:
        self._output += _ACK  # first: the scanner waits for it
        settings = self._settings
        beep = {Answer.GOOD: settings.beep_good, Answer.LOOK: settings.beep_look, Answer.STOP: settings.beep_stop}
        led = {Answer.GOOD: settings.led_good, Answer.LOOK: settings.led_look, Answer.STOP: settings.led_stop}
        if (code := beep[answer]) is not False:
            self._commands.add(Packet(Op.BEEP, HOST, 0, bytes((code,))))
        if (bits := led[answer]) is not False:
            self._commands.add(Packet(Op.LED_ON, HOST, 0, bytes((bits,))))
            self._led_off = (now.monotonic_ns + int(settings.led_s * NS_PER_S), bits)
        self._command(now)

    def _command(self, now: Arrival) -> None:
        """The next command, unless the scanner waits for an acknowledgement and nothing else."""
        code = self._code
        if code is None or code.answer is not None or now.monotonic_ns >= self._waited_ns(code):
            self._output += self._commands.take(now.monotonic_ns)

    def _waited_ns(self, code: _Code) -> int:
        """When the scanner stops waiting for the ACK of this code."""
        return code.last_ns + int(self._settings.response_timeout_s * NS_PER_S)

    def _nak(self, cause: Cause) -> None:
        self._output += encode(Packet(Op.NAK, HOST, 0, bytes((cause,))))

    def _garbled(self) -> None:
        self._garbled_part = True
        if self._code is not None:
            self._code.garbled_since = True

    def _failed(self, failure: str | None, now: Arrival) -> list[Read]:
        if failure is None or failure in self._told:
            return []
        self._told.add(failure)
        return [self._numbering.bad(b"", Fault.UNEXPECTED, failure, now)]

    def _packet_deadline(self) -> int:
        return self._last_ns + self._settings.byte_timeout_ms * NS_PER_MS
