"""Who is told: the topic and webhooks that fail, delay, forget, and desks that are started again."""

from __future__ import annotations

import hmac
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from contract.messages import Alert
from headoffice.alerts.notices import WAITING_MAX
from headoffice.alerts.webhook import Webhook, webhooks
from headoffice.errors import ConfigError
from headoffice.part import Message
from tests.headoffice.alerts.world import HandClock, World
from tests.headoffice.logs import Log

SECRET = b"sixteen bytes or more"
DAY_S = 86_400.0


class Peer(http.server.ThreadingHTTPServer):
    """A receiver; `plan` is what it does with the next messages: a status, or `hang up`. Then it takes everything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan: list[int | str] = []
        self.taken: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.tries = 0
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?key=1"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Peer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.tries += 1
        step = self.server.plan.pop(0) if self.server.plan else 204
        if step in {204, "lose the answer"}:
            self.server.taken.append(orjson.loads(body))
            self.server.headers.append({**dict(self.headers.items()), "body": body.decode(), "path": self.path})
        if isinstance(step, str):
            self.connection.close()
            return
        self.send_response(step)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def peer() -> Iterator[Peer]:
    found = Peer()
    yield found
    found.shutdown()
    found.server_close()


def hook(peer: Peer, clock: HandClock) -> Webhook:
    return Webhook(peer.address, SECRET, clock)


def raise_alerts(world: World, count: int = 1) -> None:
    world.rule("low_stock", 10)
    world.take(Log().open([[f"SKU-{n}", "shelf", None, "sellable", 5] for n in range(count)]))


def until(world: World, found: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Ticks of the desk; the webhook's thread runs in real time."""
    end_s = time.monotonic() + timeout_s
    while not found():
        assert time.monotonic() < end_s, (world.said, world.alerts())
        world.run(1)
        time.sleep(0.005)


def waiting(world: World, target: str | None = None) -> int:
    rows = world.database.rows("SELECT target FROM alert_notice")
    return len([row for row in rows if target in {None, row[0]}])


def test_a_message_on_the_topic_is_of_the_contract_and_comes_once(world: World) -> None:
    raise_alerts(world)
    world.start()
    world.run(100)
    [one] = world.published
    told = Alert.model_validate_json(one.payload)
    assert (one.topic, one.retain) == ("stock/v1/S1/alert/1", False)
    assert (told.id, told.change, told.store, told.subject, told.times) == (1, "raised", "S1", "SKU-0", 1)
    assert told.text == {"ko": "SKU-0: 가용 5개, 최소 10개", "en": "SKU-0: 5 available, minimum 10"}
    assert waiting(world) == 0


def test_a_message_that_the_broker_does_not_hand_back_goes_out_again(world: World) -> None:
    world.echo = False
    raise_alerts(world)
    world.start()
    world.run(60)
    assert len(world.published) > 1
    assert {one.payload for one in world.published} == {world.published[0].payload}
    world.part.receive(Message("stock/v1/S1/alert/1", b"no JSON"))
    world.part.receive(Message("stock/v1/S1/alert/1", b'{"notice": "other"}'))
    assert waiting(world) == 1
    world.part.receive(Message(world.published[-1].topic, world.published[-1].payload))
    world.run(0.25)
    assert waiting(world) == 0


def test_after_a_connect_everything_that_waits_is_due(world: World) -> None:
    world.echo = False
    raise_alerts(world)
    world.start()
    world.run(3)
    before = len(world.published)
    world.part.connected()
    world.run(0.25)
    assert len(world.published) == before + 1


def test_a_desk_that_was_stopped_tells_what_it_had_not(world: World, peer: Peer) -> None:
    world.echo = False
    raise_alerts(world, 3)
    world.start()
    world.run(2)
    assert {one["subject"] for one in world.told()} == {"SKU-0", "SKU-1", "SKU-2"}
    world.published.clear()
    world.echo = True
    world.start(hook(peer, world.clock))
    world.part.connected()
    world.run(2)
    assert {one["subject"] for one in world.told()} == {"SKU-0", "SKU-1", "SKU-2"}
    assert waiting(world) == 0
    assert not peer.tries  # it was not there when that was told: it hears of what comes


