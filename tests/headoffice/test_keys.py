"""Which key a store's next log must be signed with: the one before, unless a person has enrolled another."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from typer.testing import CliRunner

from headoffice import keys, keys_cli, own
from headoffice.errors import ConfigError, Damaged
from headoffice.ingest import Gap, Ingest
from headoffice.storages import open_storage
from headoffice.storing import Batch, Storage
from tests.headoffice.logs import KEY, OTHER_KEY, Log

FIRST, SECOND = (one.public_key().public_bytes_raw().hex() for one in (KEY, OTHER_KEY))


def grown(parent: Log) -> Log:
    return Log("L2", key=OTHER_KEY).open([], parent.end()).receive_many(3)


def take(storage: Storage, log: Log) -> list[str]:
    """Codes of what was refused; the rest is stored."""
    position, key = storage.position("S1") or (None, None)
    engine = Ingest(
        "S1", position=position, key=key, hash_at=storage.hash_at("S1"), knows=storage.knows("S1"),
        enrolled=lambda: keys.newest(storage.database, "S1"),
    )  # fmt: skip
    outcome, batch = engine.receive(log.message(1, log.head)), Batch("S1", position)
    batch.add(outcome, engine.position, engine.key)
    storage.save([batch] if outcome.accepted else [], 0)
    return [one.code for one in outcome.refusals]


def test_a_store_that_is_enrolled_before_it_comes_is_not_just_believed(target: str) -> None:
    with closing(open_storage(target)) as storage:
        keys.enrol(storage.database, "S1", SECOND, 5)
        assert take(storage, Log().open().receive_many(3))[0] == "key"
        assert storage.position("S1") is None
        assert take(storage, Log("L9", key=OTHER_KEY).open().receive_many(3)) == []
        own.check(storage, "S1", deep=True)


def test_a_store_that_has_lost_its_key_begins_a_log_with_another_once_it_is_enrolled(target: str) -> None:
    old = Log().open().receive_many(3)
    old.checkpoint()
    new = grown(old)
    new.checkpoint()
    with closing(open_storage(target)) as storage:
        assert take(storage, old) == []
        assert take(storage, new)[0] == "key"
        keys.enrol(storage.database, "S1", SECOND, 5)
        old.checkpoint()
        assert take(storage, old) == [], "the log that is followed keeps its key"
        own.check(storage, "S1", deep=True)
        new = grown(old)
        new.checkpoint()
        assert take(storage, new) == []
        own.check(storage, "S1", deep=True)
        assert [(one.key, one.followed, one.next) for one in keys.known(storage.database)] == [
            (SECOND, True, True),
            (FIRST, False, False),
        ]


def test_a_refused_log_is_asked_for_again_and_taken_in_once_its_key_is_enrolled() -> None:
    said: list[str] = []
    old = Log().open().receive_many(3)
    new = grown(old)
    engine = Ingest("S1", enrolled=lambda: said[-1] if said else None)
    engine.receive(old.message(1, old.head))
    assert engine.receive(new.message(1, new.head)).refusals[0].code == "key"
    said.append(SECOND)
    assert engine.heard("L2", new.head) == Gap("L2", 1)
    assert len(engine.receive(new.message(1, new.head)).accepted) == new.head
    assert engine.key == SECOND


def test_the_newest_key_counts_and_may_be_an_old_one_again(target: str) -> None:
    with closing(open_storage(target)) as storage:
        for at, key in enumerate((FIRST, SECOND, FIRST), start=1):
            keys.enrol(storage.database, "S1", key, at)
            assert keys.newest(storage.database, "S1") == key
        assert keys.newest(storage.database, "S2") is None


def test_a_log_of_a_key_that_nobody_knows_is_damage(target: str) -> None:
    with closing(open_storage(target)) as storage:
        assert take(storage, Log().open().receive_many(3)) == []
        storage.database.write("UPDATE position SET key = ?", (SECOND,))
        with pytest.raises(Damaged, match="event 1: is signed with the key"):
            own.check(storage, "S1")


@pytest.mark.parametrize("key", ["", FIRST.upper(), FIRST[:-1], FIRST + "\n", "정체"])
def test_what_is_no_key_is_refused(target: str, key: str) -> None:
    with closing(open_storage(target)) as storage, pytest.raises(ConfigError) as caught:
        keys.enrol(storage.database, "S1", key, 5)
    assert "64 hexadecimal digits" in caught.value.hint


def test_the_command_line(target: str) -> None:
    run = CliRunner().invoke
    assert run(keys_cli.app, ["enrol", "S1", SECOND, "--db", target]).exit_code == 0
    [found] = [json.loads(line) for line in run(keys_cli.app, ["list", "--db", target, "--json"]).stdout.splitlines()]
    assert (found["store"], found["key"], found["followed"], found["next"]) == ("S1", SECOND, False, True)
    assert f"{SECOND} next" in run(keys_cli.app, ["list", "--db", target]).stdout
    assert run(keys_cli.app, ["list", "--db", target, "--store", "S2"]).stdout == ""
    for wrong in (["S 1", SECOND], ["S1", "abc"]):
        assert run(keys_cli.app, ["enrol", *wrong, "--db", target]).exit_code == 78
