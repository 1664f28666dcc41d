"""Delivery to an EPCIS capture interface: what to send next, from what the peer answered. No I/O, no clock, no chance.

One batch of a store's events at a time, in order. A document is posted; 202 means that the peer looks at it, and only
its job says what became of it (EPCIS 2.0, 12.6.1: `running`, `success`). The position moves when the job has succeeded.
What is sent twice (an answer was lost, a job is no longer known) has the same eventIDs and is once in effect. Some
peers refuse what they have, so after a refusal the last event is asked for by its id: documents are taken whole and in
order, and if that one is there, all of it is.

Else the document is halved until the event is found that is to blame: that one is put aside, the others go on. A job
may fail for the peer's own reasons, so an event whose job fails is tried a few times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

POLL_S = 0.05
POLL_S_MAX = 5.0
JOB_S_MAX = 600.0  # a job that runs for longer is taken for lost, and its document sent again
BACKOFF_S = 0.5
BACKOFF_S_MAX = 60.0
RETRY_AFTER_S_MAX = 600.0
ALONE_TRIES_MAX = 4  # of one event whose job fails, before it is put aside


class Told(NamedTuple):
    """An event with its EPCIS events (`events` of them), as JSON joined by commas. `event_id` is the last of theirs,
    None where all of them are error declarations: those have the ids of the events that were wrong."""

    seq: int
    body: bytes
    event_id: str | None
    events: int = 1


class Limits(NamedTuple):
    """Of one document, as the peer says: EPCIS events in it, and its bytes. None: it says nothing."""

    events: int | None = None
    size_bytes: int | None = None


class Post(NamedTuple):
    piece: tuple[Told, ...]


class Poll(NamedTuple):
    job: str


class Look(NamedTuple):
    """Is this event there already?"""

    event_id: str


class Wait(NamedTuple):
    seconds: float


class Accepted(NamedTuple):
    """202: the peer has the document, and nothing is stored yet."""

    job: str


class Job(NamedTuple):
    """What a job says. `lost`: the peer does not know it (any more)."""

    state: Literal["running", "stored", "failed", "lost"]
    reason: str = ""


class Refused(NamedTuple):
    """The document itself is wrong, or too large."""

    reason: str


class Unavailable(NamedTuple):
    """The peer did not answer, or asks to come again; `retry_after_s` is its own word."""

    reason: str
    retry_after_s: float | None = None


class Known(NamedTuple):
    known: bool


Answer = Accepted | Job | Refused | Unavailable | Known


class Noted(NamedTuple):
    """To be remembered: this job decides on everything up to `until`."""

    job: str
    until: int


class Moved(NamedTuple):
    """To be remembered: everything up to `seq` is at the peer or put aside; `aside` is why the last one is not."""

    seq: int
    aside: str | None = None


@dataclass(slots=True)
class Delivery:
    """`items` are the events up to `until` that have something to say. `job` is one that was left open."""

    items: Sequence[Told]
    until: int
    job: str | None = None
    _pieces: deque[tuple[Told, ...]] = field(init=False)
    _since_s: float | None = None  # when the job was begun
    _not_before_s: float = 0.0
    _polls: int = 0
    _tries: int = 0
    _alone: int = 0
    _refusal: str | None = None  # why the first piece was refused, while it is asked whether it is there

    def __post_init__(self) -> None:
        self._pieces = deque([tuple(self.items)] if self.items else [])

    def next(self, now_s: float) -> Post | Poll | Look | Wait | None:
        """None when all of it is decided."""
        if not self._pieces:
            return None
        if now_s < self._not_before_s:
            return Wait(self._not_before_s - now_s)
        piece = self._pieces[0]
        if self._refusal is not None and piece[-1].event_id is not None:
            return Look(piece[-1].event_id)
        return Poll(self.job) if self.job is not None else Post(piece)

    def answered(self, answer: Answer, now_s: float, chance: float) -> Noted | Moved | None:
        """`chance` in [0, 1) spreads the pauses."""
        if isinstance(answer, Unavailable):
            self._pause(answer, now_s, chance)
            return None
        self._tries = 0
        if isinstance(answer, Accepted):
            self.job, self._since_s, self._polls, self._not_before_s = answer.job, now_s, 0, now_s + POLL_S
            return Noted(answer.job, self._end())
        if isinstance(answer, Known):
            reason, self._refusal = self._refusal or "", None
            return self._done() if answer.known else self._halve(reason, now_s)
        if isinstance(answer, Refused):
            self._alone = ALONE_TRIES_MAX
            return self._doubt(answer.reason, now_s)
        if answer.state == "running":
            self._running(now_s)
            return None
        self.job = None
        if answer.state == "failed":
            return self._doubt(answer.reason, now_s)
        return self._done() if answer.state == "stored" else None

    def _end(self) -> int:
        """The position once the first piece is there."""
        return self.until if len(self._pieces) == 1 else self._pieces[0][-1].seq

    def _done(self, aside: str | None = None) -> Moved:
        moved = Moved(self._end() if aside is None else self._pieces[0][-1].seq, aside)
        self._pieces.popleft()
        self._alone = 0
        return moved

    def _doubt(self, reason: str, now_s: float) -> Moved | None:
        if self._pieces[0][-1].event_id is None:
            return self._halve(reason, now_s)
        self._refusal = reason
        return None

    def _halve(self, reason: str, now_s: float) -> Moved | None:
        piece, self._alone = self._pieces[0], self._alone + 1
        if len(piece) == 1:
            if self._alone >= ALONE_TRIES_MAX:
                return self._done(reason)
            self._not_before_s = now_s + BACKOFF_S
            return None
        self._alone = 0
        middle = len(piece) // 2
        self._pieces[0] = piece[middle:]
        self._pieces.appendleft(piece[:middle])
        return None

    def _running(self, now_s: float) -> None:
        since_s = self._since_s = now_s if self._since_s is None else self._since_s
        if now_s - since_s > JOB_S_MAX:
            self.job = self._since_s = None
            return
        self._polls += 1
        self._not_before_s = now_s + min(POLL_S * 1.5 ** min(self._polls, 20), POLL_S_MAX)

    def _pause(self, answer: Unavailable, now_s: float, chance: float) -> None:
        ceiling_s = min(BACKOFF_S * 2 ** min(self._tries, 10), BACKOFF_S_MAX)
        pause_s = ceiling_s * (0.5 + chance / 2)
        if answer.retry_after_s is not None:
            pause_s = max(min(answer.retry_after_s, RETRY_AFTER_S_MAX), pause_s * 0.2)
        self._tries += 1
        self._not_before_s = now_s + pause_s
