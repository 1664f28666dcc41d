"""The drop folder: files of sales that a point of sale puts down, each transaction booked once, come what may.

A file is read when it has not changed for some seconds. Its transactions are booked, then the event that says so, then
the file goes to `done`, or to `refused` with a report beside it when a part of it could not be taken. Whatever ends the
agent in between, the file is read again: what was booked is known by its id, and the file by its hash.
"""

from __future__ import annotations

import codecs
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from agent.capture.office import Office
from agent.capture.sales_rows import LINE_CHARACTERS_MAX, FileRefused, Group, read_sales
from agent.clock import Clock
from agent.errors import LedgerError
from agent.ledger.transaction import Transaction as Ledgered
from agent.operations import sales
from agent.operations.books import Record
from agent.operations.transactions import Taken, Transaction
from agent.operations.values import Context, Draft, Outcome

LOOK_S = 2.0
FILES_A_LOOK_MAX = 1_000
FILE_BYTES_MAX = 1 << 30
CHUNK_BYTES = 1 << 20
BATCH_TRANSACTIONS = 100
WRITE_S_MAX = 60.0
REPORTED_MAX = 1_000  # rows in a report
NAME_MAX = 200
DAY_NS = 86_400 * 1_000_000_000
_Tries = dict[str, codecs.IncrementalDecoder]


class Sells(Protocol):
    def submit(self, one: Transaction, done: Callable[[Taken | None, Exception | None], None], /) -> None: ...


class _Seen(NamedTuple):
    size_bytes: int
    changed_ns: int
    since_ns: int


@dataclass(slots=True)
class Progress:
    """What is read now; `name` is empty between files."""

    name: str = ""
    bytes_read: int = 0
    bytes_all: int = 0


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    taken: int = 0
    known: int = 0
    refused: int = 0
    report: list[str] = field(default_factory=list[str])

    def count(self, group: Group, taken: Taken) -> None:
        self.rows = max(self.rows, group.last - 1)
        if taken.status in {"taken", "known"}:
            setattr(self, taken.status, getattr(self, taken.status) + 1)
            return
        self.refused += 1
        if self.refused <= REPORTED_MAX:
            rows = f"line {group.first}" if group.first == group.last else f"lines {group.first} to {group.last}"
            self.report.append(f"{rows}: {taken.transaction or '-'}: {taken.reason}: {taken.hint}")


