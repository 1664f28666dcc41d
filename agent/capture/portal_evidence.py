"""What a tag's few reads say: did it cross, when and which way, or does it only stand near the door.

All evidence is a logarithm of likelihood ratios, added up. A read is `Seen(t_s, sign, rssi_dbm, weight)`: sign -1 for
zone A, +1 for zone B; the weight of reads in quick succession is small, for they say the same thing again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Model(NamedTuple):
    """The parameters. Scores are natural logarithms of likelihood ratios."""

    side_odds_max: float = (
        4.2  # log odds of right-zone to wrong-zone reads far from the crossing: max * (1 - exp(-|t| / time))
    )
    side_time_s: float = 1.4  # how soon after the crossing they are reached
    wrong_share: float = 0.06  # share of reads by the other zone of a tag at rest, before its own history is known
    share_weight: float = 6.6  # how many reads that belief is worth
    looks_max: float = 12.0  # what its reads' zones may weigh in all: a loud tag's many say one thing again
    lived_weight: float = 1.0  # how much it counts against a crossing that the tag did not live where it comes from
    crossing_prior: float = -2.0  # against a crossing, of a tag that was seen here before
    fresh_crossing_prior: float = -1.0  # the same, of a tag never seen before it came
    member_score: float = 0.5  # makes a tag one of those by whom a group is known
    alone_score: float = 3.4  # what a passage needs without a group
    alone_reads: float = 1.4  # and how many reads on either side
    alone_fresh_score: float = 0.5  # the same, of a tag never seen before it came: it is no tag at rest
    alone_fresh_reads: float = 0.5
    alone_settled_score: float = 5.5  # of a tag with a long history, or when the portal has not watched for long
    alone_company_score: float = 8.0  # of one whose company stayed
    company_share: float = 0.125  # sure tags to all that came with them, below which the company has stayed
    company_arrived: float = 0.3  # share of those that came and were seen last on the other side, below which it has
    company_there: float = 0.7  # and above which, with few sure, it was there from the first
    group_score: float = 0.5  # what a tag seen by both zones needs with a group
    one_sided_score: float = 0.7  # what a tag seen by one zone needs with a group
    one_sided_reads: float = 0.6  # and how many reads: one that is not faint
    one_sided_fresh_reads: float = 0.3  # the same, of a tag never seen before
    single_time_s: float = 2.5  # a tag read once, and never before, was read so soon before or after the crossing
    doubt_score: float = 0.0  # above it a tag without a passage is uncertain
    fresh_prior: float = 3.4  # with a group: for a tag never seen before, read on the origin's side only
    fresh_arrived_prior: float = 2.4  # the same, on the target's side only
    fresh_both_prior: float = 3.0  # the same, on both
    fellow_prior: float = 4.0  # for a tag that last passed together with most of the group
    moved_prior: float = 1.0  # for a tag that passed a minute ago
    settled_prior: float = -1.0  # against a tag that stood here before
    stood_prior: float = -5.0  # and more against one that stood here for long
    rival_margin: float = 1.2  # what one of two opposite groups must be better by, for a tag that is not sure itself
    floor_share: float = 0.03  # reads of a crossing tag that fit no pattern
    level_db: float = 2.5  # how the reads of one tag at rest scatter
    moving_level_db: float = 3.5  # how those of a group scatter about its pattern
    level_slope_db_s: float = 1.3  # how much fainter goods are for each second from the door
    level_max: float = 3.0  # what loudness may say at most, alone
    group_level_max: float = 4.0  # and with a group
    fainter_max_db: float = 4.0  # how much fainter than at rest still speaks for moving
    late_score: float = 1.5  # what a tag in doubt needs that is found on the other side later
    lean_score: float = -6.0  # below it a tag is not left open
    lean_score_settled: float = -1.0  # the same, of a tag with a long history
    settled_reads: float = 20.0  # how many reads are a long history


class Seen(NamedTuple):
    t_s: float
    sign: int
    rssi_dbm: float
    weight: float


class Turn(NamedTuple):
    """The best crossing of a tag by its own reads. `sign` +1 is A>B."""

    score: float
    t_s: float
    sign: int
    last_s: float  # seen on the old side, and `first_s` on the new
    first_s: float


REPEAT_S, WEIGHT_MIN = 0.25, 0.1
TOGETHER_S, LEAD_DB = 0.4, 4.0
NEAR_DB, FAR_WEIGHT = 15.0, 0.1
BIN_S, BEFORE_S, AFTER_S = 0.5, 5.0, 5.0
BINS = int((BEFORE_S + AFTER_S) / BIN_S)
_SIDE_STEP_S = 0.05


def clearest(reads: Sequence[Seen]) -> list[Seen]:
    """Loud goods are heard by both zones at once: then the louder one counts, the fainter says little or nothing."""
    found: list[Seen] = []
    loudest_dbm = max((read.rssi_dbm for read in reads), default=0.0)
    for at, read in enumerate(reads):
        other_dbm = max(_around(reads, at, -1), _around(reads, at, 1))
        weight = read.weight * min(1.0, max(0.0, 0.5 + (read.rssi_dbm - other_dbm) / (2 * LEAD_DB)))
        # Far from the door, where both hear it faintly, a reflection decides which of them does.
        weight *= min(1.0, max(FAR_WEIGHT, 2.0 - (loudest_dbm - read.rssi_dbm) / NEAR_DB))
        if weight:
            found.append(read._replace(weight=weight))
    return found


def _around(reads: Sequence[Seen], at: int, step: int) -> float:
    """The loudest read of the other zone at the same time, on one side of `at`."""
    read, loudest = reads[at], -math.inf
    near = at + step
    while 0 <= near < len(reads) and abs(reads[near].t_s - read.t_s) <= TOGETHER_S:
        if reads[near].sign != read.sign:
            loudest = max(loudest, reads[near].rssi_dbm)
        near += step
    return loudest


def side_table(model: Model) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Logarithms of a right-zone and a wrong-zone read's probability, by |time to the crossing| in steps of 0.05 s."""
    odds = [model.side_odds_max * (1 - math.exp(-n * _SIDE_STEP_S / model.side_time_s)) for n in range(201)]
    return tuple(-math.log1p(math.exp(-x)) for x in odds), tuple(-math.log1p(math.exp(x)) for x in odds)


