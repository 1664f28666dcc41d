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
    clearest,
    crossing_fit,
    side_table,
    with_group,
)
from agent.capture.portal_tracks import Rest, Track
from agent.capture.portal_values import Settings

FRESH_GROUP = 0.5  # share of new tags that makes a group of new goods
EARLY_S = 0.2  # how well the moment of a crossing is known


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
        reads = clearest(track.reads)
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
        if one_sided and not self._enough(track, reads, pattern):
            return -math.inf, 0.0
        score = self.likeness(track, reads, pattern, now_s) + self._expected(track, reads, one_sided, pattern)
        score += self.lived(track, pattern.sign)
        return score, self._model.one_sided_score if one_sided else self._model.group_score

    def _enough(self, track: Track, reads: list[Seen], pattern: Profile) -> bool:
        """Seen by one zone only: not too faint, and on the one side before the crossing or on the other after it."""
        weight = sum(read.weight for read in reads)
        if not self._fresh(track, pattern) and not _fellow(track, pattern):
            return weight >= self._model.one_sided_reads
        away_s = reads[-1].t_s - pattern.t_s if reads[0].sign == pattern.sign else pattern.t_s - reads[0].t_s
        longest_s = self._model.single_time_s if len(reads) == 1 else BEFORE_S
        return weight >= self._model.one_sided_fresh_reads and -EARLY_S <= away_s <= longest_s

    def _fresh(self, track: Track, pattern: Profile) -> bool:
        """It came with the goods of the group, which were not seen before either."""
        return pattern.fresh >= FRESH_GROUP and track.fresh(pattern.t_s, self.begun_s) is True

    def likeness(self, track: Track, reads: list[Seen], pattern: Profile, now_s: float) -> float:
        """The reads alone: was the tag seen as the group was, rather than as one that stands still?"""
        model = self._model
        level, spread_db = (track.level, model.level_db) if track.level is not None else self.rest.level()
        return with_group(reads, track.history, level, spread_db, pattern, now_s, model)

    def leads(self, track: Track, pattern: Profile, rivals: list[Profile], now_s: float) -> bool:
        """Is it clearly rather of this group than of those that cross the other way, by pattern and by zones?"""
        return all(self._lead(track, pattern, one, now_s) >= self._model.rival_margin for one in rivals)

    def _lead(self, track: Track, pattern: Profile, rival: Profile, now_s: float) -> float:
        mine, theirs = (track.within(one.t_s - BEFORE_S, now_s) for one in (pattern, rival))
        by_pattern = self.likeness(track, mine, pattern, now_s) - self.likeness(track, theirs, rival, now_s)
        by_zone = crossing_fit(mine, pattern.t_s, pattern.sign, self._table) - crossing_fit(
            theirs, rival.t_s, rival.sign, self._table
        )
        return min(by_pattern, by_zone)

    def _expected(self, track: Track, reads: list[Seen], one_sided: bool, pattern: Profile) -> float:
        """What is likely of such a tag before its reads are looked at."""
        model, t_s = self._model, pattern.t_s
        if self._fresh(track, pattern):
            if not one_sided:
                return model.fresh_both_prior
            return model.fresh_prior if reads[0].sign != pattern.sign else model.fresh_arrived_prior
        if _fellow(track, pattern):
            return model.fellow_prior
        if t_s - track.went_s < self._settings.late_s:
            return model.moved_prior
        known = track.fresh(t_s, self.begun_s) is not None
        settled = model.settled_prior if one_sided and known else 0.0
        return settled + (model.stood_prior if sum(track.history) >= model.settled_reads else 0.0)


def _fellow(track: Track, pattern: Profile) -> bool:
    return pattern.fellows != 0 and track.went_with == pattern.fellows
