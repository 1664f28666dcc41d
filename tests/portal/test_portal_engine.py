"""The engine on small hand-made doors: who passes, who does not, when, and what is kept."""

from __future__ import annotations

from agent.capture.portal import Engine, Finding, Passage, Settings, Uncertain
from agent.capture.portal_health import AntennaFinding

DOOR = Settings(("in", "out"), {1: "in", 2: "in", 3: "out", 4: "out"})


def run(reads: list[tuple[float, str, int, float]], settings: Settings = DOOR) -> list[Finding]:
    engine = Engine(settings)
    found: list[Finding] = []
    for read in sorted(reads):
        found += engine.read(*read)
    for later_s in range(1, 11):
        found += engine.tick(max(read[0] for read in reads) + later_s)
    return found


def through(epc: str, t_s: float, *, first: int = 1, then: int = 3) -> list[tuple[float, str, int, float]]:
    """Six reads of a tag that goes through the door at `t_s`, loudest near it."""
    return [
        *((t_s - away_s, epc, first, -62.0 - 2 * away_s) for away_s in (2.4, 1.4, 0.5)),
        *((t_s + away_s, epc, then, -62.0 - 2 * away_s) for away_s in (0.6, 1.5, 2.5)),
    ]


def passages(found: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.epc, one.origin, one.target) for one in found if isinstance(one, Passage)]


def test_one_tag_each_way() -> None:
    found = run(through("AA", 10.0) + through("BB", 30.0, first=4, then=2))
    assert passages(found) == [("AA", "in", "out"), ("BB", "out", "in")]
    first = next(one for one in found if isinstance(one, Passage))
    assert abs(first.t_cross_s - 10.0) < 0.5
    assert first.decided_s - first.t_cross_s <= 5.0
    assert first.confidence > 0.9


def test_in_and_out_again_are_two_passages() -> None:
    found = run(through("AA", 10.0) + through("AA", 18.0, first=3, then=1))
    assert passages(found) == [("AA", "in", "out"), ("AA", "out", "in")]


def test_a_tag_on_the_shelf_never_moves() -> None:
    """Heard by its own side, and every fourth time by the other."""
    shelf = [(0.7 * n, "5E1F", 3 if n % 4 == 3 else 1, -70.0) for n in range(400)]
    assert passages(run(shelf)) == []


def test_a_cart_does_not_take_the_shelf_along() -> None:
    shelf = [(1.1 * n + 0.01 * tag, f"5E{tag:02}", 1, -72.0) for n in range(90) for tag in range(20)]
    cart = [read for tag in range(30) for read in through(f"CA{tag:02}", 60.0 + 0.02 * tag)]
    moved = {epc for epc, _, _ in passages(run(shelf + cart))}
    assert moved == {f"CA{tag:02}" for tag in range(30)}


def test_a_tag_seen_on_one_side_only_goes_with_its_cart() -> None:
    shelf = [(1.1 * n, "5E1F", 1, -72.0) for n in range(90)]
    cart = [read for tag in range(30) for read in through(f"CA{tag:02}", 60.0 + 0.02 * tag)]
    half = [(58.6, "HALF", 1, -66.0), (59.5, "HALF", 2, -63.0)]
    assert ("HALF", "in", "out") in passages(run(shelf + cart + half))


def test_without_a_cart_it_does_not() -> None:
    assert passages(run([(58.6, "HALF", 1, -66.0), (59.5, "HALF", 2, -63.0)])) == []


def test_a_loud_tag_that_both_zones_hear_all_the_way_passes() -> None:
    """Fifteen reads a second; within three seconds of the door the wrong zone hears it too, fainter."""
    reads = [(50.0 + 0.5 * n, "5E1F", 1, -72.0) for n in range(60)]
    for n in range(-75, 76):
        away_s, own = n / 15, n % 5 not in {0, 3} or abs(n) > 45
        antenna = (1 if own else 3) if n < 0 else (3 if own else 1)
        reads.append((100.0 + away_s, "100D", antenna, -45.0 - 4 * abs(away_s) - (0 if own else 12)))
    assert passages(run(reads)) == [("100D", "in", "out")]