def at_rest(reads: Sequence[Seen], history: Sequence[float], model: Model) -> float:
    """Log-likelihood of the zones if the tag stands still on its better side; `history` counts older reads (A, B)."""
    n_a = sum(read.weight for read in reads if read.sign < 0)
    n_b = sum(read.weight for read in reads if read.sign > 0)
    wrong, right = model.wrong_share * model.share_weight, (1 - model.wrong_share) * model.share_weight
    in_a = _beta_ratio(right + history[0], wrong + history[1], n_a, n_b)
    in_b = _beta_ratio(right + history[1], wrong + history[0], n_b, n_a)
    return max(in_a, in_b)


def _beta_ratio(a: float, b: float, n_a: float, n_b: float) -> float:
    lgamma = math.lgamma
    return (
        lgamma(a + n_a) + lgamma(b + n_b) - lgamma(a + b + n_a + n_b) - (lgamma(a) + lgamma(b) - lgamma(a + b))
    )  # Beta-binomial: the share of wrong reads is not known, only believed


def best_turn(
    reads: Sequence[Seen],
    history: Sequence[float],
    model: Model,
    table: tuple[tuple[float, ...], tuple[float, ...]],
    prior: float,
) -> Turn | None:
    """The crossing that explains the reads best, against standing still; None if all are of one zone."""
    best: Turn | None = None
    if not reads:
        return None
    rest = at_rest(reads, history, model)
    share = min(1.0, model.looks_max / sum(read.weight for read in reads))
    for before, after in pairwise(reads):
        if before.sign == after.sign:
            continue
        t_s = (before.t_s + after.t_s) / 2
        found = share * (crossing_fit(reads, t_s, after.sign, table) - rest) + peak(reads, t_s, model) + prior
        if best is None or found > best.score:
            best = Turn(found, t_s, after.sign, before.t_s, after.t_s)
    return best


