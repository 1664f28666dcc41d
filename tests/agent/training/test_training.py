"""Practice: every lesson can be done, in both languages, and nothing of it reaches the ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.training.desk import PRACTICES_MAX, Practices
from agent.training.lessons import CATALOGUE, LESSONS, RICE, UNKNOWN, WATER
from agent.training.practice import LENGTH_S, SCANS_MAX, STEPS, Practice, PracticeFull
from contract.times import Stamper
from drivers.reads import Answer, BadRead, Fault
from identity.check import gs1_valid
from identity.control import encode
from tests.agent.test_stations import CASE, COLA, Shop
from tests.agent.web.branch import Branch

HANGUL = re.compile("[가-힣]")
START_US = 1_757_217_000_000_000
SEOUL = Stamper(ZoneInfo("Asia/Seoul"))


def practice(language: Any = "ko") -> Practice:
    return Practice(language, START_US, SEOUL)


def walk(one: Practice) -> Iterator[tuple[str, Any]]:
    """Does every step as it says. CLOSE is said twice where something is missing."""
    while one.step is not None:
        step, place = one.step, one.place
        for code in (*step.codes, step.codes[-1]):
            if one.place == place:
                yield code, one.scan(code.encode())
        assert one.place == place + 1, step.do


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_lesson_can_be_done_to_its_end(language: str) -> None:
    one = practice(language)
    heard = list(walk(one))
    assert one.place == len(STEPS)
    assert {said.answer for _, said in heard[:3]} == set(Answer), "the first lesson has all three sounds"
    assert all(bool(HANGUL.search(said.text)) == (language == "ko") for _, said in heard)


def test_every_word_stands_in_both_languages() -> None:
    for lesson in LESSONS:
        for korean, english in (lesson.title, *(one.do for one in lesson.steps), *(one.praise for one in lesson.steps)):
            assert HANGUL.search(korean), korean
            assert english
            assert not HANGUL.search(english), english


def test_goods_of_the_practice_are_nobodys() -> None:
    assert all(gs1_valid(one) and one[1:4] == "952" for one in (*CATALOGUE, UNKNOWN))


def test_what_is_not_asked_for_is_no_step_and_does_no_harm() -> None:
    one = practice()
    assert not one.scan(RICE.encode()[:5]).right
    one.scan(WATER.encode())
    assert one.place == 1
    assert not one.scan(WATER.encode()).right
    assert one.place == 1
    assert sum(1 for _ in walk(one)) > 0
    assert one.step is None


def test_a_code_on_the_way_is_told_from_a_wrong_one() -> None:
    one = practice()
    while "X3" not in "".join(one.step.codes if one.step else ()):
        assert one.step is not None
        one.scan(one.step.codes[0].encode())
    one.scan(encode("X", 3).encode())
    assert one.on_the_way
    one.scan(encode("X", 4).encode())
    assert not one.on_the_way


def test_there_is_an_end_to_it() -> None:
    one = practice()
    for _ in range(SCANS_MAX):
        one.scan(b"x")
    with pytest.raises(PracticeFull):
        one.scan(b"x")


@settings(max_examples=60)
@given(codes=st.lists(st.binary(max_size=40) | st.text(max_size=20).map(str.encode), max_size=12))
def test_whatever_is_scanned_is_answered(codes: list[bytes]) -> None:
    one = practice()
    assert all(one.scan(code).text for code in codes)


class Watch:
    def __init__(self) -> None:
        self.now_us = START_US
        self.practices = Practices(lambda: self.now_us, SEOUL)


def test_a_practice_ends_by_logout_by_time_and_when_it_is_too_long() -> None:
    watch = Watch()
    watch.practices.begin("dock", "en")
    said = watch.practices.scan("dock", encode("LOGOUT").encode())
    assert said is not None
    assert "From now on" in said.text
    assert watch.practices.scan("dock", b"x") is None
    watch.practices.begin("dock", "en")
    watch.now_us += LENGTH_S * 1_000_000 - 1
    assert watch.practices.scan("dock", b"x") is not None
    watch.now_us += 1
    late = watch.practices.scan("dock", b"x")
    assert late is not None
    assert (late.answer, late.text) == (Answer.STOP, "Stop: practice is over. Scan again, and it is recorded")
    assert watch.practices.scan("dock", b"x") is None
    watch.practices.begin("dock", "en")
    told = [watch.practices.scan("dock", b"x") for _ in range(SCANS_MAX + 1)]
    assert told[-1] is not None
    assert told[-1].answer is Answer.STOP
    assert "over" in told[-1].text
    assert watch.practices.get("dock") is None


def test_who_began_first_makes_room() -> None:
    watch = Watch()
    for number in range(PRACTICES_MAX + 1):
        watch.practices.begin(f"page-{number}", "ko")
    assert watch.practices.get("page-0") is None
    assert watch.practices.get("page-1") is not None


# -- at a station ------------------------------------------------------------------------------------------------------
class School:
    """A desk over a real ledger, two stations with scanners; `dock` is put in practice and out of it."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop(folder)
        self.practices = Practices(lambda: self.shop.clock.wall_us, SEOUL)
        self.shop.desk._practise = self.practices.scan

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shop.close()

    def head(self) -> int:
        return self.shop.reader.head()