def test_a_webhook_is_told_signed_and_in_order(world: World, peer: Peer) -> None:
    raise_alerts(world, 50)
    world.start(hook(peer, world.clock))
    until(world, lambda: peer.tries > 0 and waiting(world) == 0)
    assert [one["id"] for one in peer.taken] == list(range(1, 51))
    found = peer.headers[0]
    at, _, mark = found["Jaego-Signature"].partition(",")
    body = found["body"].encode()
    assert mark == "v1=" + hmac.new(SECRET, at[2:].encode() + b"." + body, "sha256").hexdigest()
    assert found["Jaego-Notice"] == orjson.loads(body)["notice"]
    assert (found["path"], found["Content-Type"]) == ("/hook?key=1", "application/json")


def test_a_webhook_that_fails_hangs_up_and_forgets_gets_everything_at_least_once(world: World, peer: Peer) -> None:
    peer.plan = [500, "hang up", 204, 429, "lose the answer", 503, 204]
    raise_alerts(world, 5)
    world.start(hook(peer, world.clock))
    until(world, lambda: peer.tries > 0 and waiting(world) == 0)
    ids = [one["notice"] for one in peer.taken]
    assert len(set(ids)) == 5
    assert len(ids) == 6  # the one whose answer was lost came twice, with one id
    assert [line for line in world.said if "cannot be told" in line] != []
    assert any("takes notices again" in line for line in world.said)


def test_what_a_webhook_refuses_for_good_holds_nothing_up(world: World, peer: Peer) -> None:
    peer.plan = [400]
    raise_alerts(world, 2)
    world.start(hook(peer, world.clock))
    until(world, lambda: peer.tries > 0 and waiting(world) == 0)
    assert [one["id"] for one in peer.taken] == [2]
    assert any("refuses a notice for good (HTTP 400)" in line for line in world.said)


def test_a_webhook_that_is_away_does_not_hold_up_another(world: World, peer: Peer) -> None:
    away = Webhook("http://127.0.0.1:9/", SECRET, world.clock)
    raise_alerts(world, 3)
    world.start(away, hook(peer, world.clock))
    until(world, lambda: len(peer.taken) == 3 and waiting(world) == 3)
    assert waiting(world, away.name) == 3
    assert "key" not in away.name
    assert len([line for line in world.said if line.startswith(f"{away.name}: cannot be told")]) == 1


def test_what_cannot_be_delivered_for_a_day_is_given_up_and_is_an_alert(world: World) -> None:
    away = Webhook("http://127.0.0.1:9/", SECRET, world.clock)
    raise_alerts(world, 2)
    world.start(away)
    until(world, lambda: bool(world.database.rows("SELECT 1 FROM alert_notice WHERE error IS NOT NULL")))
    assert waiting(world, away.name) == 2
    world.clock.s += DAY_S + 60
    until(world, lambda: bool(world.alerts("notice_undelivered")))
    found = world.one("notice_undelivered")
    assert (found.subject, found.facts["lost"]) == (away.name, 2)
    assert "refused" in str(found.facts["error"]).lower()


def test_what_waits_is_bounded(world: World) -> None:
    world.echo = False
    rows = [(1, "mqtt", '{"notice": "n"}', 1, world.clock.wall_us(), 2**60) for _ in range(WAITING_MAX + 5)]
    with world.database.transaction():
        world.database.write_many(
            "INSERT INTO alert_notice (alert, target, body, tries, at_us, next_us) VALUES (?, ?, ?, ?, ?, ?)", rows
        )
    world.start()
    world.run(1)
    assert world.database.rows("SELECT COUNT(*), MIN(id) FROM alert_notice WHERE target = 'mqtt' AND body = ?",
                               ('{"notice": "n"}',)) == [(WAITING_MAX, 6)]  # fmt: skip


@pytest.mark.parametrize("address", ["ftp://a/b", "http://", "hook", "http://user:secret@host/", "http://a:99999/"])
def test_addresses_that_cannot_be_told(address: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    with pytest.raises(ConfigError) as caught:
        webhooks([address], secret, HandClock())
    assert caught.value.hint


def test_a_secret_is_needed_and_long_enough(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"x")
    for file in (None, short, tmp_path / "none"):
        with pytest.raises(ConfigError):
            webhooks(["http://host/"], file, HandClock())
    assert webhooks([], None, HandClock()) == []
