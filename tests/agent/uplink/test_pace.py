"""Requests without end, as a hostile peer at the broker sends them: each is a commit, so they have a pace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.uplink.requests import REQUESTS_BURST, REQUESTS_S, Pace
from tests.agent.uplink.test_traffic import FAR, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    opened = Rig(tmp_path)
    yield opened
    opened.close()


def test_requests_beyond_the_pace_get_no_answer_and_may_be_asked_again(rig: Rig) -> None:
    rig.connect()
    for number in range(REQUESTS_BURST + 300):
        rig.hear("S1/request/ping", {"id": f"r{number}", "expires_at": FAR})
    rig.settle()
    assert rig.traffic.counts.requests == REQUESTS_BURST
    assert rig.traffic.counts.inbound_ignored == 300
    assert rig.reader.response(f"r{REQUESTS_BURST - 1}") is not None
    assert rig.reader.response(f"r{REQUESTS_BURST}") is None
    rig.clock.advance(1 / REQUESTS_S)
    for name in (f"r{REQUESTS_BURST}", "one too many"):
        rig.hear("S1/request/ping", {"id": name, "expires_at": FAR})
    rig.settle()
    assert rig.reader.response(f"r{REQUESTS_BURST}") is not None
    assert rig.reader.response("one too many") is None


def test_the_pace_is_said_once_until_it_has_long_been_kept() -> None:
    said: list[tuple[str, str]] = []
    pace = Pace(lambda subject, text: said.append((subject, text)))
    now_s = 5.0
    assert sum(pace.admits(now_s) for _ in range(REQUESTS_BURST * 2)) == REQUESTS_BURST
    for _ in range(1_000):
        now_s += 0.5 / REQUESTS_S
        pace.admits(now_s)
    assert len(said) == 1
    now_s += REQUESTS_BURST / REQUESTS_S
    assert sum(pace.admits(now_s) for _ in range(REQUESTS_BURST * 2)) == REQUESTS_BURST
    assert len(said) == 2
