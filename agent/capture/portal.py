"""The portal: reads of tags near a door become passages, with their direction.

Each tag is judged by its own reads: the moment at which being read by one zone turns into being read by the other,
against the hypothesis that the tag stands still and is heard by both (its own past tells how much). Tags that are sure
by themselves and crossed at one time in one direction make a group. The group's pattern, when its tags were read by
which zone and how loud, then decides about the tags of which too few reads are there. Nobody moves because others
moved: a tag on the shelf beside the door was read before and is read after, and that counts against it.

Decisions fall a bounded time after the crossing. The engine is pure: time comes with the reads and with `tick`.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, OrderedDict

from agent.capture.portal_evidence import BEFORE_S, Profile, Seen, Turn, profile
from agent.capture.portal_groups import Group, Scorer
from agent.capture.portal_health import Health
from agent.capture.portal_tracks import WARM_S, Lean, Track
from agent.capture.portal_values import Finding, Passage, Settings, Uncertain

__all__ = ["Engine", "Finding", "Passage", "Settings", "Uncertain"]


MEMBERS_MIN, FRESH_MEMBERS_MIN = 3, 2  # so many sure tags make a pattern; so many if all are new here
CAME_S = 10.0  # goods that were first heard within this time have just come
COMPANY_S = 45.0  # goods that came within this time before are company
FELLOWS_S = 120.0  # and those that passed together within this


class Engine:
    """Feed reads in order of time; a read that is older than the last is taken as of now."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model = settings.model
        self._score = Scorer(settings)
        self._signs = {antenna: -1 if zone == settings.zones[0] else 1 for antenna, zone in settings.zone_of.items()}
        self._health = Health(settings.zone_of)
        self._tracks: OrderedDict[str, Track] = OrderedDict()
        self._checks: list[tuple[float, str]] = []
        self._groups: list[Group] = []
        self._were_blind = False
        self._patterns: list[Profile] = []
        self._gone: list[tuple[float, int, int]] = []
        self._last_group = 0
        self._now_s = -math.inf
        self._begun_s: float | None = None
        self._next_s = math.inf
        self._found: list[Finding] = []

    def read(
        self,
        t_s: float,
        epc: str,
        antenna: int,
        rssi_dbm: float,
        phase_rad: float | None = None,
        freq_mhz: float | None = None,
    ) -> list[Finding]:
        """One observation. Antennas without a zone are ignored; phase and frequency are not used."""
        del phase_rad, freq_mhz
        sign = self._signs.get(antenna)
        if sign is None:
            return []
        if self._begun_s is None:
            self._begun_s = self._score.begun_s = t_s
        if t_s >= self._next_s:
            self._advance(t_s)
        self._now_s = t_s = max(t_s, self._now_s)
        track = self._track(epc, t_s)
        turned = track.last_sign + sign == 0
        look = track.add(t_s, sign, rssi_dbm)
        if track.lean is not None:
            self._lean(track, look)
        if (turned or track.watched) and track.checks_s is None:
            self._check_at(track, t_s + self._settings.settle_s)
        came = t_s - track.first_s < CAME_S and track.first_s > self._begun_s + CAME_S  # at first everything is new
        health = self._health.read(antenna, came, t_s)
        if self._health.silent_zones:
            self._blind(track)
        if health or self._found:
            self._found += health
            return self._take()
        return []

    def _track(self, epc: str, t_s: float) -> Track:
        tracks = self._tracks
        track = tracks.get(epc)
        if track is None:
            track = tracks[epc] = Track(epc, t_s, self._score.rest)
            if len(tracks) > self._settings.tracks_max:
                tracks.popitem(last=False)
        else:
            tracks.move_to_end(epc)
        return track

    def tick(self, now_s: float) -> list[Finding]:
        """Time passes without reads: call it when nothing came for a second, and at the end of a recording."""
        if now_s >= self._next_s:
            self._advance(now_s)
        self._now_s = max(now_s, self._now_s)
        return self._take()

    def _take(self) -> list[Finding]:
        found, self._found = self._found, []
        return found

    def _check_at(self, track: Track, due_s: float) -> None:
        track.checks_s = due_s
        heapq.heappush(self._checks, (due_s, track.epc))
        self._next_s = min(self._next_s, due_s)

    def _advance(self, now_s: float) -> None:
        """Everything that was due before `now_s`, in order of time."""
        while True:
            group = min(self._groups, key=lambda one: one.due_s, default=None)
            check_s = self._checks[0][0] if self._checks else math.inf
            group_s = group.due_s if group else math.inf
            self._next_s = min(check_s, group_s)
            if self._next_s > now_s:
                break
            if group and group_s <= check_s:
                self._now_s = max(self._now_s, group_s)
                self._decide(group)
            else:
                due_s, epc = heapq.heappop(self._checks)
                self._now_s = max(self._now_s, due_s)
                track = self._tracks.get(epc)
                if track is not None and track.checks_s == due_s:
                    track.checks_s = None
                    self._look(track)
        self._forget(now_s)

    def _blind(self, track: Track) -> None:
        """A zone is silent: tags that come to the door and vanish may have gone there."""
        if not self._were_blind:
            for one in self._recent(self._now_s - 2 * BEFORE_S):
                self._watch_out(one)
            self._were_blind = True
        self._watch_out(track)

    def _watch_out(self, track: Track) -> None:
        if track.checks_s is None and not track.told and track.fresh(self._now_s, self._score.begun_s) is not False:
            self._check_at(track, self._now_s + self._settings.decide_s)

    def _vanished(self, track: Track) -> None:
        """Seen by one zone, and the other one is silent."""
        if track.told or track.born_s < track.last_s - 15.0:
            return
        if self._now_s - track.went_s < self._settings.late_s or track.both_sides() > 0.0:
            return  # it has just passed, or both zones hear it
        gone_s = self._now_s - track.last_s
        if gone_s < self._settings.decide_s - 0.01:
            self._check_at(track, track.last_s + self._settings.decide_s)
        elif track.total >= 1:
            track.told = True
            self._found.append(Uncertain(track.epc, "zone silent", self._now_s, track.total))

    def _forget(self, now_s: float) -> None:
        while self._tracks:
            epc, oldest = next(iter(self._tracks.items()))
            if now_s - oldest.last_s < self._settings.forget_s:
                return
            del self._tracks[epc]

    def _look(self, track: Track) -> None:
        """A tag was read by both zones: is it sure by itself?"""
        track.watched = False
        if self._health.silent_zones:
            self._vanished(track)
        turn = self._score.turn(track, self._now_s)
        group = next((one for one in self._groups if one.number == track.crossing), None)
        if turn is None or turn.score < self._model.member_score:
            if group is not None:
                group.remove(track.epc)
                track.crossing = None
            if turn is not None and not self._went_before(track, turn):
                track.watched = turn.score > 2 * self._model.crossing_prior
        elif not self._went_before(track, turn):
            if group is not None:
                group.remove(track.epc)
            self._join(track, turn)

    def _went_before(self, track: Track, turn: Turn) -> bool:
        """A tag turns up on the other side after its group was decided; true if it went with it."""
        for t_s, sign, number in reversed(self._gone):
            if number == track.refused or sign != turn.sign or not turn.last_s - 1.0 <= t_s <= turn.first_s + 1.0:
                continue
            score = turn.score - self._score.prior(track, self._now_s)
            met = any(gone[1] != sign and abs(gone[0] - t_s) < BEFORE_S for gone in self._gone)
            if score < (self._model.alone_score if met else self._model.late_score):
                return False
            self._pass(track, t_s, number, sign, score)
            return True
        return False

    def _lean(self, track: Track, read: Seen) -> None:
        """A tag of which too little was seen when its group went is read again: on which side is it now?"""
        lean, model = track.lean, self._model
        if lean is None:
            return
        zone = lean.sign > 0
        share = (model.wrong_share * model.share_weight + track.history[zone]) / (
            model.share_weight + sum(track.history)
        )
        rest_dbm, _ = self._score.rest.level()
        weight = read.weight * (0.5 if rest_dbm is not None and read.rssi_dbm < rest_dbm - 1.5 else 1.0)
        step = -math.log(share) if read.sign == lean.sign else math.log(model.wrong_share)
        score = lean.score + weight * step
        if score >= model.late_score:
            self._pass(track, lean.t_s, lean.number, lean.sign, score)
        elif score < model.lean_score or read.t_s - lean.t_s > self._settings.late_s:
            track.lean = None
        else:
            track.lean = lean._replace(score=score)

    def _join(self, track: Track, turn: Turn) -> None:
        near = [one for one in self._groups if one.sign == turn.sign]
        group = min(near, key=lambda one: abs(one.t_s - turn.t_s), default=None)
        if group is None or abs(group.t_s - turn.t_s) > self._settings.together_s:
            self._last_group += 1
            group = Group(self._last_group, turn, self._settings.decide_s)
            self._groups.append(group)
        group.add(track.epc, turn)
        track.crossing = group.number
        self._next_s = min(self._next_s, group.due_s)

    def _decide(self, group: Group) -> None:
        self._groups.remove(group)
        sure = [self._tracks[epc] for epc in group.members if epc in self._tracks]
        turns: dict[str, Turn] = {}
        for track in sure:
            turn = self._score.turn(track, self._now_s)
            if turn is not None and turn.sign == group.sign and turn.score >= self._model.member_score:
                turns[track.epc] = turn
        pattern = self._pattern(group, turns)
        deserted = self._deserted(group)
        if pattern is None or deserted:
            for track in sure:
                self._judge_alone(track, group, turns.get(track.epc), deserted=deserted)
            return
        rivals = self._rivals(group)
        self._gone = [one for one in self._gone if self._now_s - one[0] < self._settings.late_s]
        self._gone.append((group.t_s, group.sign, group.number))
        self._patterns = [one for one in self._patterns if self._now_s - one.t_s < 3 * BEFORE_S]
        self._patterns.append(pattern)
        for track in self._recent(group.t_s - BEFORE_S):
            if self._may_go(track, group, turns):
                self._judge(track, group, turns.get(track.epc), pattern, rivals)

    def _may_go(self, track: Track, group: Group, turns: dict[str, Turn]) -> bool:
        """Those of another group go with that; two new tags draw only new ones along."""
        if track.crossing not in {None, group.number}:
            return False
        new = track.fresh(group.t_s, self._score.begun_s) is True
        return len(turns) >= MEMBERS_MIN or new or track.epc in turns

    def _deserted(self, group: Group) -> bool:
        """Most of what came to the door with these tags has stayed: then these have not gone either."""
        model = self._model
        since_s = max(group.t_s - COMPANY_S, self._score.begun_s + WARM_S)
        came = [
            track
            for track in self._recent(group.t_s - BEFORE_S)
            if track.born_s > since_s
            and track.crossing in {None, group.number}
            and self._now_s - track.went_s > COMPANY_S
        ]
        if len(came) <= len(group.members):
            return False
        arrived = sum(bool(track.reads) and track.reads[-1].sign == group.sign for track in came)
        share, there = len(group.members) / len(came), arrived / len(came)
        if share < 2 * model.company_share and there > model.company_there:
            return True
        return share < model.company_share or there < model.company_arrived

    def _rivals(self, group: Group) -> list[Profile]:
        """Groups that cross the other way at about the same time."""
        rivals = [one for one in self._patterns if one.sign != group.sign and abs(one.t_s - group.t_s) < 2 * BEFORE_S]
        for other in self._groups:
            if other.sign != group.sign and len(other.members) >= 3 and abs(other.t_s - group.t_s) < BEFORE_S:
                reads = [list(self._tracks[epc].reads) for epc in other.members if epc in self._tracks]
                rivals.append(profile(reads, other.t_s, other.sign))
        return rivals

    def _pattern(self, group: Group, turns: dict[str, Turn]) -> Profile | None:
        """None where too few crossed to tell a pattern: each is then judged alone."""
        if len(turns) < FRESH_MEMBERS_MIN:
            return None
        times = sorted(turn.t_s for turn in turns.values())
        group.t_s = times[len(times) // 2]
        tracks = [self._tracks[epc] for epc in turns]
        new = sum(track.fresh(group.t_s, self._score.begun_s) is True for track in tracks)
        if len(tracks) < MEMBERS_MIN and new < len(tracks):
            return None
        reads = [track.within(group.t_s - BEFORE_S, self._now_s) for track in tracks]
        return profile(reads, group.t_s, group.sign)._replace(fresh=new / len(tracks), fellows=self._fellows(tracks))

    def _fellows(self, tracks: list[Track]) -> int:
        """The group that most of them passed with a short while ago; 0 where there is none."""
        passed = Counter(
            track.went_with for track in tracks if track.went_with and self._now_s - track.went_s < FELLOWS_S
        )
        for number, count in passed.most_common(1):
            return number if 2 * count > len(tracks) else 0
        return 0

    def _recent(self, since_s: float) -> list[Track]:
        found: list[Track] = []
        for track in reversed(self._tracks.values()):
            if track.last_s < since_s:
                break
            found.append(track)
        return found[::-1]

    def _judge_alone(self, track: Track, group: Group, turn: Turn | None, *, deserted: bool) -> None:
        track.crossing = None
        if turn is None:
            return
        enough, reads = self._enough_alone(track, turn, deserted=deserted)
        if turn.score >= enough and track.both_sides() >= reads:
            self._pass(track, turn.t_s, group.number, group.sign, turn.score)
        elif turn.score >= self._model.doubt_score:
            self._doubt(track, "weak")

    def _judge(self, track: Track, group: Group, turn: Turn | None, pattern: Profile, rivals: list[Profile]) -> None:
        model = self._model
        track.crossing = None
        score, needed = self._score.with_group(track, pattern, self._now_s)
        others = [one for one in rivals if not self._has_gone_with(track, one, pattern)]
        torn = turn is None and score >= needed and others
        if torn and not self._score.leads(track, pattern, others, self._now_s):
            self._doubt(track, "two groups")
            return
        if turn is not None:
            score = max(score, turn.score - self._score.prior(track, self._now_s))
        if score >= needed:
            self._pass(track, group.t_s if turn is None else turn.t_s, group.number, group.sign, score)
            return
        self._leave_open(track, group, score)
        if turn is not None or score >= model.doubt_score:
            self._doubt(track, "weak" if turn is not None else "one-sided")

    def _has_gone_with(self, track: Track, rival: Profile, pattern: Profile) -> bool:
        """The tag went the other way clearly before, and now comes back: that is no choice between two groups."""
        went = track.went == rival.sign and abs(track.went_s - rival.t_s) <= self._settings.together_s
        return went and pattern.t_s >= rival.t_s + BEFORE_S

    def _enough_alone(self, track: Track, turn: Turn, *, deserted: bool) -> tuple[float, float]:
        """What a tag must reach without a group: score, and reads of either side."""
        model = self._model
        fresh = track.fresh(self._now_s - self._settings.decide_s, self._score.begun_s)
        if deserted:
            return model.alone_company_score, model.alone_reads
        if not fresh:
            settled = fresh is None or sum(track.history) >= model.settled_reads
            return model.alone_settled_score if settled else model.alone_score, model.alone_reads
        others = [one.t_s for one in self._patterns] + [one.t_s for one in self._groups if len(one.members) >= 3]
        if any(abs(t_s - turn.t_s) < 2 * BEFORE_S for t_s in others):
            return model.alone_score, model.alone_fresh_reads
        return model.alone_fresh_score, model.alone_fresh_reads

    def _leave_open(self, track: Track, group: Group, score: float) -> None:
        """Later reads will tell where it is, unless so much is known of it that they need not."""
        settled = sum(track.history) >= self._model.settled_reads
        lowest = self._model.lean_score_settled if settled else self._model.lean_score
        if settled and score < lowest:
            track.refused = group.number
        if score > lowest and track.was_at(-group.sign, group.t_s):
            track.lean = Lean(score, group.t_s, group.sign, group.number)

    def _pass(self, track: Track, t_s: float, number: int, sign: int, score: float) -> None:
        if track.went == sign and t_s - track.went_s < self._settings.again_s:
            return  # it is there already
        if track.went == -sign and abs(t_s - track.went_s) < self._settings.turn_s:
            return  # nobody is back so soon: near the door both zones hear loud goods
        lean = track.lean
        if lean is not None and lean.sign != sign and lean.t_s < t_s - 1.0:
            # It came back, so it had gone: with the group that it was in doubt about.
            track.lean = None
            self._pass(track, lean.t_s, lean.number, lean.sign, max(lean.score, 1.0))
        origin, target = self._settings.zones if sign > 0 else self._settings.zones[::-1]
        confidence = 1 / (1 + math.exp(-min(score + 2.0, 30.0)))
        self._found.append(
            Passage(track.epc, origin, target, round(t_s, 3), round(confidence, 4), track.total, self._now_s, number)
        )
        track.passed(t_s, sign, number)

    def _doubt(self, track: Track, reason: str) -> None:
        self._found.append(Uncertain(track.epc, reason, self._now_s, track.total))
