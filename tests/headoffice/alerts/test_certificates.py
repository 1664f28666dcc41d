"""Certificates that nobody renewed: a store's, the broker's that all see, head office's own; and what ca list says."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import orjson
from typer.testing import CliRunner

from contract.times import Stamper
from headoffice import cli, enrolling
from headoffice.authority import OFFICE, Issued, begin
from headoffice.clock import SystemClock
from headoffice.enrolling import DAY_US
from headoffice.storages import open_storage
from tests.access.stores import request_of
from tests.headoffice.alerts.world import World


def tells(world: World, store: str, /, **members: object) -> None:
    """Certificates by their days left."""
    ends = {
        name: Stamper(UTC).text(world.clock.wall_us() + days * DAY_US)
        for name, days in members.items()
        if isinstance(days, int)
    }
    more = {name: value for name, value in members.items() if not isinstance(value, int)}
    world.heard(store)
    health = orjson.dumps({"certificates": ends, **more}).decode()
    world.database.write("UPDATE store_state SET health = ? WHERE store = ?", (health, store))


def test_a_stores_certificate_that_is_not_renewed_until_it_is(world: World) -> None:
    world.start()
    tells(world, "S1", store=61, screens=61)
    world.run()
    assert not world.alerts()
    tells(world, "S1", store=60, screens=400, renewal_failure="no desk answers")
    world.run()
    found = world.one("certificate_ends")
    assert (found.store, found.subject, found.severity) == ("S1", "store", "warning")
    assert (found.facts["days"], found.facts["why"]) == (59, "no desk answers")
    text = world.told()[0]["text"]
    assert "(59 days); last try to renew it: no desk answers" in text["en"]
    assert "마지막 갱신 시도: no desk answers" in text["ko"]
    tells(world, "S1", store=1095)
    world.run(120)
    assert world.one("certificate_ends").state == "closed"


def test_a_store_that_has_none_any_more_has_none_that_ends(world: World) -> None:
    world.start()
    tells(world, "S1", screens=5)
    world.run()
    assert world.one("certificate_ends").subject == "screens"
    tells(world, "S1")
    world.run(120)
    assert world.one("certificate_ends").state == "closed"


def test_the_brokers_is_one_alert_however_many_stores_see_it(world: World) -> None:
    world.start()
    for number in range(5):
        tells(world, f"S{number}", broker=20 + number)
    world.heard("S9", state="offline")
    world.run()
    found = world.one("certificate_ends")
    assert (found.store, found.subject, found.facts["days"]) == ("", "broker", 19)
    for number in range(5):
        tells(world, f"S{number}", broker=900)
    world.run(120)
    assert world.one("certificate_ends").state == "closed"


def test_head_offices_own_until_it_is_made_again_or_taken_back(world: World, tmp_path: Path) -> None:
    world.start()
    now_us = world.clock.wall_us()
    for serial, name, days in (("1", OFFICE, 10), ("2", "server:broker", 20), ("3", "S1", 5), ("4", "server:desk", 99)):
        enrolling.note(world.database, name, Issued(b"", serial, now_us + days * DAY_US), now_us)
    world.run()
    assert {(one.store, one.subject) for one in world.alerts("certificate_ends")} == {
        ("", OFFICE),
        ("", "server:broker"),
    }
    enrolling.note(world.database, OFFICE, Issued(b"", "5", now_us + 900 * DAY_US), now_us)
    signer = begin(tmp_path / "authority", "Test", now_us)
    assert enrolling.take_back(world.database, signer, "server:broker", now_us) == 1
    world.run(120)
    assert {one.subject: one.state for one in world.alerts()}[OFFICE] == "closed"


def test_ca_list_says_which_nobody_renewed(tmp_path: Path) -> None:
    target, clock = str(tmp_path / "hq.db"), SystemClock()
    storage = open_storage(target)
    signer, now_us = begin(tmp_path / "authority", "Test", clock.wall_us()), clock.wall_us()
    for store, made_us, days in (
        *(("S1", 0, 100), ("S1", 1, 900), ("S2", 0, 50), ("S3", 0, -1), ("S4", 0, 10)),
        ("S4", 1, 10),
    ):
        issued = signer.store(store, request_of(store)[0], now_us, days)
        enrolling.note(storage.database, store, issued, now_us + made_us)
    enrolling.take_back(storage.database, signer, "S4", now_us)
    storage.close()

    def listed(*options: str) -> list[str]:
        done = CliRunner().invoke(cli.whole(), ["ca", "list", "--db", target, *options])
        assert done.exit_code == 0, done.output
        return done.output.splitlines()

    told = [(line.split()[0], line.split(maxsplit=2)[2]) for line in listed()]
    assert [name for name, _ in told] == ["S1", "S1", "S2", "S3", "S4", "S4"]
    for (_, text), words in zip(
        told,
        ("until", "replaced by a newer one", "49 days left, and not renewed", "was not renewed", "taken back"),
        strict=False,
    ):
        assert words in text
    assert "left" not in told[0][1]
    assert [line.split()[0] for line in listed("--ending")] == ["S2", "S3"]
    assert [orjson.loads(line)["standing"] for line in listed("--ending", "--json")] == ["ending", "ended"]
