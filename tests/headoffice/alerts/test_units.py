"""Goods by weight in alerts: numbers say what they are in, and grams are not added to pieces."""

from __future__ import annotations

import pytest

from headoffice.alerts import texts
from headoffice.alerts.judging import DayLine, pos_found
from headoffice.alerts.rules import Rules
from headoffice.weights import sum_text, weight
from tests.headoffice.alerts.world import World
from tests.headoffice.logs import Log

HOUR_S = 3600


def said(world: World, rule: str) -> dict[texts.Language, str]:
    found = world.one(rule)
    return texts.both(found.rule, found.facts)


def test_stock_of_goods_by_weight_is_told_in_kilograms(world: World) -> None:
    world.item("HAM", base_unit="gram", least=2000, most=1000)
    world.take(Log().open([["HAM", "shelf", None, "sellable", 1250], ["HAM", "till", None, "sellable", -30]]))
    world.start()
    world.run()
    assert said(world, "low_stock") == {
        "ko": "HAM 상품: 가용 1.22 kg, 최소 2 kg",
        "en": "HAM item: 1.22 kg available, minimum 2 kg",
    }
    assert said(world, "overstock")["ko"] == "HAM 상품: 보유 1.22 kg, 최대 1 kg"
    assert said(world, "negative_stock")["en"] == "HAM item: stock is -0.03 kg"


def test_what_a_count_was_off_is_told_apart(world: World) -> None:
    world.item("HAM", base_unit="gram")
    log = Log().open([["HAM", "shelf", None, "sellable", 5000], ["COLA", "shelf", None, "sellable", 20]])
    lines = [
        {"sku": sku, "disposition": "sellable", "expected": expected, "counted": expected + delta, "delta": delta,
         "within": False}
        for sku, expected, delta in (("HAM", 5000, -1250), ("COLA", 20, 3))
    ]  # fmt: skip
    log.write("count", {
        "kind": "approved", "count": "C1", "zone": "shelf", "blind": False, "lines_total": 2, "accuracy_permille": 0,
        "exact_permille": 0, "counted_by": ["c1"], "lines": lines,
    })  # fmt: skip
    world.take(log)
    world.start()
    world.run()
    facts = world.one("count_variance").facts
    assert (facts["units_off"], facts["grams"]) == (3, 1250)
    assert said(world, "count_variance") == {
        "ko": "shelf 구역 실사 정확도 0.0 %, 3개 + 1.25 kg 차이",
        "en": "count of shelf: accuracy 0.0 %, 3 units + 1.25 kg off",
    }


def test_goods_by_weight_on_their_way_are_told_apart(world: World) -> None:
    world.item("HAM", base_unit="gram")
    log = Log().open([["HAM", "shelf", None, "sellable", 5000]])
    way = {"document_kind": "transfer_out", "revision": 1, "from": "shelf", "to": "transit:S2"}
    lines = [
        {"line": 1, "sku": "HAM", "expected": 800, "done": 800},
        {"line": 2, "sku": "COLA", "expected": 2, "done": 2},
    ]
    moved = [
        {"sku": one["sku"], "quantity": one["done"], "from": "shelf", "to": "transit:S2", "disposition": "sellable"}
        for one in lines
    ]
    log.write("document", {"kind": "opened", "document": "T1", **way})
    log.write("movement", {"kind": "transferred", "lines": moved})
    log.write("document", {"kind": "closed", "document": "T1", **way, "lines": lines})
    world.take(log)
    world.start()
    world.clock.s += 49 * HOUR_S
    world.run(700)
    assert said(world, "transfer_overdue")["en"].startswith("T1: 2 units + 0.8 kg to S2 are on their way")


def test_a_day_of_the_tills_with_both() -> None:
    lines = [
        DayLine("HAM", None, "gram", 900, 400),
        DayLine("COLA", None, "each", 4, 6),
        DayLine("NEW", None, None, 0, 1),
    ]
    facts = pos_found("S1", "2026-11-20", lines, Rules([])).facts
    assert (facts["skus"], facts["units"], facts["grams"]) == (3, 3, 500)
    assert (facts["sku"], "unit" in facts) == ("COLA", False)  # two pieces are more than half a kilogram
    assert texts.said("pos_difference", facts, "ko") == (
        "2026-11-20: 3개 품목, 3개 + 0.5 kg 차이. 가장 큰 차이 COLA: 기록 4개, POS 6개"
    )
    worst = pos_found("S1", "2026-11-20", [DayLine("HAM", None, "gram", 9000, 400)], Rules([])).facts
    assert texts.said("pos_difference", worst, "en") == (
        "2026-11-20: 1 items off, 8.6 kg; worst HAM: 9 kg in the log, 0.4 kg at the tills"
    )


@pytest.mark.parametrize(
    ("grams", "text"), [(0, "0 kg"), (5, "0.005 kg"), (-1250, "-1.25 kg"), (1_000_000, "1,000 kg"), (100, "0.1 kg")]
)
def test_weights_are_exact(grams: int, text: str) -> None:
    assert weight(grams) == text


@pytest.mark.parametrize(
    ("both", "text"), [((0, 0), "0"), ((3, 0), "3"), ((0, 5), "0.005 kg"), ((-2, 10), "-2 + 0.01 kg")]
)
def test_a_sum_leaves_out_what_there_is_none_of(both: tuple[int, int], text: str) -> None:
    assert sum_text(*both) == text
