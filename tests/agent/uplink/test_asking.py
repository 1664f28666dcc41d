"""`ask/restore` over a real broker: pages, lost and late answers, and what a person is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.clock import SystemClock
from agent.errors import UplinkRefused, UplinkUnreachable
from agent.uplink.access import Access
from agent.uplink.asking import TRIES, HeadOffice
from tests.brokers import Mosquitto, free_port

PAGE = {"log": "L1", "head": 9, "hash": "a" * 64, "key": "b" * 64, "followed": "L1", "events": [{"seq": 9}]}


class Answering:
    """Stands where head office stands: answers each question as it is told to."""

    def __init__(self, port: int, answer: Callable[[dict[str, Any], int], Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answer = answer
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def _connected(self, client: paho.Client, *_rest: Any) -> None:
        client.subscribe("stock/v1/S1/ask/restore", qos=1)

    def _subscribed(self, *_rest: Any) -> None:
        self._ready.set()

    def _message(self, client: paho.Client, _data: Any, message: Any) -> None:
        asked = json.loads(message.payload)
        self.asked.append(asked)
        answer = self._answer(asked, len(self.asked))
        if answer is not None:
            client.publish(f"stock/v1/S1/answer/{answer['id']}", json.dumps(answer), qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as started:
        yield started


def office(port: int, answer_s_max: float = 0.3) -> HeadOffice:
    access = Access("127.0.0.1", port, "jaego-S1")
    return HeadOffice(access, "S1", SystemClock(trust_unsynchronised=True), answer_s_max=answer_s_max)


def test_a_page_is_asked_for_and_answered(broker: Mosquitto) -> None:
    there = Answering(broker.port, lambda asked, _count: {**PAGE, "id": asked["id"]})
    with office(broker.port, 10) as asking:
        page = asking.page("L1", 9)
        assert (page.log, page.head, page.events) == ("L1", 9, [{"seq": 9}])
        asking.page(None, 0)
    there.close()
    assert [(one.get("log"), one["seq"]) for one in there.asked] == [("L1", 9), (None, 0)]
    assert there.asked[0]["id"] != there.asked[1]["id"]


def test_a_page_that_is_lost_is_asked_for_again(broker: Mosquitto) -> None:
    there = Answering(broker.port, lambda asked, count: {**PAGE, "id": asked["id"]} if count == 3 else None)
    with office(broker.port) as asking:
        assert asking.page("L1", 9).head == 9
    there.close()
    assert len(there.asked) == 3


def test_an_answer_that_is_late_is_taken(broker: Mosquitto) -> None:
    first: list[str] = []

    def answer(asked: dict[str, Any], count: int) -> Any:
        first.append(asked["id"])
        return {**PAGE, "id": first[0]} if count > 1 else None

    there = Answering(broker.port, answer)
    with office(broker.port) as asking:
        assert asking.page("L1", 9).id == first[0]
    there.close()


def test_a_broker_that_goes_and_comes_again_ends_nothing(broker: Mosquitto) -> None:
    with office(broker.port) as asking:
        broker.kill()
        broker.start()
        there = Answering(broker.port, lambda asked, _count: {**PAGE, "id": asked["id"]})
        assert asking.page("L1", 9).head == 9
        there.close()


def test_silence_is_said_with_what_to_look_at(broker: Mosquitto) -> None:
    there = Answering(broker.port, lambda _asked, _count: None)
    with (
        office(broker.port, 0.05) as asking,
        pytest.raises(UplinkUnreachable, match="does not answer ask/restore, 6 times") as caught,
    ):
        asking.page(None, 0)
    there.close()
    assert "is it running" in caught.value.hint
    assert len(there.asked) == TRIES


def test_an_answer_that_is_none_is_said(broker: Mosquitto) -> None:
    there = Answering(broker.port, lambda asked, _count: {"id": asked["id"], "items": []})
    with office(broker.port) as asking, pytest.raises(UplinkRefused, match="no page of events"):
        asking.page(None, 0)
    there.close()


def test_a_broker_that_is_not_there_or_says_no_is_said(tmp_path: Path) -> None:
    with pytest.raises(UplinkUnreachable, match="cannot be reached"), office(free_port()):
        pass
    with (
        Mosquitto(tmp_path, "allow_anonymous false") as strict,
        pytest.raises(UplinkRefused, match="does not let this store in") as caught,
        office(strict.port),
    ):
        pass
    assert "password_file" in caught.value.hint


def test_an_agent_that_still_runs_is_found_out(broker: Mosquitto) -> None:
    """Whoever comes with our id takes our connection, as the agent of an old PC does."""
    others: list[paho.Client] = []

    def take_over(_asked: Any, _count: int) -> None:
        other = paho.Client(CallbackAPIVersion.VERSION2, "jaego-S1", reconnect_on_failure=False)
        other.connect("127.0.0.1", broker.port)
        other.loop_start()
        others.append(other)

    there = Answering(broker.port, take_over)
    with (
        office(broker.port, 10) as asking,
        pytest.raises(UplinkRefused, match="is another client using the id") as caught,
    ):
        asking.page(None, 0)
    there.close()
    for other in others:
        other.loop_stop()
    assert "is an agent of this store running" in caught.value.hint
    assert len(others) == TRIES
