"""SQLite over a disk that forgets: a VFS that writes down what SQLite does with files, and apsw dressed as sqlite3.

Files lie in a real folder, where locks and shared memory are the system's own. Only what would reach the platter is
written down: what SQLite's own VFS for Unix syncs, and nothing else; and what the ledger itself does with names and
syncs, `recorded`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from tests.power.disk import Disk

_SYNCS_ITS_FOLDER = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL


class RecordingVFS(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self.name = f"power-{id(self)}"
        self.disk = disk
        self.written: set[str] = set()
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  SQLite's names
        opened = _File(self.disk, name, flags)
        self.written |= opened.names
        return opened

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802
        super().xDelete(name, False)
        self.disk.remove(Path(name).name)
        if sync_folder:
            self.disk.sync_folder()


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        wanted = flags[0]
        # os_unix.c, unixOpen: the first sync of a journal or log that may be new syncs the folder too.
        self._new = bool(wanted & apsw.SQLITE_OPEN_CREATE and wanted & _SYNCS_ITS_FOLDER)
        self._disk = disk
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.names = set[str]() if path is None else {Path(path).name}
        # A file without a name is SQLite's scratch: it is gone after a cut, whatever it held.
        self._file = None if path is None else disk.open(Path(path).name)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        if self._file is not None:
            self._disk.write(self._file, offset, bytes(data))

    def xTruncate(self, size_bytes: int) -> None:  # noqa: N802
        super().xTruncate(size_bytes)
        if self._file is not None:
            self._disk.truncate(self._file, size_bytes)

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._file is not None:
            self._disk.sync(self._file)
            if self._new:
                self._disk.sync_folder()
                self._new = False


@contextmanager
def recorded(folder: Path, vfs: RecordingVFS) -> Generator[None]:
    """Writes down what this process does in the folder beside SQLite: syncs, new names, names that go, and what stands
    in a file that SQLite does not write, when it is synced or renamed."""
    real, disk = (os.fsync, os.replace, os.unlink), vfs.disk
    known = {path.name: path.read_bytes() for path in folder.iterdir()}

    def content(path: Path) -> int:
        number, data = disk.open(path.name), path.read_bytes()
        if path.name not in vfs.written and known.get(path.name) != data:
            known[path.name] = data
            disk.truncate(number, 0)
            disk.write(number, 0, data)
        return number

    def fsync(handle: int) -> None:
        real[0](handle)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path == folder:
            disk.sync_folder()
        elif path.parent == folder:
            disk.sync(content(path))

    def replace(name: Any, to: Any) -> None:
        if Path(name).parent == folder:
            content(Path(name))
            disk.rename(Path(name).name, Path(to).name)
            known[Path(to).name] = known.pop(Path(name).name, b"")
        real[1](name, to)

    def unlink(name: Any) -> None:
        real[2](name)
        if Path(name).parent == folder:
            disk.remove(Path(name).name)

    os.fsync, os.replace, os.unlink = fsync, replace, unlink  # type: ignore[assignment]
    try:
        yield
    finally:
        os.fsync, os.replace, os.unlink = real  # type: ignore[assignment]


class Cursor:
    def __init__(self, rows: list[tuple[Any, ...]], columns: tuple[Any, ...], rowcount: int, lastrowid: int) -> None:
        self._rows = iter(rows)
        self.description = columns
        self.rowcount, self.lastrowid = rowcount, lastrowid

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)


class Connection:
    """What the ledger and its migrations use of `sqlite3.Connection`, in autocommit.

    `synchronous`, where given, is what the connection does instead of FULL.
    """

    def __init__(self, path: Path, vfs: RecordingVFS, synchronous: str | None = None) -> None:
        self._apsw = apsw.Connection(str(path), vfs=vfs.name)
        self._synchronous = synchronous

    @property
    def in_transaction(self) -> bool:
        return self._apsw.in_transaction

    def close(self) -> None:
        self._apsw.close()

    def execute(self, statement: str, values: Any = ()) -> Cursor:
        if self._synchronous is not None:
            statement = statement.replace("synchronous = FULL", f"synchronous = {self._synchronous}")
        return self._run(lambda cursor: cursor.execute(statement, values))

    def executemany(self, statement: str, rows: Iterable[Any]) -> Cursor:
        return self._run(lambda cursor: cursor.executemany(statement, rows))

    def _run(self, act: Callable[[apsw.Cursor], Any]) -> Cursor:
        columns: list[tuple[Any, ...]] = [()]

        def traced(one: apsw.Cursor, _statement: str, _values: Any) -> bool:
            columns[0] = tuple(one.get_description())
            return True

        cursor = self._apsw.cursor()
        cursor.exec_trace = traced
        try:
            rows = list(act(cursor))
        except apsw.Error as error:
            raise _translated(error) from error
        return Cursor(rows, columns[0], self._apsw.changes(), self._apsw.last_insert_rowid())


def _translated(error: apsw.Error) -> sqlite3.DatabaseError:
    kind = sqlite3.OperationalError
    if isinstance(error, apsw.ConstraintError):
        kind = sqlite3.IntegrityError
    elif isinstance(error, apsw.CorruptError | apsw.NotADBError):
        kind = sqlite3.DatabaseError
    meant = kind(str(error))
    meant.sqlite_errorcode = getattr(error, "extendedresult", 0)
    return meant
