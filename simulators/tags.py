"""RFID tags with memory, and what makes them seen: sources of sightings for all simulated readers.

A source knows one time: microseconds that begin at 0 when the reader is switched on. A reader asks it what is `due`; a
reader that is not reading throws that away, as a tag is not seen by a radio that is off.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from drivers.operations import Bank, Outcome
from identity.epc import codec as epcs
from simulators.clock import Chance, chance

DUE_MAX = 20_000  # sightings of one call; the rest is due at the next
TAGS_MAX = 100_000
EPC_WORDS_MAX = 31  # what the five length bits of a PC can say
USER_WORDS = 32
FREQUENCIES_KHZ = (865_700, 866_300, 866_900, 867_500)  # ETSI EN 302 208, the four channels
HOP_US = 200_000
ANTENNA_US = 60_000  # a reader's turn at one antenna (portal measurements)


class Tag:
    """A Gen2 tag: four banks of 16-bit words, an access password, locks.

    Bank EPC is CRC, PC, EPC, and room beyond it; bank RESERVED is kill password, access password (two words each). A
    locked bank takes writes only with the access password; TID takes none. RESERVED, once locked, is not even read.
    """

    def __init__(self, epc: bytes, tid: bytes = b"", user: bytes = bytes(2 * USER_WORDS), password: int = 0) -> None:
        if len(epc) > 2 * EPC_WORDS_MAX:
            raise ValueError(f"EPC of {len(epc)} bytes, a tag takes {2 * EPC_WORDS_MAX}")
        even = epc + bytes(len(epc) % 2)
        room = bytes(max(0, 16 - len(even)))
        self._banks = {
            Bank.RESERVED: bytearray(bytes(4) + password.to_bytes(4, "big")),
            Bank.EPC: bytearray(bytes(2) + (len(even) // 2 << 11).to_bytes(2, "big") + even + room),
            Bank.TID: bytearray(tid or bytes.fromhex("e2801160") + bytes(8)),
            Bank.USER: bytearray(user),
        }
        self.locked: set[Bank] = set()
        self._refresh()

    @property
    def epc(self) -> bytes:
        """As the PC's length says it: whole words."""
        return self._epc

    @property
    def pc(self) -> int:
        return int.from_bytes(self._banks[Bank.EPC][2:4], "big")

    @property
    def crc(self) -> int:
        return int.from_bytes(self._banks[Bank.EPC][:2], "big")

    @property
    def tid(self) -> bytes:
        return bytes(self._banks[Bank.TID])

    @property
    def access_password(self) -> int:
        return int.from_bytes(self._banks[Bank.RESERVED][4:8], "big")

    def bank(self, bank: Bank) -> bytes:
        """All of it, as no radio could see it: for target masks and for tests."""
        return bytes(self._banks[bank])

    def read(self, bank: Bank, word_offset: int, word_count: int, password: int = 0) -> tuple[Outcome, bytes]:
        """`word_count` 0 is up to the bank's end (Gen2, 6.3.2.12.3.2)."""
        data = self._banks[bank]
        end = 2 * (word_offset + word_count) if word_count else len(data)
        if end > len(data) or 2 * word_offset >= len(data):
            return Outcome.OVERRUN, b""
        if not self._opened(password):
            return Outcome.PASSWORD, b""
        if bank is Bank.RESERVED and bank in self.locked and not (self.access_password and password):
            return Outcome.LOCKED, b""
        return Outcome.DONE, bytes(data[2 * word_offset : end])

    def write(self, bank: Bank, word_offset: int, data: bytes, password: int = 0) -> Outcome:
        """Whole words. The CRC follows from PC and EPC and is not written; a new PC may change the EPC's length."""
        there = self._banks[bank]
        if len(data) % 2:
            raise ValueError(f"{len(data)} bytes are no whole words")
        if 2 * word_offset + len(data) > len(there):
            return Outcome.OVERRUN
        if not self._opened(password):
            return Outcome.PASSWORD
        secured = bool(self.access_password and password == self.access_password)
        if bank is Bank.TID or (bank in self.locked and not secured) or (bank is Bank.EPC and word_offset == 0):
            return Outcome.LOCKED
        there[2 * word_offset : 2 * word_offset + len(data)] = data
        self._refresh()
        return Outcome.DONE

    def _opened(self, password: int) -> bool:
        return password in {0, self.access_password}

    def _refresh(self) -> None:
        data = self._banks[Bank.EPC]
        self._epc = bytes(data[4 : 4 + 2 * (data[2] >> 3)])
        data[:2] = (binascii.crc_hqx(bytes(data[2:4]) + self._epc, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")


class Sighting(NamedTuple):
    """`epc` is what the tag's memory said at that moment; `at_us` counts from the reader's start; antennas from 1."""

    epc: bytes
    antenna: int
    rssi_cdbm: int
    at_us: int
    tag: Tag
    phase_mrad: int | None = None
    frequency_khz: int | None = None

    @property
    def tid(self) -> bytes:
        return self.tag.tid


class Source(Protocol):
    """Where sightings come from, in order of their time."""

    def due(self, now_us: int) -> list[Sighting]:
        """All up to and with `now_us` that were not given before, at most `DUE_MAX`."""
        ...

    def next_us(self) -> int | None:
        """When the next one is due; None when there is none any more."""
        ...


class RateSource:
    """Tags one after the other at a fixed rate for ever; antennas in turn, RSSI by chance around each tag's own.

    The n-th sighting is due at n / rate, whenever it is asked for: two runs of one seed give the same.
    """

    def __init__(
        self,
        tags: Sequence[Tag],
        reads_per_s: float,
        *,
        seed: int = 1,
        antennas: Sequence[int] = (1,),
        frequencies_khz: Sequence[int] = FREQUENCIES_KHZ,
    ) -> None:
        if reads_per_s <= 0:
            raise ValueError(f"{reads_per_s:g} reads/s, a rate is above 0")
        if not antennas or not frequencies_khz:
            raise ValueError("a reader has at least one antenna and one channel")
        self.tags = tags
        self._rate, self._antennas, self._frequencies_khz = reads_per_s, tuple(antennas), tuple(frequencies_khz)
        self._chance: Chance = chance(f"rate-{seed}")
        self._loud_cdbm = [-int(self._chance.uniform(3500, 6500)) for _ in tags]
        self._count = 0

    def due(self, now_us: int) -> list[Sighting]:
        found: list[Sighting] = []
        while self.tags and len(found) < DUE_MAX and (at_us := self._at_us()) <= now_us:
            found.append(self._sighting(at_us))
            self._count += 1
        return found

    def next_us(self) -> int | None:
        return self._at_us() if self.tags else None

    def _at_us(self) -> int:
        return int(self._count * 1e6 / self._rate)

    def _sighting(self, at_us: int) -> Sighting:
        which = self._count % len(self.tags)
        tag = self.tags[which]
        return Sighting(
            tag.epc,
            self._antennas[at_us // ANTENNA_US % len(self._antennas)],
            self._loud_cdbm[which] + 50 * int(self._chance.gauss(0, 2)),
            at_us,
            tag,
            int(self._chance.random() * 6283),
            self._frequencies_khz[at_us // HOP_US % len(self._frequencies_khz)],
        )


class Row(NamedTuple):
    """One line of a recorded stream or a portal scene, in its columns' units; None where a cell is empty."""

    t: float
    epc: bytes
    antenna: int
    rssi_dbm: float
    phase_rad: float | None
    freq_mhz: float | None


class RowSource:
    """Rows of a recording or a scene, each seen at its own time after the first, or faster by `speed`.

    Rows are taken one by one, so a recording of a day needs no memory; the tags stay. A time that goes back is taken
    as the latest so far.
    """

    def __init__(self, rows: Iterable[Row], *, speed: float = 1.0, tags: Iterable[Tag] = ()) -> None:
        if speed <= 0:
            raise ValueError(f"speed {speed:g}, it is above 0")
        self._rows: Iterator[Row] = iter(rows)
        self._speed = speed
        self._tags = {tag.epc: tag for tag in tags}
        self._start: float | None = None
        self._late_us = 0
        self._next: Sighting | None = None
        self._advance()

    @property
    def tags(self) -> list[Tag]:
        return list(self._tags.values())

    def due(self, now_us: int) -> list[Sighting]:
        found: list[Sighting] = []
        while len(found) < DUE_MAX and self._next is not None and self._next.at_us <= now_us:
            # Its memory may have been written since the row was read ahead.
            found.append(self._next._replace(epc=self._next.tag.epc))
            self._advance()
        return found

    def next_us(self) -> int | None:
        return None if self._next is None else self._next.at_us

    def _advance(self) -> None:
        row = next(self._rows, None)
        if row is None:
            self._next = None
            return
        if self._start is None:
            self._start = row.t
        self._late_us = max(self._late_us, int((row.t - self._start) * 1e6 / self._speed))
        self._next = Sighting(
            row.epc,
            row.antenna,
            round(row.rssi_dbm * 100),
            self._late_us,
            self._tag(row.epc),
            None if row.phase_rad is None else round(row.phase_rad * 1000),
            None if row.freq_mhz is None else round(row.freq_mhz * 1000),
        )

    def _tag(self, epc: bytes) -> Tag:
        tag = self._tags.get(epc)
        if tag is None:
            if len(self._tags) >= TAGS_MAX:
                raise ValueError(f"more than {TAGS_MAX} tags in one recording")
            tag = self._tags[epc] = Tag(epc, tid_of(len(self._tags)))
        return tag


@dataclass(slots=True)
class Field:
    """The tags that an operation can reach, found by what their memory says now; a written EPC is found as written."""

    tags: Sequence[Tag]

    def matching(self, bank: Bank, bit_pointer: int, mask: bytes, bits: int, *, match: bool = True) -> list[Tag]:
        """Tags whose `bank` from `bit_pointer` has the first `bits` of `mask`; or has not, with `match` False."""
        return [tag for tag in self.tags if masked(tag, bank, bit_pointer, mask, bits) is match]

    def find(self, epc: bytes) -> Tag | None:
        return next((tag for tag in self.tags if tag.epc == epc), None)


def masked(tag: Tag, bank: Bank, bit_pointer: int, mask: bytes, bits: int) -> bool:
    """As a Gen2 Select compares; memory that is not there never matches."""
    data = tag.bank(bank)
    beyond = 8 * len(data) - bit_pointer - bits
    if beyond < 0:
        return False
    found = int.from_bytes(data, "big") >> beyond & ((1 << bits) - 1)
    return found == int.from_bytes(mask, "big") >> (8 * len(mask) - bits)


def tid_of(number: int) -> bytes:
    """96 bits, class E2, a maker's code, and a serial number (GS1 EPC Tag Data Standard, 16.2)."""
    return bytes.fromhex("e2801160") + number.to_bytes(8, "big")


def listed(codes: Iterable[bytes]) -> list[Tag]:
    return [Tag(code, tid_of(number)) for number, code in enumerate(codes)]


def sgtin_tags(count: int, seed: int = 1, gtins: Sequence[str] = (), company_prefix_digits: int = 7) -> list[Tag]:
    """SGTIN-96 labels. Without `gtins`, one GTIN for about 20 tags under the company prefix 0614141.

    Raises `identity.epc.errors.EpcError` for a GTIN that is none, ValueError for a count above `TAGS_MAX`.
    """
    if not 0 <= count <= TAGS_MAX:
        raise ValueError(f"{count} tags, a field takes 0 to {TAGS_MAX}")
    luck = chance(f"tags-{seed}")
    if gtins:
        prefixes = [
            epcs.encode("sgtin-96", {"01": gtin, "21": "0"}, company_prefix_digits=company_prefix_digits)
            for gtin in gtins
        ]
    else:
        items = luck.sample(range(100_000), count // 20 + 1)
        prefixes = [epcs.encode_tag_uri(f"urn:epc:tag:sgtin-96:1.0614141.0{item:05d}.0") for item in items]
    serials = luck.sample(range(1, 1 << 38), count)
    codes = (
        (int.from_bytes(prefixes[at % len(prefixes)], "big") | serial).to_bytes(12, "big")
        for at, serial in enumerate(serials)
    )
    return listed(codes)