def test_two_new_tags_draw_a_third_new_one_but_none_that_was_here() -> None:
    shelf = [(1.1 * n, epc, 1, -72.0) for epc in ("5E1F", "HERE") for n in range(54)]
    pair = [read for tag in range(2) for read in through(f"CA{tag:02}", 60.0 + 0.02 * tag)]
    third = [(58.6, "HALF", 1, -66.0), (59.5, "HALF", 2, -63.0)]
    moved = {epc for epc, _, _ in passages(run(shelf + pair + third))}
    assert moved == {"CA00", "CA01", "HALF"}


def test_who_comes_back_with_its_cart_is_not_torn_between_the_two_ways() -> None:
    shelf = [(1.1 * n, "5E1F", 1, -72.0) for n in range(90)]
    cart = [read for tag in range(30) for read in through(f"CA{tag:02}", 60.0 + 0.02 * tag)]
    back = [read for tag in range(30) for read in through(f"CA{tag:02}", 68.0 + 0.02 * tag, first=3, then=1)]
    half = [*through("HALF", 60.0), (67.4, "HALF", 3, -63.0), (67.9, "HALF", 3, -63.0)]
    moves = [move for move in passages(run(shelf + cart + back + half)) if move[0] == "HALF"]
    assert moves == [("HALF", "in", "out"), ("HALF", "out", "in")]


def test_a_tag_that_turns_at_the_door_does_not_pass() -> None:
    reads = [(10.0 + 0.5 * n, "7E", 3 if n == 6 else 1, -66.0) for n in range(14)]
    assert passages(run(reads)) == []


def test_a_group_has_one_number() -> None:
    cart = [read for tag in range(20) for read in through(f"CA{tag:02}", 20.0 + 0.03 * tag)]
    groups = {one.group for one in run(cart) if isinstance(one, Passage)}
    assert len(groups) == 1


def test_a_silent_zone_makes_goods_uncertain_and_is_told() -> None:
    reads = [
        (40.0 * cart + 5 + 0.4 * n + 0.005 * tag, f"{cart:02}{tag:02}", 1 + n % 2, -70.0 + n)
        for cart in range(4)
        for tag in range(30)
        for n in range(6)
    ]
    found = run([(-20.0, "5E", 1, -70.0), *reads])  # it has watched for a while
    assert passages(found) == []
    assert {one.antenna for one in found if isinstance(one, AntennaFinding)} == {3, 4}
    told = {one.epc for one in found if isinstance(one, Uncertain) and one.reason == "zone silent"}
    assert len(told) >= 0.95 * 120


def test_an_antenna_that_is_heard_again_is_told() -> None:
    engine = Engine(DOOR)
    found: list[Finding] = []
    for n in range(2000):
        found += engine.read(n * 0.02, f"{n % 50:04}", 1 + n % 3, -65.0)
    found += engine.read(41.0, "0000", 4, -65.0)
    findings = [one for one in found if isinstance(one, AntennaFinding)]
    assert [(one.antenna, one.finding) for one in findings] == [(4, "silent"), (4, "heard again")]


def test_antennas_without_a_zone_are_ignored() -> None:
    assert run([(1.0, "AA", 9, -50.0), (2.0, "AA", 3, -50.0)]) == []


def test_time_that_runs_backwards_is_taken_as_now() -> None:
    engine = Engine(DOOR)
    engine.read(100.0, "AA", 1, -60.0)
    assert engine.read(3.0, "AA", 3, -60.0) == []
    assert engine.tick(50.0) == []


def test_tags_are_bounded() -> None:
    engine = Engine(DOOR._replace(tracks_max=100))
    for n in range(1000):
        engine.read(n * 0.01, f"{n:06}", 1, -70.0)
    assert len(engine._tracks) == 100


def test_tags_are_forgotten() -> None:
    engine = Engine(DOOR)
    for t_s, epc, antenna, rssi_dbm in through("AA", 10.0):
        engine.read(t_s, epc, antenna, rssi_dbm)
    engine.tick(20.0)
    for t_s, epc, antenna, rssi_dbm in through("BB", 2000.0):
        engine.read(t_s, epc, antenna, rssi_dbm)
    engine.tick(2010.0)
    assert set(engine._tracks) == {"BB"}


def test_goods_on_one_side_are_no_sign_against_the_other_sides_antennas() -> None:
    """A portal that has just begun to watch has seen none of its tags before."""
    shelf = [(0.1 * n + 0.001 * tag, f"5E{tag:02}", 1 + n % 2, -66.0) for n in range(80) for tag in range(20)]
    assert [one for one in run(shelf) if isinstance(one, AntennaFinding)] == []
