"""A disk with a write cache that forgets, served to QEMU over NBD (fixed newstyle, the protocol's doc/proto.md).

A machine that is killed still leaves to its host's page cache what its kernel gave to the disk, flushed or not. This
disk keeps writes in memory until the guest says FLUSH (or FUA) and forgets them when the power is cut: all of them, or
each sector with a chance, as a drive without capacitors may.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import BinaryIO, NamedTuple

SECTOR = 512
_MAGIC, _OPTION, _REPLY = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9
_EXPORT_NAME, _ABORT, _INFO, _GO = 1, 2, 6, 7
_READ, _WRITE, _LEAVE, _FLUSH = 0, 1, 2, 3
_ACK, _INFORMATION, _UNSUPPORTED = 1, 3, 0x80000001
_FLAGS = 1 | 4 | 8  # has flags, takes FLUSH, takes FUA
_REQUESTED, _ANSWERED = 0x25609513, 0x67446698


class Cut(NamedTuple):
    """At the FLUSH with this number; each unflushed sector survives with the chance `keep`."""

    flush: int
    keep: float
    chance: Random


class ForgetfulDisk:
    """`lies`: it says yes to FLUSH and keeps all in its cache: whatever relies on it loses."""

    def __init__(self, path: Path, *, lies: bool = False) -> None:
        self._lies = lies
        self.size = path.stat().st_size
        self.flushes = self.lost_sectors = self.kept_sectors = 0
        self.tripped = threading.Event()
        self._file = os.open(path, os.O_RDWR)
        self._cache: dict[int, bytes] = {}  # by sector
        self._cut: Cut | None = None
        self._dead = False
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._folder = tempfile.mkdtemp(prefix="jaego-nbd-")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{self._folder}/socket")
        self._listener.listen(4)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def place(self) -> str:
        return f"nbd:unix:{self._folder}/socket"

    def cut_at(self, flush: int, keep: float, chance: Random) -> None:
        """As the FLUSH with this number from now on arrives, before it is done: then `tripped` is set, and nothing is
        answered any more. Kill the machine, then `close`."""
        with self._lock:
            self._cut = Cut(self.flushes + flush, keep, chance)

    def close(self) -> None:
        with self._lock:
            self._dead = True
            os.close(self._file)
        self._closed.set()
        self._listener.close()
        shutil.rmtree(self._folder)

    def _read(self, offset: int, length: int) -> bytes:
        data = bytearray(os.pread(self._file, length, offset))
        for number in range(offset // SECTOR, (offset + length) // SECTOR):
            if number in self._cache:
                at = number * SECTOR - offset
                data[at : at + SECTOR] = self._cache[number]
        return bytes(data)

    def _write(self, offset: int, data: bytes, *, through: bool) -> None:
        for at in range(0, len(data), SECTOR):
            self._cache[(offset + at) // SECTOR] = data[at : at + SECTOR]
        if through and not self._lies:
            for at in range(0, len(data), SECTOR):
                self._cache.pop((offset + at) // SECTOR)
            os.pwrite(self._file, data, offset)

    def _flush(self) -> None:
        self.flushes += 1
        keep, chance = 1.0, Random()
        cut = self._cut is not None and self.flushes >= self._cut.flush
        if self._lies and not cut:
            return
        if cut and self._cut is not None:
            keep, chance = self._cut.keep, self._cut.chance
        for number, data in self._cache.items():
            if not cut or chance.random() < keep:
                os.pwrite(self._file, data, number * SECTOR)
                self.kept_sectors += cut
            else:
                self.lost_sectors += 1
        self._cache.clear()
        if cut:
            self._dead = True
            self.tripped.set()

    # -- the wire ---------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._client, args=(connection,), daemon=True).start()

    def _client(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, suppress(EOFError, OSError):
            if self._agree(connection, stream):
                while self._request(connection, stream):
                    pass

    def _agree(self, connection: socket.socket, stream: BinaryIO) -> bool:
        connection.sendall(struct.pack(">QQH", _MAGIC, _OPTION, 3))
        _need(stream, 4)
        while True:
            _, option, length = struct.unpack(">QII", _need(stream, 16))
            _need(stream, length)
            if option == _EXPORT_NAME:
                connection.sendall(struct.pack(">QH", self.size, _FLAGS))
                return True
            if option == _ABORT:
                return False
            if option in {_INFO, _GO}:
                export = struct.pack(">HQH", 0, self.size, _FLAGS)
                sizes = struct.pack(">HIII", 3, SECTOR, 4096, 1 << 25)
                for kind, body in ((_INFORMATION, export), (_INFORMATION, sizes), (_ACK, b"")):
                    connection.sendall(struct.pack(">QIII", _REPLY, option, kind, len(body)) + body)
                if option == _GO:
                    return True
            else:
                connection.sendall(struct.pack(">QIII", _REPLY, option, _UNSUPPORTED, 0))

    def _request(self, connection: socket.socket, stream: BinaryIO) -> bool:
        magic, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", _need(stream, 28))
        if magic != _REQUESTED or kind == _LEAVE:
            return False
        body = _need(stream, length) if kind == _WRITE else b""
        answer = b""
        with self._lock:
            if not self._dead:
                if kind == _READ:
                    answer = self._read(offset, length)
                elif kind == _WRITE:
                    self._write(offset, body, through=bool(flags & 1))
                elif kind == _FLUSH:
                    self._flush()
            dead = self._dead
        if dead:
            self._closed.wait()  # an error would be an answer
            return False
        connection.sendall(struct.pack(">IIQ", _ANSWERED, 0, handle) + answer)
        return True


def _need(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data