def peak(reads: Sequence[Seen], t_s: float, model: Model) -> float:
    """Is the tag louder near the crossing, as goods are that come and go, or as loud as ever?

    Two fits of the level, `mean` and `mean - slope * |t|`, compared by their squares.
    """
    weight = sum(read.weight for read in reads)
    mean = sum(read.weight * read.rssi_dbm for read in reads) / weight
    falls = [-model.level_slope_db_s * min(abs(read.t_s - t_s), 4.0) for read in reads]
    middle = sum(read.weight * fall for read, fall in zip(reads, falls, strict=True)) / weight
    gain = 0.0
    for read, fall in zip(reads, falls, strict=True):
        off, bent = read.rssi_dbm - mean, fall - middle
        gain += read.weight * (off * off - (off - bent) * (off - bent))
    return max(-model.level_max, min(model.level_max, gain / (2 * (1.3 * model.level_db) ** 2)))


def crossing_fit(
    reads: Sequence[Seen], t_s: float, sign: int, table: tuple[tuple[float, ...], tuple[float, ...]]
) -> float:
    right, wrong = table
    total = 0.0
    for read in reads:
        away_s = read.t_s - t_s
        step = min(int(abs(away_s) / _SIDE_STEP_S), 200)
        total += read.weight * (right if (away_s > 0) == (read.sign == sign) else wrong)[step]
    return total


class Profile(NamedTuple):
    """How the sure members of a group were read, by time to the crossing: density over zones and time, and level."""

    t_s: float
    sign: int
    density: tuple[tuple[float, ...], tuple[float, ...]]  # origin, target; sums to 1
    level_dbm: tuple[tuple[float, ...], tuple[float, ...]]
    fresh: float = 1.0  # share of the members that were never seen before
    fellows: int = 0  # the group that most of them passed with before


def profile(members: Sequence[Sequence[Seen]], t_s: float, sign: int) -> Profile:
    counts = [[0.3] * BINS, [0.3] * BINS]
    levels = [[-70.0 * 0.3] * BINS, [-70.0 * 0.3] * BINS]
    for reads in members:
        for read in reads:
            place = int((read.t_s - t_s + BEFORE_S) / BIN_S)
            if 0 <= place < BINS:
                zone = int(read.sign == sign)
                for near, share in ((place - 1, 0.25), (place, 0.5), (place + 1, 0.25)):
                    if 0 <= near < BINS:
                        counts[zone][near] += share * read.weight
                        levels[zone][near] += share * read.weight * read.rssi_dbm
    whole = sum(map(sum, counts))
    return Profile(
        t_s,
        sign,
        (tuple(n / whole for n in counts[0]), tuple(n / whole for n in counts[1])),
        (
            tuple(level / n for level, n in zip(levels[0], counts[0], strict=True)),
            tuple(level / n for level, n in zip(levels[1], counts[1], strict=True)),
        ),
    )


def with_group(
    reads: Sequence[Seen],
    history: Sequence[float],
    level_dbm: float | None,
    spread_db: float,
    group: Profile,
    until_s: float,
    model: Model,
) -> float:
    """Does this tag move like the group, against standing still and being read at any time?

    `level_dbm` is the tag's mean before, None when it was not seen before; `until_s` is now.
    """
    bins = max(1, min(BINS, int((until_s - group.t_s + BEFORE_S) / BIN_S)))
    uniform = 1.0 / bins
    total, levels, inside = at_rest(reads, history, model) * -1.0, 0.0, 0.0
    own_dbm = sum(read.rssi_dbm for read in reads) / len(reads) if level_dbm is None else level_dbm
    for read in reads:
        place = int((read.t_s - group.t_s + BEFORE_S) / BIN_S)
        if not 0 <= place < bins:
            total += read.weight * math.log(0.5)  # before the window: says nothing about time, a little about zones
            continue
        zone = int(read.sign == group.sign)
        inside += read.weight
        dense = (1 - model.floor_share) * group.density[zone][place] + model.floor_share * uniform / 2
        total += read.weight * math.log(dense / uniform)
        if level_dbm is not None:
            moved = read.rssi_dbm - group.level_dbm[zone][place]
            rested = max(-model.fainter_max_db, read.rssi_dbm - own_dbm)  # being fainter is little sign of coming near
            levels += read.weight * (
                math.log(spread_db / model.moving_level_db)
                + 0.5 * ((rested / spread_db) ** 2 - (moved / model.moving_level_db) ** 2)
            )
    return total + max(-model.group_level_max, min(model.group_level_max, levels)) if inside else -math.inf
