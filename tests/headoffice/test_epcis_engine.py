"""What is sent next to a capture interface, by what it answered."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from headoffice.epcis_engine import (
    ALONE_TRIES_MAX,
    BACKOFF_S_MAX,
    JOB_S_MAX,
    RETRY_AFTER_S_MAX,
    Accepted,
    Delivery,
    Job,
    Known,
    Look,
    Moved,
    Noted,
    Poll,
    Post,
    Refused,
    Told,
    Unavailable,
    Wait,
)


def items(*seqs: int) -> list[Told]:
    """Whose ids nobody can ask for."""
    return [Told(seq, b"{}", None) for seq in seqs]


def sent(step: object) -> list[int]:
    assert isinstance(step, Post)
    return [one.seq for one in step.piece]


def test_the_position_moves_when_the_job_has_succeeded_and_not_before() -> None:
    delivery = Delivery(items(2, 5), 9)
    assert sent(delivery.next(0.0)) == [2, 5]
    assert delivery.answered(Accepted("j"), 0.0, 0.0) == Noted("j", 9)
    assert isinstance(delivery.next(0.0), Wait)
    assert delivery.next(1.0) == Poll("j")
    assert delivery.answered(Job("running"), 1.0, 0.0) is None
    assert delivery.answered(Job("stored"), 9.0, 0.0) == Moved(9)
    assert delivery.next(9.0) is None


def test_nothing_to_say_is_nothing_to_send() -> None:
    assert Delivery([], 9).next(0.0) is None


def test_what_is_refused_is_halved_until_one_event_is_left_to_blame() -> None:
    delivery, now_s, told, posts = Delivery(items(*range(1, 9)), 10), 0.0, list[Moved](), list[list[int]]()
    while (step := delivery.next(now_s)) is not None:
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        posts.append(sent(step) if isinstance(step, Post) else [])
        if isinstance(step, Post) and 6 in sent(step):
            answer = delivery.answered(Refused("bad"), now_s, 0.0)
        elif isinstance(step, Post):
            answer = delivery.answered(Accepted("j"), now_s, 0.0)
        else:
            answer = delivery.answered(Job("stored"), now_s, 0.0)
        if isinstance(answer, Moved):
            told.append(answer)
    assert told == [Moved(4), Moved(5), Moved(6, "bad"), Moved(10)]
    assert [one for one in posts if one] == [
        [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4], [5, 6, 7, 8], [5, 6], [5], [6], [7, 8],
    ]  # fmt: skip


def test_a_failed_job_counts_as_refused_and_a_lost_one_is_sent_again() -> None:
    delivery = Delivery(items(1, 2), 2, job="left open")
    assert delivery.next(0.0) == Poll("left open")
    assert delivery.answered(Job("lost"), 0.0, 0.0) is None
    assert sent(delivery.next(0.0)) == [1, 2]
    delivery.answered(Accepted("j"), 0.0, 0.0)
    assert delivery.answered(Job("failed", "no"), 1.0, 0.0) is None
    assert sent(delivery.next(1.0)) == [1]


def test_an_event_whose_job_fails_is_tried_a_few_times() -> None:
    delivery, now_s = Delivery(items(1), 3), 0.0
    for left in reversed(range(ALONE_TRIES_MAX)):
        while isinstance(step := delivery.next(now_s), Wait):
            now_s += step.seconds
        assert sent(step) == [1]
        delivery.answered(Accepted("j"), now_s, 0.0)
        told = delivery.answered(Job("failed", "no"), now_s, 0.0)
        assert told == (None if left else Moved(1, "no"))


def test_after_a_refusal_it_is_asked_whether_the_peer_has_it_already() -> None:
    delivery = Delivery([Told(seq, b"{}", f"id-{seq}") for seq in (1, 2, 3, 4)], 9)
    assert delivery.answered(Refused("known"), 0.0, 0.0) is None
    assert delivery.next(0.0) == Look("id-4")
    assert delivery.answered(Known(False), 0.0, 0.0) is None
    assert sent(delivery.next(0.0)) == [1, 2]
    delivery.answered(Accepted("j"), 0.0, 0.0)
    delivery.answered(Job("failed", "known"), 1.0, 0.0)
    assert delivery.next(1.0) == Look("id-2")
    assert delivery.answered(Known(True), 1.0, 0.0) == Moved(2)
    assert sent(delivery.next(1.0)) == [3, 4]
    delivery.answered(Refused("bad"), 1.0, 0.0)
    delivery.answered(Unavailable("away"), 1.0, 0.0)
    assert delivery.next(99.0) == Look("id-4")


def test_pauses_grow_to_a_limit_and_the_peers_own_word_is_kept_to() -> None:
    delivery, now_s, pauses = Delivery(items(1), 1), 0.0, list[float]()
    for _ in range(12):
        delivery.answered(Unavailable("away"), now_s, 0.5)
        step = delivery.next(now_s)
        assert isinstance(step, Wait)
        pauses.append(step.seconds)
        now_s += step.seconds
    assert pauses[:3] == [0.375, 0.75, 1.5]
    assert max(pauses) == BACKOFF_S_MAX * 0.75
    delivery.answered(Unavailable("busy", 90.0), now_s, 0.0)
    assert delivery.next(now_s) == Wait(90.0)
    delivery.answered(Unavailable("busy", 1e9), now_s, 0.0)
    assert delivery.next(now_s) == Wait(RETRY_AFTER_S_MAX)


def test_an_outage_while_a_job_is_open_leaves_the_job_open() -> None:
    delivery = Delivery(items(1), 1)
    delivery.answered(Accepted("j"), 0.0, 0.0)
    delivery.answered(Unavailable("away"), 1.0, 0.0)
    assert delivery.next(99.0) == Poll("j")


def test_a_job_that_never_ends_is_taken_for_lost() -> None:
    delivery, now_s = Delivery(items(1), 1), 0.0
    delivery.answered(Accepted("j"), now_s, 0.0)
    while isinstance(step := delivery.next(now_s), Wait | Poll):
        if isinstance(step, Wait):
            now_s += step.seconds
        else:
            delivery.answered(Job("running"), now_s, 0.0)
    assert JOB_S_MAX < now_s < JOB_S_MAX + 10
    assert sent(step) == [1]


@given(st.integers(1, 40), st.sets(st.integers(1, 40)), st.integers(0, 10**6))
def test_over_any_faults_everything_arrives_once_in_effect_in_order(count: int, bad: set[int], seed: int) -> None:
    chance, now_s, at_peer, aside, position = Random(seed), 0.0, list[int](), set[int](), 0
    delivery = Delivery(items(*range(1, count + 1)), count)
    open_jobs: dict[str, list[int]] = {}
    for number in range(100_000):
        step = delivery.next(now_s)
        if step is None:
            break
        if isinstance(step, Wait):
            now_s += step.seconds
            continue
        fault = chance.random()
        if fault < 0.2:
            answer: object = Unavailable("away", chance.choice((None, 0.0, 3.0)))
            if isinstance(step, Post) and not bad & {*sent(step)} and fault < 0.1:  # stored, and the answer lost
                at_peer += [seq for seq in sent(step) if seq not in at_peer]
        elif isinstance(step, Post):
            open_jobs[str(number)] = sent(step)
            answer = Accepted(str(number)) if fault < 0.9 or not bad & {*sent(step)} else Refused("bad")
        elif fault < 0.3:
            answer = Job(chance.choice(("running", "lost")))
        else:
            wrong = bad & {*open_jobs[step.job]}
            answer = Job("failed", "bad") if wrong else Job("stored")
            at_peer += [seq for seq in open_jobs[step.job] if not wrong and seq not in at_peer]
        told = delivery.answered(answer, now_s, chance.random())  # type: ignore[arg-type]
        if isinstance(told, Moved):
            assert told.seq > position
            position = told.seq
            aside |= {told.seq} if told.aside else set()
    assert at_peer == [seq for seq in range(1, count + 1) if seq not in bad]
    assert aside == {seq for seq in bad if seq <= count}
