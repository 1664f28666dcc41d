"""Groups of tags that cross together, and how a tag is scored by itself and with a group."""

from __future__ import annotations

import math

from agent.capture.portal_evidence import (
    BEFORE_S,
    Profile,
    Seen,
    Turn,
    at_rest,
    best_turn,
    side_table,
    with_group,
)
from agent.capture.portal_tracks import Rest, Track
from agent.capture.portal_values import Settings


class Group:
    """Tags that crossed together; `members` hold each one's best crossing."""

    __slots__ = ("decide_s", "due_s", "members", "number", "sign", "t_s")

    def __init__(self, number: int, turn: Turn, decide_s: float) -> None:
        self.number, self.sign, self.t_s = number, turn.sign, turn.t_s
        self.decide_s = decide_s
        self.due_s = turn.t_s + decide_s
        self.members: dict[str, Turn] = {}

    def add(self, epc: str, turn: Turn) -> None:
        self.members[epc] = turn
        times = sorted(one.t_s for one in self.members.values())
        self.t_s = times[len(times) // 2]
        self.due_s = self.t_s + self.decide_s

    def remove(self, epc: str) -> None:
        self.members.pop(epc, None)


class Scorer:
    """Evidence of one tag, with what is known of the portal: since when it watches, how loud goods at rest are."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model = settings.model
        self._table = side_table(settings.model)
        self.rest = Rest()
        self.begun_s = 0.0

    def lived(self, track: Track, sign: int) -> float:
        """Against a crossing from a side where the tag has not lived: a logarithm, 0 where it did."""
        model = self._model
        origin, both = track.history[sign < 0], sum(track.history)
        share = (0.5 * model.share_weight + origin) / (model.share_weight + both)
        return model.lived_weight * min(0.0, math.log(2 * share))

    def prior(self, track: Track, now_s: float) -> float:
        fresh = track.fresh(now_s - self._settings.decide_s, self.begun_s)
        return self._model.crossing_prior if fresh is False else self._model.fresh_crossing_prior

    def turn(self, track: Track, now_s: float) -> Turn | None:
        reads = list(track.reads)
        turn = best_turn(reads, track.history, self._model, self._table, self.prior(track, now_s))
        if turn is None and track.aged_s is not None and reads:
            sign = reads[0].sign
            origin, target = track.history[sign < 0], track.history[sign > 0]
            if origin > 3 * target:
                score = self._model.crossing_prior - at_rest(reads, track.history, self._model)
                return Turn(score, (track.aged_s + reads[0].t_s) / 2, sign, track.aged_s, reads[0].t_s)
        return turn if turn is None else turn._replace(score=turn.score + self.lived(track, turn.sign))

    def with_group(self, track: Track, pattern: Profile, now_s: float) -> tuple[float, float]:
        """How much speaks for going with the group, and what that must reach."""
        reads = track.within(pattern.t_s - BEFORE_S, now_s)
        if not reads:
            return -math.inf, 0.0
        one_sided = all(read.sign == reads[0].sign for read in reads)
        if one_sided and sum(read.weight for read in reads) < self._model.one_sided_reads:
            return -math.inf, 0.0
        score = self.likeness(track, reads, pattern, now_s) + self._expected(track, reads, one_sided, pattern)
        score += self.lived(track, pattern.sign)
        return score, self._model.one_sided_score if one_sided else self._model.group_score

    def likeness(self, track: Track, reads: list[Seen], pattern: Profile, now_s: float) -> float:
        """The reads alone: was the tag seen as the group was, rather than as one that stands still?"""
        model = self._model
        level, spread_db = (track.level, model.level_db) if track.level is not None else self.rest.level()
        return with_group(reads, track.history, level, spread_db, pattern, now_s, model)

    def leads(self, track: Track, pattern: Profile, rivals: list[Profile], now_s: float) -> bool:
        """Is it clearly rather of this group than of those that cross the other way?"""
        reads = track.within(pattern.t_s - BEFORE_S, now_s)
        one_sided = all(read.sign == reads[0].sign for read in reads)
        margin = self._model.rival_margin if one_sided else self._model.rival_margin_both
        others = (self.likeness(track, track.within(one.t_s - BEFORE_S, now_s), one, now_s) for one in rivals)
        return self.likeness(track, reads, pattern, now_s) - max(others) >= margin

    def _expected(self, track: Track, reads: list[Seen], one_sided: bool, pattern: Profile) -> float:
        """What is likely of such a tag before its reads are looked at."""
        model, t_s = self._model, pattern.t_s
        fresh = track.fresh(t_s, self.begun_s)
        if fresh and not one_sided:
            return model.fresh_both_prior
        if fresh:
            return model.fresh_prior if reads[0].sign != pattern.sign else model.fresh_arrived_prior
        if t_s - track.went_s < self._settings.late_s:
            return model.moved_prior
        settled = model.settled_prior if one_sided and fresh is False else 0.0
        return settled + (model.stood_prior if sum(track.history) >= model.settled_reads else 0.0)
