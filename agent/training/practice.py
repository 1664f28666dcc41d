"""A practice: one clerk, the lessons, a store in memory. Time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent.operations import scans
from agent.operations.rules import Rules
from agent.operations.values import Context, Language, Product, Scan, Station
from agent.texts import render
from agent.training.lessons import CATALOGUE, EXPECTED, LESSONS, ZONE, Lesson, Step
from agent.training.memory import Memory
from contract.times import Stamper
from drivers.reads import Answer, Arrival, BarcodeRead
from identity import Identity, identify

LENGTH_S = 30 * 60
CODE_BYTES_MAX = 512
SCANS_MAX = 500
BEGUN: Mapping[Language, str] = {
    "ko": "연습을 시작합니다. 이 작업대의 스캔은 기록되지 않습니다",
    "en": "Practice begins. Nothing that is scanned here is recorded",
}
OVER: Mapping[Language, str] = {
    "ko": "연습이 끝났습니다. 이제부터 스캔이 기록됩니다",
    "en": "Practice is over. From now on scans are recorded",
}
LAPSED: Mapping[Language, str] = {
    "ko": "멈춤: 연습이 끝났습니다. 다시 스캔하면 기록됩니다",
    "en": "Stop: practice is over. Scan again, and it is recorded",
}
_MARK: Mapping[Language, str] = {"ko": "연습 · ", "en": "Practice · "}
_RULES = Rules(lock_idle_min=0)


class PracticeFull(Exception):
    """More was scanned than a practice takes."""


class Heard(NamedTuple):
    """What the clerk hears, and whether it was what the step wants."""

    answer: Answer
    text: str
    language: Language
    right: bool


class Practice:
    def __init__(self, language: Language, now_us: int, stamper: Stamper) -> None:
        self.language: Language = language
        self.ends_us = now_us + LENGTH_S * 1_000_000
        self._now_us = now_us  # time stands: who learns may take longer than a multiplier waits
        self.place = 0  # in `steps`
        self.heard: Heard | None = None
        self.on_the_way = False  # the newest scan is a part of what the step wants
        self._station = Station("practice", "lookup", ZONE, language, frozenset({ZONE}), _RULES)
        self._state = Memory([EXPECTED], stamper)
        self._scans = 0

    def over(self) -> Heard:
        return Heard(Answer.LOOK, OVER[self.language], self.language, right=False)

    def lapsed(self) -> Heard:
        """The scan that comes too late is neither practised nor recorded, and its clerk hears so."""
        return Heard(Answer.STOP, LAPSED[self.language], self.language, right=False)

    @property
    def step(self) -> Step | None:
        """None: everything is done."""
        return STEPS[self.place][1] if self.place < len(STEPS) else None

    @property
    def lesson(self) -> Lesson:
        return STEPS[min(self.place, len(STEPS) - 1)][0]

    def scan(self, data: bytes) -> Heard:
        """What the real operation answers. Raises `PracticeFull` when there is no end to it."""
        self._scans += 1
        if self._scans > SCANS_MAX:
            raise PracticeFull(f"{SCANS_MAX} scans")
        data = data[:CODE_BYTES_MAX]
        identity = identify(data)
        read = BarcodeRead("practice", self._scans, data, None, Arrival(self._now_us, 0))
        context = Context(self._now_us, "synced", f"practice-{self._scans}")
        product = _product(identity)
        decision = scans.decide(self._state, Scan(self._station, read, identity, product, context))
        self._state.take(decision.drafts)
        step = self.step
        right = step is not None and step.is_done(decision)
        self.on_the_way = step is not None and not right and data.decode(errors="replace") in step.codes
        self.place += right
        said = _MARK[self.language] + render(decision.text, decision.facts, self.language)
        self.heard = Heard(decision.answer, said, self.language, right)
        return self.heard


def _product(identity: Identity) -> Product | None:
    return CATALOGUE.get(identity.gtin) if identity.gtin is not None else None


STEPS: tuple[tuple[Lesson, Step], ...] = tuple((lesson, step) for lesson in LESSONS for step in lesson.steps)
