"""Tags on the screens: counts by RFID, looking for one item, conditions of readers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from agent.capture.supervisor import State
from agent.capture.tags import CountShown, Found
from agent.catalogue.errors import CatalogueError
from agent.web import expected as expecting
from agent.web import finding, room, shown, tags_shown
from agent.web import stream as streams
from agent.web.texts import TEXTS
from agent.web.view import SCANNERS
from drivers.reads import Answer
from drivers.registry import KINDS
from identity import Kind
from identity.tags import identify_epc
from tests.agent.web.store import EPC, NOON_US, SEOUL, Store, entry, notice, reader, tag, tagged_day
from tests.agent.web.test_web_live import events, serving
from tests.agent.web.test_web_pages import ask


def count(read: int, *, new: float = 0.0, flat: bool = False, waiting: int = 0, foreign: int = 0) -> CountShown:
    return CountShown("dock-1", "dock", read, foreign, new, flat, waiting)


# -- counts ---------------------------------------------------------------------------------------------------------


def test_a_count_is_shown_as_numbers():
    told = tags_shown.count_panel(count(1118, new=12.35, waiting=7, foreign=3), 1200, "en")
    assert told == {
        "state": "reading",
        "size": "long",
        "zone": "dock",
        "read": "1,118",
        "expected": "1,200",
        "new": "12.3",
        "foreign": "3",
        "waiting": "7",
        "advice": "",
    }


def test_more_read_than_expected_is_a_number_too():
    told = tags_shown.count_panel(count(121, flat=True), 120, "en")
    assert (told["read"], told["expected"], told["state"]) == ("121", "120", "flat")
    assert told["size"] == ""
    assert told["advice"] == "No new tags for 10 s. Walk on, or close with STK-CLOSE."
    assert "STK-CLOSE" in tags_shown.count_panel(count(121, flat=True), 120, "ko")["advice"]


def test_a_count_that_begins_waits_and_its_expectation_may_be_unknown():
    told = tags_shown.count_panel(count(0), None, "en")
    assert (told["read"], told["expected"], told["advice"]) == ("0", "–", "Waiting for the first tag.")
    assert tags_shown.count_panel(count(0, waiting=3), 0, "en")["advice"] == ""


def test_no_text_of_a_count_speaks_of_accuracy():
    for key in (one for one in TEXTS if one.startswith("count_")):
        korean, english = TEXTS[key]
        assert "%" not in korean + english
        assert not any(word in english.lower() for word in ("accura", "complete", "correct", "progress"))
        assert not any(word in korean for word in ("정확", "완료", "진행"))


@pytest.mark.parametrize(("language", "words"), [("ko", "RFID 실사"), ("en", "Count by RFID")])
def test_a_stations_page_shows_its_count(language, words):
    page = ask(tagged_day(language), "/station/dock-1").text
    assert words in page
    assert '<strong data-field="read">121</strong>' in page
    assert '<strong data-field="expected">120</strong>' in page
    assert "%" not in page


def test_a_station_in_no_count_shows_none():
    page = ask(tagged_day(), "/station/backroom").text
    assert 'data-count data-state="" data-size="" aria-labelledby="h-count" hidden' in page


def test_a_count_by_barcodes_alone_stays_blind():
    store = Store(counts={"dock-1": count(0)}, expected={"dock": 120})
    page, api = ask(store, "/station/dock-1", "/api/v1/count/dock-1")
    assert "120" not in page.text.partition("<main")[2]
    assert api.json() == {"station": "dock-1", "count": None}
    store.counts["dock-1"] = count(4)  # tags, although no reader is known
    assert ask(store, "/api/v1/count/dock-1").json()["count"]["read"] == 4


def test_the_api_tells_a_count():
    store = tagged_day()
    counting, other, unknown = ask(store, "/api/v1/count/dock-1", "/api/v1/count/counter", "/api/v1/count/nowhere")
    assert counting.json() == {
        "station": "dock-1",
        "count": {
            "zone": "dock",
            "read": 121,
            "foreign": 3,
            "new_per_s": 0.0,
            "flat": True,
            "waiting": 0,
            "expected": 120,
        },
    }
    assert other.json() == {"station": "counter", "count": None}
    assert unknown.status_code == 404


def test_what_is_expected_is_asked_once_and_its_failure_hides_no_count():
    store = tagged_day()
    ask(store, "/station/dock-1", "/station/dock-1", "/api/v1/count/dock-1")
    assert store.asked.count(("expected", "dock")) == 1
    store.broken = RuntimeError("secret detail")
    page, api = ask(store, "/station/dock-1", "/api/v1/count/dock-1")
    assert page.status_code == 200
    assert '<strong data-field="expected">–</strong>' in page.text
    assert api.json()["count"]["expected"] is None


def test_what_is_expected_is_asked_again_when_it_is_old(monkeypatch):
    monkeypatch.setattr(expecting, "FRESH_S", 0.0)
    store = tagged_day()
    ask(store, "/station/dock-1", "/station/dock-1")
    assert store.asked.count(("expected", "dock")) == 2


def test_a_station_is_told_how_its_count_goes(monkeypatch):
    monkeypatch.setattr(streams, "TICK_S", 0.02)

    async def body(store: Store, client: httpx.AsyncClient, _server: Any) -> None:
        store.counts["dock-1"] = count(3, new=0.3)
        async with events(client, "/events/dock-1") as told:
            assert (await anext(told))[0] == "snapshot"
            name, first = await anext(told)
            assert (name, first["read"], first["state"]) == ("count", "3", "reading")
            while first["expected"] != "120":  # stock is asked beside the stream, which does not wait for it
                name, first = await anext(told)
            store.counts["dock-1"] = count(121, flat=True)
            assert (await news(told))["advice"].startswith("10초")
            store.feed.publish(entry(90, Answer.GOOD, "English", mode="count", language="en"))
            assert [(await anext(told))[0] for _ in range(2)] == ["words", "entry"]
            assert (await news(told))["advice"].startswith("No new tags")
            del store.counts["dock-1"]
            assert await news(told) is None

    serving(body, tagged_day())


async def news(told: Any) -> Any:
    async for name, one in told:
        if name == "count":
            return one
    raise AssertionError("the stream has ended")


# -- looking for one ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nearness", "age_s", "state"),
    [(0, 0.1, "far"), (39, 0.1, "far"), (40, 0.1, "near"), (74, 2.0, "near"), (75, 0.0, "close"), (0, 4.5, "lost")],
)
def test_a_nearness_has_its_word(nearness, age_s, state):
    told = tags_shown.tag(Found("3034", nearness, -48.4, 0, "reader-1", age_s), "en")
    assert told["state"] == state
    assert told["word"] == TEXTS[f"near_{state}"][1]
    assert told["number"] == ("–" if state == "lost" else str(nearness))
    assert (told["signal"], told["antenna"]) == ("−48 dBm", "–")


@pytest.mark.parametrize(
    ("age_s", "korean", "english"),
    [(0.4, "방금", "just now"), (1.9, "1초 전", "1 s ago"), (150, "2분 전", "2 min ago")],
)
def test_an_age_is_told_from_a_second_on(age_s, korean, english):
    held = tag(1, 50, None, age_s)
    assert [tags_shown.tag(held, one)["seen"] for one in ("ko", "en")] == [korean, english]
    assert tags_shown.tag(held, "en")["signal"] == "–"


def test_what_is_not_found_says_why():
    def told(*, readers: int, named: bool) -> dict[str, str]:
        return tags_shown.finding([], "en", readers=readers, named=named)["nearest"]

    assert told(readers=1, named=True)["line"] == "No tag of it was read lately"
    assert told(readers=1, named=True)["hint"].startswith("Walk slowly")
    assert told(readers=0, named=True)["note"].startswith("No RFID reader")
    assert told(readers=1, named=False)["note"].startswith("This item has no GTIN")
    found = tags_shown.finding([tag(1, 82, -38)], "en", readers=0, named=True)
    assert (found["nearest"]["number"], bool(found["nearest"]["note"])) == ("82", True)


def test_the_page_shows_the_nearest_and_the_others():
    page = ask(tagged_day(), "/find?q=SHIRT-M&lang=en").text
    assert "Oxford shirt M" in page
    assert "Very near" in page
    assert 'aria-valuenow="82"' in page
    assert page.count("<li data-state=") == 4  # three others, and the row that the script copies
    assert 'data-events="/events/find?q=SHIRT-M&amp;lang=en"' in page
    assert f"{EPC.format(2)}</code>" in page


@pytest.mark.parametrize("asked", [EPC.format(1), EPC.format(1).lower(), "3034 257B F719 01"])
def test_an_epc_is_looked_for_as_it_is(asked):
    wanted = "".join(asked.split())
    store = tagged_day()
    store.found[wanted.upper() if " " in asked else wanted] = [tag(1, 50, -50)]
    page = ask(store, f"/find?q={asked}")
    assert page.status_code == 200
    assert 'aria-valuenow="50"' in page.text


def test_what_nobody_knows_is_404_with_the_field_to_try_again():
    page, api, stream = ask(tagged_day("en"), "/find?q=NOPE&lang=en", "/api/v1/find?q=NOPE", "/events/find?q=NOPE")
    assert page.status_code == api.status_code == stream.status_code == 404
    assert "NOPE is no known SKU and no EPC" in page.text
    assert 'name="q" value="NOPE"' in page.text
    assert api.json()["hint"]


@pytest.mark.parametrize("query", ["q=a/b", "q=가", "q=30 34 2", "q=" + "A" * 130, "q=a&q=b"])
def test_malformed_wishes_are_told(query):
    for path in ("/find", "/api/v1/find", "/events/find"):
        answer = ask(tagged_day(), f"{path}?{query}")
        assert answer.status_code == 400
        assert "q" in answer.text
    assert ask(tagged_day(), "/api/v1/find").status_code == 400


def test_an_item_without_gtin_is_said_to_have_none():
    assert "GTIN이 없어" in ask(tagged_day(), "/find?q=MILK-1L").text


def test_without_a_reader_that_is_said():
    store = tagged_day()
    store.devices[-1] = reader(state=State.DOWN)
    assert "연결된 RFID 리더가 없습니다" in ask(store, "/find?q=SHIRT-M").text


def test_the_stock_page_leads_there():
    page = ask(tagged_day(), "/stock").text
    assert page.count('href="/find?q=') == 1  # only what a tag can name
    assert 'href="/find?q=SHIRT-M"' in page


def test_the_api_tells_what_is_near():
    told = ask(tagged_day(), "/api/v1/find?q=SHIRT-M").json()
    assert (told["sku"], told["readers_up"], told["named_by_tags"]) == ("SHIRT-M", 1, True)
    assert told["tags"][0] == {
        "epc": EPC.format(1),
        "nearness": 82,
        "rssi_dbm": -38.0,
        "antenna": 2,
        "device": "reader-1",
        "zone": None,
        "age_s": 0.1,
        "state": "close",
    }
    by_epc = ask(tagged_day(), f"/api/v1/find?q={EPC.format(7)}").json()
    assert (by_epc["sku"], by_epc["tags"]) == (None, [])


def test_a_catalogue_that_cannot_be_read_is_busy():
    store = tagged_day()
    store.broken = CatalogueError("damaged", hint="import it again")
    page, api = ask(store, "/find?q=SHIRT-M", "/api/v1/find?q=SHIRT-M")
    assert page.status_code == api.status_code == 503


def test_who_looks_is_told_several_times_a_second(monkeypatch):
    assert finding.TICK_S <= 0.5
    monkeypatch.setattr(finding, "TICK_S", 0.02)

    async def body(store: Store, client: httpx.AsyncClient, _server: Any) -> None:
        async with events(client, "/events/find?q=SHIRT-M&lang=en") as told:
            name, first = await anext(told)
            assert (name, first["nearest"]["number"], len(first["others"])) == ("find", "82", 3)
            assert (await anext(told))[1] == first  # said again: silence would mean that it is lost
            store.found["SHIRT-M"] = []
            async for name, one in told:
                if name == "find" and one["nearest"]["state"] == "looking":
                    break

    serving(body, tagged_day())


def test_a_catalogue_that_fails_meanwhile_ends_no_stream(monkeypatch):
    monkeypatch.setattr(finding, "TICK_S", 0.01)

    async def body(store: Store, client: httpx.AsyncClient, _server: Any) -> None:
        async with events(client, "/events/find?q=SHIRT-M") as told:
            await anext(told)
            store.broken = CatalogueError("damaged", hint="import it again")
            async for name, _ in told:
                if name == "beat":
                    break
            store.broken = None
            async for name, _ in told:
                if name == "find":
                    break

    serving(body, tagged_day())


def test_few_may_look_at_a_time(monkeypatch):
    monkeypatch.setattr(room, "FINDERS_MAX", 1)

    async def body(_store: Store, client: httpx.AsyncClient, _server: Any) -> None:
        async with events(client, "/events/find?q=SHIRT-M") as told:
            await anext(told)
            assert (await client.get("/events/find?q=SHIRT-M")).status_code == 503
        async with asyncio.timeout(5):
            while (await client.head("/events/find?q=SHIRT-M")).status_code != 200:  # noqa: ASYNC110  it is in the server
                await asyncio.sleep(0.01)  # until the server has seen that the browser is gone

    serving(body, tagged_day())


def test_a_station_may_be_called_find():
    store = tagged_day()
    station = type(store.stations[0])("find", "receive", "dock", "ko", store.stations[0].zones)
    store.stations = (*store.stations, station)

    async def body(_store: Store, client: httpx.AsyncClient, _server: Any) -> None:
        async with events(client, "/events/find") as told:
            assert (await anext(told))[0] == "snapshot"

    serving(body, store)
    assert ask(tagged_day(), "/events/find").status_code == 404


# -- devices --------------------------------------------------------------------------------------------------------


def test_a_condition_says_what_to_do():
    off = notice("antenna_off", "antenna 2 is not connected", "check its cable and plug", "2")
    assert shown.notice(off, "ko") == {
        "what": "안테나 연결 끊김 · 안테나 2",
        "fix": "안테나 케이블을 양쪽 끝에서 다시 조이세요.",
        "detail": "antenna 2 is not connected",
        "language": "ko",
    }
    error = notice("reader_error", "radio: 7", "look", "radio")
    assert shown.notice(error, "en")["what"] == "The reader reports an error · radio"


def test_a_condition_without_a_text_is_told_in_the_drivers_words():
    storm = notice("tag_storm", "too many tags at once", "lower the power")
    expected = {"what": "too many tags at once", "fix": "lower the power", "detail": "", "language": "en"}
    assert shown.notice(storm, "ko") == expected
    assert shown.notice(notice("tag_storm", "", ""), "ko")["what"] == "tag storm"
    assert len(shown.notice(notice("x", "y" * 9999, "z" * 9999), "ko")["fix"]) == shown.HINT_CHARACTERS_MAX


def test_a_device_that_works_with_a_condition_needs_a_look():
    card = shown.device_card(reader(notice("hot", "60 degrees", "")), "en", SEOUL)
    assert (card["state"], card["word"], card["advice"]) == ("look", "Needs a look", "")
    assert card["about"] == "Impinj R420 · 6.4.1.240"
    assert [one["label"] for one in card["facts"]] == ["Model", "Firmware", "Region", "Antennas"]
    assert card["tallies"][0] == {"label": "Reads", "value": "48,211"}
    assert shown.device_card(reader(), "en", SEOUL)["state"] == "up"
    assert shown.device_card(reader(notice("hot", "", ""), state=State.DOWN), "en", SEOUL)["state"] == "down"


def test_the_start_page_and_the_devices_own_page_show_its_conditions():
    overview, device, down, unknown = ask(
        tagged_day(), "/?lang=en", "/device/reader-1", "/device/scanner-2", "/device/nothing"
    )
    for page in (overview.text, device.text):
        assert "Antenna not connected · antenna 2" in page
        assert "too many tags at once" in page
        assert "Impinj R420" in page
    assert "1, 2 connected of 4 ports" in device.text
    assert "3,401,220" in device.text
    assert "/dev/ttyACM0 is gone" in down.text
    assert "secret" not in down.text
    assert unknown.status_code == 404


def test_the_api_tells_one_device():
    told, down, unknown = ask(
        tagged_day(), "/api/v1/devices/reader-1", "/api/v1/devices/scanner-2", "/api/v1/devices/nothing"
    )
    assert told.json()["facts"]["model"] == "Impinj R420"
    assert told.json()["notices"][0] == {
        "code": "antenna_off",
        "subject": "2",
        "message": "antenna 2 is not connected",
        "hint": "check its cable and plug",
        "since_us": NOON_US,
    }
    assert (down.json()["state"], down.json()["error"]) == ("down", "/dev/ttyACM0 is gone")
    assert "traceback" not in down.json()
    assert unknown.status_code == 404
    assert ask(tagged_day(), "/api/v1/status").json()["devices"][2] == told.json()


# -- what the tests stand on ----------------------------------------------------------------------------------------


def test_scanners_are_kinds_of_devices():
    assert KINDS.keys() > SCANNERS


def test_the_stores_tags_are_of_its_item():
    identity = identify_epc(bytes.fromhex(EPC.format(0x1A85)), None)
    assert (identity.kind, identity.gtin) == (Kind.TRADE_ITEM, "80614141123458")
    assert Store().items["SHIRT-M"].gtins[0].gtin == identity.gtin
