"""Checkpoints: when they are written, and what a log that was written anew looks like."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import LedgerCorrupt, LedgerFull, LedgerUnusable
from agent.ledger import files, keys, rebuild
from agent.ledger.checking import check_whole
from agent.ledger.checkpoints import Rule, due
from agent.ledger.log import Ledger, Limits, ticking
from agent.ledger.proofs import proof
from agent.ledger.reader import Reader, projected, verify
from contract.chain import ChainError, Sealed, seal
from contract.events import EVENT
from tests.agent.clocks import FakeClock
from tests.agent.ledger.test_ledger import SEOUL, append, movement
from tests.contract.tampering import HOW, How, tampered

PLACES = (12, 23, 34, 38)  # of the checkpoints in `signed_log`
HOUR_NS = 3_600 * 10**9
PAGE = Path(__file__).parents[3] / "docs" / "proof.md"


def open_ledger(folder: Path, events: int = 10, clock: FakeClock | None = None, **parts: Any) -> Ledger:
    ledger = Ledger(folder, store="S1", clock=clock or FakeClock(), stamper=SEOUL, rule=Rule(events, 3_600), **parts)
    ledger.start()
    return ledger


def signed(folder: Path) -> list[int]:
    with closing(Reader(folder)) as reader:
        return [seq for seq, _kind, body in reader.all_events() if files.parse(body)["data"]["kind"] == "checkpoint"]


@pytest.mark.parametrize(
    ("unsigned", "waited_ns", "ending", "expected"),
    [
        (0, 9 * HOUR_NS, False, False),
        (0, 0, True, False),
        (1, HOUR_NS - 1, False, False),
        (1, HOUR_NS, False, True),
        (9, 0, False, False),
        (10, 0, False, True),
        (1, 0, True, True),
    ],
)
def test_due(unsigned: int, waited_ns: int, ending: bool, expected: bool) -> None:
    assert due(Rule(10, 3_600), unsigned, waited_ns, ending=ending) is expected


def test_the_log_is_signed_after_so_many_events_and_at_a_clean_stop(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    for _ in range(23):
        append(ledger, movement())
    ledger.close()
    assert signed(tmp_path) == [12, 23, 27]
    with closing(Reader(tmp_path)) as reader:
        assert verify(reader, known=keys.known(tmp_path))["signed"] == reader.head() == ledger.head == 27
        event = reader.newest(1)[0]
        EVENT.validate_python(event)
        assert (event["data"]["upto"], event["data"]["hash"]) == (26, reader.hash_of(26))
    with closing(sqlite3.connect(tmp_path / files.DATABASE, isolation_level=None)) as connection:
        before = projected(connection)
        assert rebuild.rebuild(connection) == before


def test_a_restart_goes_on_counting_and_signs_nothing_twice(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, limits=Limits(group_max=1))
    for _ in range(4):
        append(ledger, movement())
    ledger.close()
    open_ledger(tmp_path).close()
    assert signed(tmp_path) == [6]
    ledger = open_ledger(tmp_path)
    for _ in range(10):
        append(ledger, movement())
    assert ledger.head == 17
    ledger.close()
    assert signed(tmp_path) == [6, 17]


@pytest.mark.parametrize(("before", "after", "place"), [(30, 1, 33), (4, 6, 12), (4, 5, None)])
def test_what_was_written_without_a_signature_counts_at_the_next_start(
    tmp_path: Path, before: int, after: int, place: int | None
) -> None:
    """As a log from before checkpoints, or an agent that was killed, leaves it."""
    old = Ledger(tmp_path, store="S1", clock=FakeClock(), stamper=SEOUL)
    old.start()
    append(old, *[movement() for _ in range(before)])
    old.close()
    assert signed(tmp_path) == []
    ledger = open_ledger(tmp_path)
    append(ledger, *[movement() for _ in range(after)])
    assert signed(tmp_path) == ([place] if place else [])
    ledger.close()


def test_an_hour_ends_without_anything_to_write(tmp_path: Path) -> None:
    clock = FakeClock()
    ledger = open_ledger(tmp_path, clock=clock)
    append(ledger, movement())
    for seconds, head in ((3_599, 2), (1, 3), (7_200, 3)):
        clock.advance(seconds)
        ledger.tick()
        ledger.call(lambda _tx: None)
        assert ledger.head == head
    ledger.close()
    assert signed(tmp_path) == [3]


def test_a_checkpoint_that_a_full_disk_took_back_comes_again(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, 10)

    def fill(tx: Any) -> None:
        (pages,) = tx.execute("PRAGMA page_count").fetchone()
        tx.execute(f"PRAGMA max_page_count = {pages}")

    append(ledger, *[movement() for _ in range(8)])
    ledger.call(fill)
    with pytest.raises(LedgerFull):
        append(ledger, *[movement() for _ in range(500)])
    ledger.call(lambda tx: tx.execute("PRAGMA max_page_count = 1000000").fetchall())
    for head in (10, 12):
        append(ledger, movement())
        assert ledger.head == head
    ledger.close()
    assert signed(tmp_path) == [12]


@pytest.mark.parametrize("content", [None, bytes(32)])
def test_without_its_key_the_store_goes_on_unsigned_and_says_so(tmp_path: Path, content: bytes | None) -> None:
    open_ledger(tmp_path).close()
    key = tmp_path / files.KEY
    key.unlink() if content is None else key.write_bytes(content)
    ledger = open_ledger(tmp_path)
    assert isinstance(ledger.unsigned, LedgerUnusable)
    assert ledger.unsigned.hint
    append(ledger, *[movement() for _ in range(30)])
    ledger.close()
    assert signed(tmp_path) == []
    assert key.exists() is (content is not None), "a key made anew would not be the log's"


def test_while_the_agent_runs_it_ticks_and_says_what_is_missing(tmp_path: Path) -> None:
    clock, said = FakeClock(), list[tuple[str, str, str, int]]()

    def say(subject: str, text: str, *, hint: str, level: int) -> None:
        said.append((subject, text, hint, level))

    async def turn(ledger: Ledger) -> None:
        task = asyncio.create_task(ticking(ledger, say))
        await asyncio.sleep(0)
        task.cancel()
        ledger.call(lambda _tx: None)

    ledger = open_ledger(tmp_path, clock=clock)
    append(ledger, movement())
    asyncio.run(turn(ledger))
    assert ledger.head == 2
    clock.advance(3_600)
    asyncio.run(turn(ledger))
    assert (ledger.head, said) == (3, [])
    ledger.close()
    (tmp_path / files.KEY).unlink()
    ledger = open_ledger(tmp_path, clock=clock)
    asyncio.run(turn(ledger))
    ledger.close()
    [(subject, text, hint, level)] = said
    assert (subject, level, bool(hint)) == ("checkpoints", 3, True)
    assert files.KEY in text


def test_who_signs_everything_anew_has_another_key(tmp_path: Path) -> None:
    for name in ("store", "thief"):
        (tmp_path / name).mkdir()
        open_ledger(tmp_path / name).close()
    with closing(Reader(tmp_path / "thief")) as reader:
        assert verify(reader)["signed"] == 1
        with pytest.raises(ChainError) as caught:
            verify(reader, known=keys.known(tmp_path / "store"))
    assert caught.value.code == "key"


@pytest.fixture(scope="module")
def signed_log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    folder = tmp_path_factory.mktemp("log")
    ledger = open_ledger(folder)
    for number in range(33):
        append(ledger, movement(number + 1))
    ledger.close()
    with closing(Reader(folder)) as reader:
        assert tuple(signed(folder)) == PLACES
        return folder, [body for _seq, _kind, body in reader.all_events()]


@given(st.sampled_from(HOW), st.integers(2, 35), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_tampered_file_is_noticed_and_located(
    signed_log: tuple[Path, list[bytes]], how: How, at: int, anew: bool, bent: bool
) -> None:
    folder, bodies = signed_log
    with closing(sqlite3.connect(folder / files.DATABASE, isolation_level=None)) as connection:
        events = tampered(bodies, how, at, anew=anew, bent=bent)
        _write(connection, events)
    with closing(Reader(folder)) as reader, pytest.raises(ChainError) as caught:
        verify(reader, known=keys.known(folder))
    with pytest.raises(LedgerCorrupt, match=re.escape(str(caught.value))):
        check_whole(folder)  # what the agent does beside its work
    named = [int(number) for number in re.findall(r"event (\d+)", str(caught.value))]
    if not anew:
        assert named[0] in {at, at + 1}
        return
    own = how == "change" and at in PLACES  # a checkpoint's own envelope is sealed by the next one
    left = [one.seq for one in events if b'"kind":"checkpoint"' in one.body and one.seq >= at + own]
    assert (caught.value.code, named[0]) == ("signature", left[0])
    assert named[-1] < at + own, "what it calls signed was not touched"


def _write(connection: sqlite3.Connection, events: list[Sealed]) -> None:
    """Who owns the file drops its triggers first."""
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("DELETE FROM event")
    for row, one in enumerate(events, start=1):
        connection.execute("INSERT INTO event (seq, type, body) VALUES (?, ?, ?)", (row, one.type, one.body))


def procedure() -> str:
    script = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]
    assert len(script.splitlines()) <= 20
    return script


def run(folder: Path, found: dict[str, Any], key: str, seq: int) -> subprocess.CompletedProcess[str]:
    (folder / "proof.json").write_bytes(orjson.dumps(found))
    (folder / "check.py").write_text(procedure(), "utf-8")
    command = [sys.executable, "-I", str(folder / "check.py"), str(folder / "proof.json"), key, str(seq)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_outsider_checks_a_proof(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append(ledger, *[movement(number, sku='우유 \u2028\t"') for number in range(1, 6)])
    ledger.close()
    with closing(Reader(tmp_path)) as reader:
        found, key = proof(reader, 3), files.read_key(tmp_path)[1]
        assert [one["seq"] for one in found["events"]] == [3, 4, 5, 6, 7]
        good = run(tmp_path, found, key, 3)
        assert (good.returncode, good.stderr) == (0, "")
        assert good.stdout.startswith("event 3 of store S1 stood in its log at 2025-09-07T")
        for spoil in range(6):
            assert run(tmp_path, _spoilt(found, spoil), key, 3).returncode != 0, spoil
        assert run(tmp_path, found, "00" * 32, 3).returncode != 0
        assert run(tmp_path, found, key, 4).returncode != 0


def _spoilt(found: dict[str, Any], how: int) -> dict[str, Any]:
    copy = orjson.loads(orjson.dumps(found))
    events = copy["events"]
    if how == 0:
        events[0]["data"]["lines"][0]["quantity"] += 1
    elif how == 1:
        del events[1]
    elif how == 2:
        events[1], events[2] = events[2], events[1]
    elif how == 3:
        del events[-1]
    elif how == 4:
        events[-1]["data"]["at"] = events[-1]["data"]["at"].replace("2", "3")
    else:
        copy["events"] = [orjson.loads(one.body) for one in _changed(events)]
    return copy


def _changed(events: list[dict[str, Any]]) -> list[Sealed]:
    """The first event changed, all hashes behind it made anew."""
    prev, made = events[0]["prev"], []
    events[0]["data"]["lines"][0]["quantity"] += 1
    for event in events:
        rest = {name: value for name, value in event.items() if name not in {"type", "data", "hash"}}
        made.append(seal(event["type"], event["data"], {**rest, "prev": prev}))
        prev = made[-1].hash
    return made


def test_what_is_not_signed_yet_or_not_there_is_said(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append(ledger, movement(), movement())
    with closing(Reader(tmp_path)) as reader:
        with pytest.raises(LedgerUnusable, match="not signed yet, nor are the 1 behind it"):
            proof(reader, 2)
        with pytest.raises(LedgerUnusable, match="no event 9: the log has 1 to 3"):
            proof(reader, 9)
    ledger.close()