class SalesFiles(threading.Thread):
    """`look` is what the thread does every two seconds; a file that cannot be read stops no other."""

    def __init__(
        self,
        folder: Path,
        *,
        sells: Sells,
        office: Office,
        clock: Clock,
        zone: tzinfo,
        settle_s: float,
        keep_days: int,
        say: Callable[[str, str], None],
        on_failure: Callable[[BaseException], None] = lambda _error: None,
    ) -> None:
        super().__init__(name="sales-files", daemon=True)
        self._folder = folder
        self._sells = sells
        self._office = office
        self._clock = clock
        self._zone = zone
        self._settle_ns = int(settle_s * 1_000_000_000)
        self._keep_ns = keep_days * DAY_NS
        self._say = say
        self._on_failure = on_failure
        self._seen: dict[str, _Seen] = {}
        self._trouble = ""
        self._stopping = threading.Event()
        self.progress = Progress()

    def stop(self) -> None:
        """It ends within a batch; what is left of a file is read at the next start."""
        self._stopping.set()
        if self.is_alive():
            self.join(WRITE_S_MAX)

    def run(self) -> None:
        try:
            while not self._stopping.wait(LOOK_S):
                self.look()
        except BaseException as error:  # noqa: BLE001  a bug here ends the process, it does not end in silence
            self._on_failure(error)

    def look(self) -> None:
        """Take in what lies in the folder and is complete."""
        try:
            for name in ("done", "refused"):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
            troubles = [trouble for path in self._complete() if (trouble := self._tried(path))]
            self._forget_old()
        except OSError as error:
            troubles = [f"the folder cannot be used: {error}"]
        self._told("; ".join(troubles[:3]))

    def _tried(self, path: Path) -> str:
        """Take one; what keeps it waiting, if anything does. It is tried again at the next look."""
        try:
            if not self._stopping.is_set():
                self._take(path)
        except (OSError, LedgerError) as error:
            return f"{path.name} waits: {error}"
        return ""

    def _told(self, trouble: str) -> None:
        """An outage is said when it begins and when it ends."""
        if trouble != self._trouble:
            self._say("sales files", trouble or "sales files are read again")
            self._trouble = trouble

    def _complete(self) -> list[Path]:
        now_ns, found, complete = self._clock.now().monotonic_ns, dict[str, _Seen](), list[Path]()
        for path in sorted(self._folder.iterdir())[:FILES_A_LOOK_MAX]:
            if path.suffix.lower() != ".csv" or path.name.startswith((".", "~")) or not path.is_file():
                continue
            state = path.stat()
            before = self._seen.get(path.name)
            same = before is not None and before[:2] == (state.st_size, state.st_mtime_ns)
            since_ns = before.since_ns if before is not None and same else now_ns
            found[path.name] = _Seen(state.st_size, state.st_mtime_ns, since_ns)
            if same and now_ns - since_ns >= self._settle_ns:
                complete.append(path)
        self._seen = found
        return complete

    # -- one file ----------------------------------------------------------------------------------------------------

    def _take(self, path: Path) -> None:
        try:
            name, coding = _measure(path)
        except FileRefused as error:
            self._refuse(path, str(error))
            return
        known: Record | None = self._do(lambda tx, _context: Outcome(result=tx.books.get(sales.FILES, name)))
        if known is not None:
            self._put_away(path, [f"this very file was read before, as {known['name']}"] if known["refused"] else [])
            return
        tally = _Tally()
        self.progress = Progress(path.name, 0, path.stat().st_size)
        try:
            self._book(path, coding, tally)
        except FileRefused as error:
            self._refuse(path, str(error))
            return
        finally:
            self.progress = Progress()
        if self._stopping.is_set():
            return
        data = {"kind": "sales_file_taken", "name": _printable(path.name), "hash": name}
        data |= {one: getattr(tally, one) for one in ("rows", "taken", "known", "refused")}
        self._report(path, tally)
        self._do(lambda _tx, context: Outcome((_event("journal", data, context),)))
        self._put_away(path, tally.report)
        self._say("sales files", f"{path.name}: {tally.taken} taken, {tally.known} known, {tally.refused} refused")

    def _book(self, path: Path, coding: str, tally: _Tally) -> None:
        batch: list[Group] = []
        for group in read_sales(self._lines(path, coding), self._zone):
            batch.append(group)
            if len(batch) == BATCH_TRANSACTIONS:
                self._write(batch, tally)
                batch = []
                if self._stopping.is_set():
                    return
        self._write(batch, tally)

    def _lines(self, path: Path, coding: str) -> Iterator[str]:
        with path.open(encoding=coding, errors="strict", newline="") as file:
            while line := file.readline(LINE_CHARACTERS_MAX + 2):
                self.progress.bytes_read += len(line)  # of characters: near enough for a bar
                rest = line
                while rest and not rest.endswith("\n") and len(line) > LINE_CHARACTERS_MAX:
                    rest = file.readline(CHUNK_BYTES)  # of a row that is refused for its length
                yield line

    def _write(self, batch: list[Group], tally: _Tally) -> None:
        """Hand over a batch, and wait until all of it is durable."""
        results: list[Any] = [None] * len(batch)
        left, settled = [sum(isinstance(one.found, Transaction) for one in batch)], threading.Event()

        def done(at: int, taken: Taken | None, error: Exception | None) -> None:
            results[at] = taken or error
            left[0] -= 1
            if not left[0]:
                settled.set()

        if not left[0]:
            settled.set()
        for at, group in enumerate(batch):
            if isinstance(group.found, Taken):
                results[at] = group.found
            else:
                self._sells.submit(group.found, partial(done, at))
        if not settled.wait(WRITE_S_MAX):
            raise LedgerError(f"no commit within {WRITE_S_MAX:.0f} s", hint="the disk is too slow or stuck")
        for group, taken in zip(batch, results, strict=True):
            if isinstance(taken, Exception):
                raise taken
            tally.count(group, taken)

    # -- where it goes ------------------------------------------------------------------------------------------------

    def _refuse(self, path: Path, why: str) -> None:
        """Nothing of it can be read: a person looks at it, with the entry in the tray."""
        data = {"kind": "file_refused", "reason": "sales_file", "detail": f"{_printable(path.name)}: {why}"[:1000]}
        self._do(lambda _tx, context: Outcome((_event("exception", data, context),)))
        tally = _Tally(report=[why])
        self._report(path, tally)
        self._put_away(path, tally.report)
        self._say("sales files", f"{path.name} is refused: {why}")

    def _report(self, path: Path, tally: _Tally) -> None:
        if tally.report:
            head = f"{tally.taken} transactions taken, {tally.known} known from before, {tally.refused} refused."
            more = [f"and {tally.refused - REPORTED_MAX} more"] if tally.refused > REPORTED_MAX else []
            text = "\n".join(
                [head, "Mend these rows and put the file down again: all others are known.", *tally.report]
            )
            self._free_name(path, "refused").with_suffix(".csv.txt").write_text("\n".join([text, *more, ""]), "utf-8")

    def _put_away(self, path: Path, report: list[str]) -> None:
        target = self._free_name(path, "refused" if report else "done")
        note = target.with_suffix(".csv.txt")
        if report and not note.exists():
            note.write_text("\n".join([*report, ""]), "utf-8")
        path.rename(target)

    def _free_name(self, path: Path, folder: str) -> Path:
        """A name that no file has there yet."""
        stem, number = path.stem[:NAME_MAX], 1
        target = self._folder / folder / f"{stem}.csv"
        while target.exists():
            number += 1
            target = target.with_name(f"{stem}-{number}.csv")
        return target

    def _forget_old(self) -> None:
        """What was taken stays for a while, then the ledger alone has it."""
        now_ns = self._clock.now().wall_us * 1_000
        for path in list((self._folder / "done").iterdir())[:FILES_A_LOOK_MAX]:
            if self._clock.state() == "synced" and now_ns - path.stat().st_mtime_ns > self._keep_ns:
                path.unlink(missing_ok=True)

    def _do(self, operation: Callable[[Ledgered, Context], Outcome]) -> Any:
        held: list[Any] = []
        settled = threading.Event()

        def done(result: Any, error: Exception | None) -> None:
            held.append(error or result)
            settled.set()

        self._office.submit(operation, done)
        if not settled.wait(WRITE_S_MAX):
            raise LedgerError(f"no commit within {WRITE_S_MAX:.0f} s", hint="the disk is too slow or stuck")
        if isinstance(held[0], Exception):
            raise held[0]
        return held[0].outcome.result


