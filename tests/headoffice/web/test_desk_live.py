"""The live stream: what is told, to whom, and what happens to those who do not keep up."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from headoffice.web import hub as hubs
from headoffice.web import stream as streams
from headoffice.web import watch
from headoffice.web.hub import RESYNC, Change, Hub, Wanted
from headoffice.web.stream import Stream
from headoffice.web.watch import LOOK_BACK_US, SLOW_LOOKS, Watcher
from tests.headoffice.logs import Log, line
from tests.headoffice.web.office import Office


def told(changes: list[Change]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for change in changes:
        name, data, *rest = change.body.decode().split("\n")
        assert rest == ["", ""]
        assert name == f"event: {change.name}"
        found.append((change.name, orjson.loads(data.removeprefix("data: "))))
    return found


def looking(office: Office) -> Watcher:
    watcher = Watcher()
    assert look(watcher, office) == [("resync", {"store": ""})]
    return watcher


def look(watcher: Watcher, office: Office) -> list[tuple[str, dict[str, Any]]]:
    return told(watcher.look(office.database, office.view))


def test_a_commit_is_told_as_movements_and_the_stock_that_they_leave(office: Office) -> None:
    log = Log(store="S1").open([["COLA", "salesfloor", None, "sellable", 10]])
    office.take(log)
    watcher = looking(office)
    assert look(watcher, office) == []
    log.write("movement", {"kind": "sold", "lines": [line("COLA", 3, **{"from": "salesfloor", "to": "customer"})]})
    log.receive("MILK", 5)
    office.clock.now_us += 1_000
    office.take(log)
    found = look(watcher, office)
    assert [name for name, _ in found] == ["movement", "movement", "stock", "stock"]
    assert (found[0][1]["kind"], found[0][1]["lines"][0]["sku"]) == ("sold", "COLA")
    stock = {data["sku"]: data for _, data in found[2:]}
    assert (stock["COLA"]["store"], stock["COLA"]["on_hand"], stock["COLA"]["seq"]) == ("S1", 7, 2)
    assert stock["MILK"]["available"] == 5
    assert look(watcher, office) == []


def test_what_happens_while_nobody_listens_is_not_told_later(office: Office) -> None:
    log = Log(store="S1").open()
    office.take(log)
    watcher = looking(office)
    log.receive("COLA")
    office.take(log)
    assert watcher.look(office.database, office.view, heard=False) == []
    log.receive("MILK")
    office.take(log)
    assert [data["sku"] for name, data in look(watcher, office) if name == "stock"] == ["MILK"]


def test_reservations_documents_counts_and_exceptions_are_told(office: Office) -> None:
    log = Log(store="S1").open([["COLA", "x", None, "sellable", 10]])
    office.take(log)
    watcher = looking(office)
    log.write("journal", {"kind": "reservation_made", "reservation": "R1", "sku": "COLA", "quantity": 4})
    seen = log.look()
    head = {"document": "D1", "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "x"}
    log.write("document", {"kind": "opened", **head})
    log.write("journal", {"kind": "exception_resolved", "concerns": {"seq": seen.seq}, "resolution": "dismissed"})
    office.take(log)
    found = look(watcher, office)
    assert [name for name, _ in found] == ["exception", "document", "exception", "stock"]
    assert (found[0][1]["seq"], found[0][1]["kind"]) == (3, "unknown_code")
    assert (found[1][1]["document"], found[1][1]["from"]) == ("D1", "supplier")
    assert (found[2][1]["seq"], found[2][1]["resolution"]) == (3, "dismissed")
    assert (found[3][1]["reserved"], found[3][1]["available"]) == (4, 6)


def test_a_commit_whose_time_lies_a_little_back_is_seen_too(office: Office) -> None:
    """Workers stamp before they commit, each by its own clock."""
    first, second = Log("L1", store="S1").open(), Log("L2", store="S2").open()
    office.take(first, second)
    watcher = looking(office)
    first.receive()
    office.clock.now_us += 5_000_000
    office.take(first)
    assert [data["store"] for _, data in look(watcher, office)] == ["S1", "S1"]
    second.receive()
    office.clock.now_us -= LOOK_BACK_US - 5_500_000
    office.take(second)
    assert [data["store"] for _, data in look(watcher, office)] == ["S2", "S2"]


def test_more_than_can_be_told_is_a_resync_of_the_store(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "STORE_EVENTS_MAX", 5)
    monkeypatch.setattr(watch, "SKUS_MAX", 2)
    many, fresh, wide = Log("L1", store="S1").open(), Log("L2", store="S2"), Log("L3", store="S3").open()
    office.take(many, wide)
    watcher = looking(office)
    many.receive_many(6)
    wide.write("movement", {"kind": "received", "lines": [line("A"), line("B"), line("C")]})
    office.take(many, fresh.open(), wide)
    found = look(watcher, office)
    assert [(name, data["store"]) for name, data in found if name == "resync"] == [
        ("resync", "S1"), ("resync", "S2"), ("resync", "S3"),
    ]  # fmt: skip
    assert [name for name, data in found if data["store"] == "S3"] == ["movement", "resync"]
    heir = Log("L9", store="S1").open(parent=many.end())
    office.take(heir)
    assert look(watcher, office) == [("resync", {"store": "S1"})]


def test_what_fits_no_contract_is_a_resync_because_it_may_have_moved_stock(small: Office) -> None:
    log = Log(store="S1").open()
    small.take(log)
    watcher = looking(small)
    log.write("movement", {"kind": "of a later version", "lines": [line("COLA", 2)]})
    small.take(log)
    assert small.storage.stock("S1")[0].quantity == 2
    assert look(watcher, small) == [("resync", {"store": "S1"})]


def test_when_many_stores_are_too_much_all_is_drawn_anew(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVENTS_MAX", 2)
    monkeypatch.setattr(watch, "RESYNCS_MAX", 2)
    logs = [Log(f"L{number}", store=f"S{number}").open() for number in range(5)]
    small.take(*logs)
    watcher = looking(small)
    for log in logs:
        log.receive()
    small.take(*logs)
    assert [(name, data["store"]) for name, data in look(watcher, small)] == [
        ("resync", ""), ("movement", "S0"), ("stock", "S0"),
    ]  # fmt: skip


def test_states_of_stores_and_alerts_are_told_when_they_change(office: Office) -> None:
    office.take(Log("L1", store="S1").open())
    office.state("S1", log="L1")
    watcher = looking(office)
    office.database.write("UPDATE store_state SET state = 'offline'")
    office.put(
        "alert", rule="low_stock", store="S1", subject="COLA", severity="info", state="open", facts="{}",
        first_us=1, last_us=office.clock.now_us, times=1,
    )  # fmt: skip
    found = [one for _ in range(SLOW_LOOKS) for one in look(watcher, office)]
    assert [(name, data.get("online"), data["state"]) for name, data in found] == [
        ("store", False, "offline"),
        ("alert", None, "open"),
    ]
    assert [one for _ in range(SLOW_LOOKS) for one in look(watcher, office)] == []
    office.database.write("UPDATE alert SET state = 'acknowledged', acknowledged_us = ?", (office.clock.now_us,))
    found = [one for _ in range(SLOW_LOOKS) for one in look(watcher, office)]
    assert [(name, data["state"]) for name, data in found] == [("alert", "acknowledged")]


def change(name: str = "stock", store: str = "S1", sku: str = "COLA") -> Change:
    return watch.change(name, store, {"sku": sku}, [sku] if sku else [])


@pytest.mark.parametrize(
    ("wanted", "one", "heard"),
    [
        (Wanted(), change(), True),
        (Wanted(frozenset({"movement"})), change(), False),
        (Wanted(frozenset({"stock"})), change(), True),
        (Wanted(store="S2"), change(), False),
        (Wanted(sku="COLA"), change(), True),
        (Wanted(sku="MILK"), change(), False),
        (Wanted(sku="MILK"), change("store", sku=""), True),
        (Wanted(frozenset({"movement"})), change("resync"), True),
        (Wanted(store="S2"), change("resync"), False),
        (Wanted(store="S2"), change("resync", ""), True),
    ],
)
def test_a_listener_hears_what_it_asked_for(wanted: Wanted, one: Change, heard: bool) -> None:
    assert wanted.has(one) is heard


def test_who_does_not_keep_up_is_told_to_draw_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "WAITING_MAX", 5)

    async def run() -> None:
        hub = Hub()
        with hub.listening(Wanted()) as listener:
            assert listener.take() == RESYNC
            hub._put([change()] * 4)
            assert listener.take().count(b"event: stock") == 4
            hub._put([change()] * 6)
            assert listener.take() == RESYNC
            assert listener.take() == b""

    asyncio.run(run())


def test_listeners_are_counted(monkeypatch: pytest.MonkeyPatch, small: Office) -> None:
    monkeypatch.setattr(hubs, "LISTENERS_MAX", 1)

    async def run() -> None:
        with small.room.hub.listening(Wanted()):
            answer = await asyncio.to_thread(small.client().get, "/api/v1/live")
            assert (answer.status_code, answer.json()["error"]) == (503, "too_many")

    asyncio.run(run())
    assert not small.room.hub.heard


def test_only_events_that_there_are_can_be_asked_for(small: Office) -> None:
    answer = small.client().get("/api/v1/live?events=stock,price")
    assert (answer.status_code, answer.json()["field"]) == (422, "events")


class Browser:
    """The other end of a stream: what was sent, until it goes."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.status = 0
        self.end = asyncio.Event()
        self._gone = asyncio.Event()
        self._news = asyncio.Event()

    async def receive(self) -> dict[str, str]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.sent.append(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.end.set()
        self._news.set()

    async def has(self, what: bytes) -> None:
        while what not in b"".join(self.sent):
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 10)

    def go(self) -> None:
        self._gone.set()


