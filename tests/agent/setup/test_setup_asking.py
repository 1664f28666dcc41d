"""What a person is asked, in Korean and English, and the answers that come of it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent.setup.answers import configuration, read
from agent.setup.asking import Voice, ask
from agent.setup.texts import TEXTS, Language, say


class Person:
    """Answers by what the question is; without an answer takes the proposal."""

    def __init__(self, language: Language, **answers: Any) -> None:
        self._answers: dict[str, Any] = {say(name, language): text for name, text in answers.items()}
        self.asked: list[str] = []

    def _next(self, question: str, proposal: Any) -> Any:
        self.asked.append(question)
        found: Any = self._answers.get(question, proposal)
        return cast("list[Any]", found).pop(0) if isinstance(found, list) else found

    def voice(self) -> Voice:
        return Voice(self._next, self._next, self._secret)

    def _secret(self, question: str) -> str:
        return str(self._next(question, ""))


@pytest.mark.parametrize("language", ["ko", "en"])
def test_answers_are_what_the_answer_file_would_say(language: Language) -> None:
    person = Person(
        language, ask_store="S001", ask_broker="broker.example.com", ask_desk="https://desk.example.com:8480",
        ask_token="jse_x.y", ask_scanner=[True, False], ask_zones="backroom, salesfloor",
    )  # fmt: skip
    table, secret = ask(person.voice(), {}, language)
    given = read(table, "answers")
    assert (given.store, given.language, given.zones) == ("S001", language, ("backroom", "salesfloor"))
    assert (given.broker.host, given.broker.port, given.broker.tls) == ("broker.example.com", 8883, True)
    assert (given.credentials.way, given.credentials.desk) == ("token", "https://desk.example.com:8480")
    assert secret == "jse_x.y"
    assert "jse_x.y" not in str(table)
    assert [(one.name, one.zone) for one in given.station] == [("dock", "backroom")]
    assert [(one.name, one.station, one.learn) for one in given.device] == [("hand-1", "dock", True)]
    questions = {say(name, language) for name in TEXTS if name.startswith("ask_")}
    assert set(person.asked) <= questions


def test_a_store_that_works_alone_is_asked_less() -> None:
    person = Person("en", ask_store="S001", ask_scanner=[False])
    table, secret = ask(person.voice(), {}, "en")
    assert (table["broker"], secret) == ({"enabled": False}, None)
    assert say("ask_way", "en") not in person.asked
    held = configuration({}, read(table, "a"), {}, {})
    again, _secret = ask(Person("en", ask_scanner=[False]).voice(), held, "en")
    assert again["broker"] == {"enabled": False}


def test_repeating_proposes_what_there_is() -> None:
    first = Person(
        "en", ask_store="S001", ask_broker="b", ask_way="password", ask_password="p", ask_scanner=[True, False]
    )
    table, _secret = ask(first.voice(), {}, "en")
    held = configuration({}, read(table, "a"), {"password_file": "p"}, {"hand-1": {"kind": "hid", "usb_name": "x"}})
    again = Person("en")
    table, secret = ask(again.voice(), held, "en")
    assert secret is None
    assert configuration(held, read(table, "a"), {}, {}) == held


def test_a_port_that_is_no_number_is_named_with_the_other_mistakes() -> None:
    person = Person("en", ask_store="S 1", ask_broker="b", ask_port="mqtt", ask_way="none", ask_scanner=[False])
    table, _secret = ask(person.voice(), {}, "en")
    with pytest.raises(Exception, match=r"store(.|\n)*broker.port"):
        read(table, "answers")