def _measure(path: Path) -> tuple[str, str]:
    """SHA-256 and coding of a file, in one pass. Raises `FileRefused`."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise FileRefused(f"it has more than {FILE_BYTES_MAX >> 20} MiB: cut it")
    sha = hashlib.sha256()
    tries: _Tries = {one: codecs.getincrementaldecoder(one)() for one in ("utf-8-sig", "cp949")}
    with path.open("rb") as file:
        head = file.read(2)
        file.seek(0)
        if head in {b"\xff\xfe", b"\xfe\xff"}:
            tries = {"utf-16": codecs.getincrementaldecoder("utf-16")()}
        while chunk := file.read(CHUNK_BYTES):
            sha.update(chunk)
            _try(tries, chunk)
        _try(tries, b"", final=True)
    if not tries:
        raise FileRefused("it is neither UTF-8 nor CP949 nor UTF-16 with its mark")
    return sha.hexdigest(), next(iter(tries))


def _try(tries: _Tries, chunk: bytes, *, final: bool = False) -> None:
    for coding, decoder in list(tries.items()):
        try:
            decoder.decode(chunk, final)
        except UnicodeDecodeError:
            del tries[coding]


def _event(kind: Any, data: dict[str, Any], context: Context) -> Draft:
    return Draft(kind, data, {}, context.occurred_us, context.clock)


def _printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode()[:255]