def streamed(talk: Any) -> None:
    async def run() -> None:
        hub, browser = Hub(), Browser()
        serving = asyncio.create_task(Stream(hub, Wanted())({"type": "http"}, browser.receive, browser.send))
        await browser.has(RESYNC)
        await talk(hub, browser)
        await asyncio.wait_for(serving, 10)
        assert not hub.heard

    asyncio.run(run())


def test_a_change_reaches_the_browser_from_another_thread() -> None:
    async def talk(hub: Hub, browser: Browser) -> None:
        assert hub.heard
        await asyncio.to_thread(hub.tell, [change()])
        await browser.has(b'event: stock\ndata: {"sku":"COLA"}\n\n')
        browser.go()

    streamed(talk)


def test_a_stream_ends_when_the_desk_closes() -> None:
    async def talk(hub: Hub, browser: Browser) -> None:
        hub.close()
        await browser.end.wait()
        hub.tell([change()])

    streamed(talk)


def test_a_silent_stream_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BEAT_S", 0.01)

    async def talk(_hub: Hub, browser: Browser) -> None:
        await browser.has(b"event: beat")
        browser.go()

    streamed(talk)


def test_who_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_S_MAX", 0.01)

    async def run() -> None:
        hub, browser = Hub(), Browser()

        async def never(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        await asyncio.wait_for(Stream(hub, Wanted())({"type": "http"}, browser.receive, never), 10)
        assert not hub.heard

    asyncio.run(run())
