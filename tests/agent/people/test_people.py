"""The people's register: badges, PINs and their pauses, tokens, sessions, erasing, two processes at one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.operations.values import Clerk
from agent.people import People, PeopleError, Refused, pins
from agent.people.people import IDLE_US, LIFE_US, WRONG_PINS_FREE, WRONG_PINS_FREE_ADDRESS
from identity.control import parse
from tests.agent.clocks import FakeClock

HERE = "127.0.0.1"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def people(tmp_path: Path, clock: FakeClock) -> Iterator[People]:
    made = People(tmp_path, clock)
    yield made
    made.close()


def files(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(folder.iterdir()))


def test_a_badge_is_a_control_code_and_names_its_clerk(people: People) -> None:
    person, code = people.add("김민지", "clerk", "ko")
    badge = parse(code).argument
    assert badge is not None
    assert len(badge) == 12
    for text in (badge, code, code.lower(), f" {badge} "):
        assert people.by_badge(text) == Clerk(person.clerk, "clerk", "김민지")
    assert people.by_badge(badge[:-1]) is None
    assert people.by_badge(code[:-1] + ("0" if code[-1] != "0" else "1")) is None
    assert people.by_badge("") is None


def test_badge_and_pin_together_are_a_clerk(people: People) -> None:
    person, badge = people.add("A", "supervisor", "en", "2468")
    assert people.check(badge, "2468", HERE) == Clerk(person.clerk, "supervisor", "A")
    assert people.check(badge, "2469", HERE) == Refused("wrong")
    assert people.check("NOBODYSBADGE", "2468", HERE) == Refused("wrong")


def test_who_has_no_pin_cannot_use_one(people: People) -> None:
    _, badge = people.add("A", "clerk", "en")
    assert people.check(badge, "", HERE) == Refused("wrong")
    assert people.check(badge, "nobody's PIN", HERE) == Refused("wrong")


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "１２３４"])
def test_a_pin_is_digits(people: People, pin: str) -> None:
    with pytest.raises(PeopleError, match="no PIN"):
        people.add("A", "clerk", "en", pin)


def test_wrong_pins_cost_pauses_that_grow(people: People, clock: FakeClock) -> None:
    _, badge = people.add("A", "clerk", "en", "2468")
    for _ in range(WRONG_PINS_FREE):
        assert people.check(badge, "0000", HERE) == Refused("wrong")
    assert people.check(badge, "0000", HERE) == Refused("wrong")  # this one costs
    first = people.check(badge, "2468", HERE)
    assert isinstance(first, Refused)
    assert first.why == "wait"
    assert 29 <= first.wait_s <= 31
    clock.advance(31)
    assert people.check(badge, "0000", HERE) == Refused("wrong")
    second = people.check(badge, "2468", "192.0.2.1")  # from elsewhere it is the same clerk
    assert isinstance(second, Refused)
    assert 59 <= second.wait_s <= 61
    clock.advance(61)
    assert isinstance(people.check(badge, "2468", HERE), Clerk)
    assert people.check(badge, "0000", HERE) == Refused("wrong")  # all was forgiven
    assert isinstance(people.check(badge, "2468", HERE), Clerk)


def test_an_address_that_tries_many_badges_must_wait_too(people: People, clock: FakeClock) -> None:
    _, good = people.add("A", "clerk", "en", "2468")
    for number in range(WRONG_PINS_FREE_ADDRESS + 1):
        assert people.check(f"BADGE{number}", "0000", "192.0.2.1") == Refused("wrong")
    assert isinstance(people.check(good, "2468", "192.0.2.1"), Refused)
    assert isinstance(people.check(good, "2468", HERE), Clerk)
    clock.advance(31)
    assert isinstance(people.check(good, "2468", "192.0.2.1"), Clerk)


def test_right_pins_from_an_address_do_not_clear_its_account(people: People) -> None:
    _, good = people.add("A", "clerk", "en", "2468")
    for number in range(WRONG_PINS_FREE_ADDRESS + 1):
        assert isinstance(people.check(good, "2468", HERE), Clerk)
        assert people.check(f"BADGE{number}", "0000", HERE) == Refused("wrong")
    assert isinstance(people.check(good, "2468", HERE), Refused)


def test_a_new_badge_voids_the_old_one_and_its_sessions(people: People) -> None:
    person, old = people.add("A", "clerk", "en", "2468")
    cookie = people.open_login(person.clerk)
    new = people.new_badge(person.clerk)
    assert people.by_badge(old) is None
    assert people.by_badge(new) is not None
    assert people.login(cookie) is None


def test_erased_is_gone_from_the_files_and_the_id_stays(people: People, tmp_path: Path) -> None:
    person, badge = people.add("Hong Gildong of Erasure", "clerk", "en", "2468")
    cookie = people.open_login(person.clerk)
    assert b"Hong Gildong of Erasure" in files(tmp_path)
    assert person.badge_hash is not None
    assert person.badge_hash in files(tmp_path)
    people.erase(person.clerk)
    kept = files(tmp_path)
    assert b"Hong Gildong of Erasure" not in kept
    assert person.badge_hash not in kept
    assert b"$argon2id$" not in kept
    assert person.clerk.encode() in kept
    assert people.by_badge(badge) is None
    assert people.login(cookie) is None
    assert people.clerk(person.clerk) is None
    with pytest.raises(PeopleError, match="no clerk"):
        people.set_role(person.clerk, "admin")


def test_the_files_hold_no_secret_and_only_the_owner_reads_them(people: People, tmp_path: Path) -> None:
    person, code = people.add("A", "clerk", "en", "24681357")
    token = people.add_client("till", frozenset({"sales"}))
    cookie = people.open_login(person.clerk)
    kept = files(tmp_path)
    for secret in (parse(code).argument or "", token, cookie, "24681357"):
        assert secret.encode() not in kept
    for name in ("people.db", "people.db-wal", "people.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_token_has_its_scopes_until_it_is_revoked(people: People, clock: FakeClock) -> None:
    token = people.add_client("till", frozenset({"sales", "read"}))
    clock.advance(100)
    found = people.client(token)
    assert found is not None
    assert found.scopes == {"sales", "read"}
    assert people.clients()[0].used_us == clock.wall_us
    assert people.client(token + "A") is None
    with pytest.raises(PeopleError, match="already"):
        people.add_client("till", frozenset({"read"}))
    people.revoke("till")
    assert people.client(token) is None
    with pytest.raises(PeopleError, match="no token"):
        people.revoke("till")


def test_a_session_ends_idle_or_old_or_closed(people: People, clock: FakeClock) -> None:
    person, _ = people.add("A", "clerk", "en")
    idle, used, closed = (people.open_login(person.clerk) for _ in range(3))
    people.close_login(closed)
    assert people.login(closed) is None
    clock.advance(IDLE_US / 1e6 - 60)
    assert people.login(used) is not None
    clock.advance(120)
    assert people.login(idle) is None
    for _ in range(LIFE_US // IDLE_US * 2):
        clock.advance(IDLE_US / 2e6)
        people.login(used)
    assert people.login(used) is None


def test_what_another_process_changes_is_noticed(people: People, tmp_path: Path, clock: FakeClock) -> None:
    other = People(tmp_path, FakeClock(2))
    person, badge = other.add("A", "clerk", "en", "2468")
    assert isinstance(people.check(badge, "2468", HERE), Clerk)
    token = other.add_client("till", frozenset({"sales"}))
    assert people.client(token) is not None
    other.revoke("till")
    assert people.client(token) is None
    cookie = people.open_login(person.clerk)
    other.set_role(person.clerk, "admin")
    held = people.login(cookie)
    assert held is not None
    assert held.role == "admin"
    other.erase(person.clerk)
    assert people.login(cookie) is None
    other.close()
    again = People(tmp_path, clock)  # and a new one reads all of it
    assert [one.clerk for one in again.persons()] == [person.clerk]
    again.close()


def test_a_file_that_is_none_is_said(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "people.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(PeopleError, match=r"people\.db"):
        People(tmp_path, clock)


def test_a_file_of_another_version_is_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    People(tmp_path, clock).close()
    with sqlite3.connect(tmp_path / "people.db") as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(PeopleError, match="another version"):
        People(tmp_path, clock)


def test_a_damaged_key_is_said(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "people.key").write_bytes(b"short")
    with pytest.raises(PeopleError, match="5 bytes, expected 32"):
        People(tmp_path, clock)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(PeopleError, match=r"people\.key"):
        People(tmp_path / "missing", clock)
    assert not list(tmp_path.iterdir())


def test_a_pin_of_nobody_takes_as_long_as_any() -> None:
    """The same kind, memory and passes as a new hash has; no PIN fits."""
    assert pins.NOBODY.split("$")[:4] == pins.hashed("1234").split("$")[:4]
    assert not pins.fits("1234", pins.NOBODY)
    assert pins.fits("1234", pins.hashed("1234"))