SCANS = st.sampled_from(
    [COLA.encode(), CASE.encode(), WATER.encode(), b"nonsense", b"\xff\x00", b""]
    + [code.encode() for _, step in STEPS for code in step.codes]
    + [encode(verb).encode() for verb in ("UNDO", "CLOSE", "CLOSE-SHORT", "OK", "MODE-SHIP", "MODE-ADJUST", "RECOUNT")]
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(codes=st.lists(SCANS, max_size=25))
def test_nothing_reaches_the_ledger_while_practising(
    tmp_path_factory: pytest.TempPathFactory, codes: list[bytes]
) -> None:
    with School(tmp_path_factory.mktemp("school")) as school:
        head = school.head()
        school.practices.begin("dock", "ko")
        for code in codes:
            school.shop.handle(school.shop.read(code))
        school.shop.handle(BadRead("dock-scanner", 999, b"?", Fault.INCOMPLETE, "", school.shop.clock.now()))
        assert school.shop.loop.empty(), "answered at once, for nothing is written"
        assert school.head() == head
        assert len(school.shop.driver.answers) == len(codes) + 1, "the scanner is answered all the same"
        assert all(entry.said == "practice" and entry.text.startswith("연습") for entry in school.shop.entries)
        school.practices.end("dock")
        school.shop.scan(COLA.encode())
        assert school.head() > head
        assert {event["source"].get("device") for event in school.shop.reader.newest(10)} <= {"dock-scanner", None}


def test_the_stations_session_is_found_again_as_it_was(tmp_path: Path) -> None:
    with School(tmp_path) as school:
        school.shop.scan(encode("MODE-MOVE"))
        before = school.shop.entries[-1].session
        school.practices.begin("dock", "ko")
        school.shop.handle(school.shop.read(encode("MODE-COUNT")))
        assert before is not None
        assert school.shop.entries[-1].session == before
        assert school.shop.reader.sessions()["dock"] == before


def test_another_station_works_on(tmp_path: Path) -> None:
    with School(tmp_path) as school:
        school.practices.begin("dock", "ko")
        head = school.head()
        school.shop.scan(COLA.encode(), "shop-scanner")
        assert school.head() > head


# -- on a screen -------------------------------------------------------------------------------------------------------


def test_a_screen_practises_by_itself_and_a_station_when_it_is_put_in_practice(tmp_path: Path) -> None:
    with Branch(tmp_path) as branch:
        head = branch.reader.head()
        begun = branch.post("/practice/page-1")
        assert (begun["step"], begun["lesson"], len(begun["codes"])) == (0, "sounds", 1)
        heard = branch.post("/practice/page-1", {"code": begun["codes"][0]["code"]})
        assert (heard["step"], heard["answer"]) == (1, "good")
        assert branch.get("/practice/page-1")["said"]
        assert not branch.get("/practice/page-2")["on"]
        assert branch.post("/practice/dock-1", {"code": "x"}, 404)["error"] == "no_practice"
        assert branch.post("/practice/nobody", {}, 404)["error"] == "unknown_station"
        assert branch.post("/stations/dock-1/practice", {"on": True}) == {"station": "dock-1", "on": True}
        assert branch.post("/practice/dock-1", {"code": "x"})["answer"] == "stop"
        assert branch.store.feed.recent("dock-1")[-1].text.startswith("연습을 시작합니다")
        branch.post("/stations/dock-1/practice", {"on": False})
        assert not branch.get("/practice/dock-1")["on"]
        assert branch.post("/stations/nobody/practice", {"on": True}, 404)
        assert branch.reader.head() == head


@pytest.mark.parametrize(("language", "word"), [("ko", "연습입니다"), ("en", "This is practice")])
def test_the_page_says_loudly_that_it_is_practice(tmp_path: Path, language: str, word: str) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(f"/training?lang={language}")

    with Branch(tmp_path) as branch:
        answer = branch.run(talk)
    assert answer.status_code == 200
    assert word in answer.text
