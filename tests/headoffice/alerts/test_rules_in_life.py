"""Each rule by what a store does: events taken in as by a worker, the desk's part looking at them."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from contract.times import Stamper
from headoffice.alerts.figures import day_of
from headoffice.ingest import Refusal
from headoffice.storing import Batch
from tests.headoffice.alerts.world import START_US, World
from tests.headoffice.logs import Log, line

HOUR_S = 3600.0
DAY_US = 86_400_000_000


def sell(log: Log, quantity: int, sku: str = "COLA", **changes: Any) -> None:
    gone = {"from": "shelf", "to": "customer", **changes}
    log.write("movement", {"kind": "sold", "lines": [line(sku, quantity, **gone)]})


def shop(world: World, quantity: int = 20, sku: str = "COLA", store: str = "S1") -> Log:
    log = Log(store=store).open([[sku, "shelf", None, "sellable", quantity]])
    world.take(log)
    return log


def test_low_stock_is_raised_by_a_sale_and_closes_when_there_is_more_again(world: World) -> None:
    world.item("COLA", least=10)
    log = shop(world)
    world.start()
    world.run()
    assert not world.alerts()
    sell(log, 12)
    world.take(log, 2)
    world.run(1)
    found = world.one("low_stock")
    assert (found.store, found.subject, found.state, found.times) == ("S1", "COLA", "open", 1)
    assert found.facts == {"sku": "COLA", "name_ko": "COLA 상품", "name_en": "COLA item", "available": 8, "min": 10}
    log.receive("COLA", 2, to="shelf")  # exactly the minimum is not clearly better
    world.take(log, 3)
    world.run(120)
    assert world.one("low_stock").state == "open"
    log.receive("COLA", 5, to="shelf")
    world.take(log, 4)
    world.run(30)
    assert world.one("low_stock").state == "open"  # the hold time
    world.run(60)
    assert world.one("low_stock").state == "closed"
    assert [(one["change"], one["text"]["en"]) for one in world.told()] == [
        ("raised", "COLA item: 8 available, minimum 10"),
        ("closed", "COLA item: 8 available, minimum 10"),
    ]
    assert {one.topic for one in world.published} == {"stock/v1/S1/alert/1"}


def test_a_reservation_makes_less_available_and_its_release_more(world: World) -> None:
    world.rule("low_stock", 10)
    log = shop(world)
    world.start()
    made = {"kind": "reservation_made", "reservation": "R1", "sku": "COLA", "quantity": 15}
    log.write("journal", made)
    world.take(log, 2)
    world.run(1)
    assert world.one("low_stock").facts["available"] == 5
    log.write("journal", {**made, "kind": "reservation_released"})
    world.take(log, 3)
    world.run(65)
    assert world.one("low_stock").state == "closed"


def test_the_most_specific_threshold_holds(world: World) -> None:
    world.item("COLA", category="drinks", least=1)
    shop(world)
    world.rule("low_stock", 30, category="drinks")
    world.rule("low_stock", 20, category="drinks", store="S1")
    world.start()
    world.run()
    assert not world.alerts()  # 20 of 20
    world.rule("low_stock", 21, sku="COLA", severity="critical")
    world.run()
    assert (world.one("low_stock").severity, world.one("low_stock").facts["min"]) == ("critical", 21)
    world.rule("low_stock", 1, sku="COLA", store="S1")
    world.run(80)
    assert world.one("low_stock").state == "closed"


def test_a_buffer_is_kept_back_and_a_rule_that_is_off_closes(world: World) -> None:
    world.rule("low_stock", 10)
    world.rule("buffer", 15, sku="COLA")
    shop(world)
    world.start()
    world.run()
    assert world.one("low_stock").facts["available"] == 5
    world.rule("low_stock", 10, enabled=False)
    world.run(70)
    assert world.one("low_stock").state == "closed"


def test_overstock_counts_everything_on_hand(world: World) -> None:
    world.item("COLA", most=25)
    log = shop(world)
    world.start()
    world.run()
    log.receive("COLA", 6, to="shelf", disposition="damaged")
    world.take(log, 2)
    world.run()
    assert world.one("overstock").facts["on_hand"] == 26
    assert world.one("overstock").severity == "info"


def test_stockout_risk_by_the_sales_of_two_weeks(world: World) -> None:
    shop(world, 10)
    for days in range(14):
        world.database.write("INSERT INTO sale_day VALUES ('S1', 'COLA', ?, 5, 0)", (_day(START_US - days * DAY_US),))
    world.start()
    world.run()
    found = world.one("stockout_risk")
    assert (found.facts["available"], found.facts["days"], found.facts["least"]) == (10, 2, 3)
    world.rule("stockout_risk", 1)
    world.run(HOUR_S / 10)
    assert world.one("stockout_risk").state == "closed"


def _day(us: int) -> str:
    return day_of(us)


def test_an_item_that_is_new_has_no_average_of_a_day(world: World) -> None:
    shop(world, 10)
    world.database.write("INSERT INTO sale_day VALUES ('S1', 'COLA', ?, 8, 0)", (_day(world.clock.wall_us()),))
    world.start()
    world.run()
    assert not world.alerts()  # over the least number of days: 8 days of cover


def test_an_item_that_is_given_up_may_run_out(world: World) -> None:
    world.item("COLA", least=30)
    world.database.write("UPDATE item SET deleted = 1")
    shop(world, 10)
    world.database.write("INSERT INTO sale_day VALUES ('S1', 'COLA', ?, 90, 0)", (_day(world.clock.wall_us()),))
    world.start()
    world.run()
    assert not world.alerts()


def test_negative_stock_of_one_zone_though_there_is_enough_elsewhere(world: World) -> None:
    log = shop(world)
    sell(log, 3, **{"from": "till"})
    world.take(log, 2)
    world.start()
    world.run()
    assert world.one("negative_stock").facts["quantity"] == -3


def test_a_day_of_the_tills_that_differs(world: World) -> None:
    shop(world)
    day = _day(START_US - 2 * DAY_US)
    for sku, ours, tills in (("COLA", 5, 5), ("MILK", 4, 6), ("BREAD", 0, 1)):
        world.database.write("INSERT INTO sale_day VALUES ('S1', ?, ?, ?, 0)", (sku, day, ours))
        world.database.write("INSERT INTO pos_total VALUES ('S1', ?, ?, ?, 0)", (sku, day, tills))
    world.database.write("INSERT INTO pos_day VALUES ('S1', ?, ?)", (day, world.clock.wall_us()))
    world.rule("pos_difference", 2)
    world.start()
    world.run()
    found = world.one("pos_difference")
    assert found.subject == day
    assert found.facts == {"day": day, "skus": 1, "units": 2, "sku": "MILK", "ledger": 4, "tills": 6}
    world.database.write("UPDATE sale_day SET sold = 6 WHERE sku = 'MILK'")  # a late sales file
    world.run(HOUR_S)
    assert world.one("pos_difference").state == "closed"


def test_a_day_that_is_not_over_is_not_judged(world: World) -> None:
    shop(world)
    day = _day(world.clock.wall_us())
    world.database.write("INSERT INTO pos_total VALUES ('S1', 'COLA', ?, 9, 0)", (day,))
    world.database.write("INSERT INTO pos_day VALUES ('S1', ?, ?)", (day, world.clock.wall_us()))
    world.start()
    world.run()
    assert not world.alerts("pos_difference")


def test_a_day_is_over_when_it_is_over_in_the_west_too(world: World) -> None:
    shop(world)
    day_us = 86_400_000_000
    midnight_us = (world.clock.wall_us() // day_us + 1) * day_us
    yesterday = _day(midnight_us - 1)
    world.clock.offset_us = midnight_us + 11 * 3_600_000_000 - world.clock.wall_us()
    world.database.write("INSERT INTO pos_total VALUES ('S1', 'COLA', ?, 9, 0)", (yesterday,))
    world.database.write("INSERT INTO pos_day VALUES ('S1', ?, ?)", (yesterday, world.clock.wall_us()))
    world.start()
    world.run()
    assert not world.alerts("pos_difference")
    world.run(2 * HOUR_S)
    assert world.one("pos_difference").subject == yesterday


def check(world: World, verdict: str, rows_off: int, reason: str | None = None) -> None:
    world.database.write(
        "INSERT INTO data_check (store, at_us, verdict, reason, as_of, rows_total, rows_off, units_off, levels, "
        "levels_off, body) VALUES ('S1', ?, ?, ?, 7, 100, ?, 5, 0, 0, '{}')",
        (world.clock.wall_us(), verdict, reason, rows_off),
    )


def test_a_check_that_differs_until_one_is_equal(world: World) -> None:
    world.start()
    check(world, "different", 2, "stock differs")
    world.run()
    assert world.one("hq_difference").facts == {"rows": 2, "units": 5, "as_of": 7, "reason": "stock differs"}
    check(world, "not_compared", 0, "no answer")  # says nothing
    world.run()
    assert world.one("hq_difference").state == "open"
    world.clock.s += 1
    check(world, "repaired", 0)
    world.run()
    assert world.one("hq_difference").state == "closed"


def count(log: Log, name: str, permille: int) -> None:
    counted = {"sku": "COLA", "disposition": "sellable", "expected": 20, "counted": 10, "delta": -10, "within": False}
    data = {
        "kind": "approved", "count": name, "zone": "shelf", "part": 1, "parts": 1, "blind": False, "lines_total": 1,
        "accuracy_permille": permille, "exact_permille": permille, "counted_by": ["c1"], "approved_by": "c1",
        "lines": [counted],
    }  # fmt: skip
    log.write("count", data)


def test_a_count_that_is_off_until_the_zone_is_counted_well(world: World) -> None:
    log = shop(world)
    count(log, "C1", 500)
    world.take(log, 2)
    world.start()
    world.run()
    found = world.one("count_variance")
    assert (found.subject, found.facts["units_off"], found.facts["accuracy_permille"]) == ("shelf", 10, 500)
    count(log, "C2", 1000)
    world.take(log, 3)
    world.run()
    assert world.one("count_variance").state == "closed"


def test_one_tag_in_two_stores_until_it_is_in_one(world: World) -> None:
    logs = []
    for store in ("S1", "S2"):
        log = Log(store=store).open()
        log.receive("COLA", 1, epcs=["E2801160"])
        world.take(log)
        logs.append(log)
    world.start()
    world.run()
    found = world.one("duplicate_tag")
    assert (found.store, found.subject, found.facts["stores"]) == ("", "E2801160", "S1, S2")
    assert world.published[0].topic == "stock/v1/headoffice/alert/1"
    assert "store" not in world.told()[0]
    gone = line("COLA", 1, **{"from": "backroom", "to": "customer", "epcs": ["E2801160"]})
    logs[1].write("movement", {"kind": "sold", "lines": [gone]})
    world.take(logs[1], 3)
    world.run()
    assert world.one("duplicate_tag").state == "closed"


def test_a_silent_store_until_it_is_heard(world: World) -> None:
    shop(world)
    world.heard("S1")
    world.start()
    world.run(880)
    assert not world.alerts()
    world.run(40)
    assert world.one("store_silent").state == "open"
    assert world.one("store_silent").times == 1
    world.heard("S1")
    world.run(40)
    assert world.one("store_silent").state == "closed"


def test_a_store_of_which_only_old_words_are_retained_is_silent(world: World) -> None:
    shop(world)
    world.heard("S1", heard_us=0)
    world.database.write("UPDATE position SET at_us = 0")
    world.database.write("UPDATE store_state SET state_us = ?", (world.clock.wall_us(),))
    world.start()
    world.run(870)
    assert not world.alerts()
    world.run(60)
    assert world.one("store_silent").facts["state"] == "online"


def test_a_device_that_stays_down(world: World) -> None:
    world.database.write(
        "INSERT INTO device VALUES ('S1', 'dock', 'ssi', 'down', ?, '{}', ?)",
        ("2026-11-26T00:00:00.000+09:00", world.clock.wall_us()),
    )
    world.rule("device_down", 60)
    world.start()
    world.run()
    assert world.one("device_down").facts["state"] == "down"
    world.database.write("UPDATE device SET state = 'up'")
    world.run(70)
    assert world.one("device_down").state == "closed"


def test_a_device_that_comes_back_is_no_alert(world: World) -> None:
    since = Stamper(UTC).text(world.clock.wall_us())
    world.database.write(
        "INSERT INTO device VALUES ('S1', 'dock', 'ssi', 'down', ?, '{}', ?)", (since, world.clock.wall_us())
    )
    world.start()
    world.run(290)
    world.database.write("UPDATE device SET state = 'up'")
    world.run(60)
    assert not world.alerts()


@pytest.mark.parametrize(
    ("code", "rule"),
    [("hash", "log_tampered"), ("prev", "log_tampered"), ("signature", "log_tampered"), ("key", "log_tampered"),
     ("fork", "log_forked"), ("parent", "log_forked")],
)  # fmt: skip
def test_refused_events_that_nobody_should_have_made(world: World, code: str, rule: str) -> None:
    shop(world)
    world.start()
    batch = Batch("S1")
    batch.refusals = [Refusal(code, "why", "L1", 5, b"a"), Refusal(code, "why else", "L1", 6, b"b")]
    batch.refusals.append(Refusal("shape", "no JSON", None, None, b"c"))
    world.store.save([batch], world.clock.wall_us())
    world.run()
    [found] = world.alerts()
    assert (found.rule, found.subject, found.severity) == (rule, "L1", "critical")
    assert (found.facts["times"], found.facts["reason"], found.times) == (2, "why else", 1)
    world.run(HOUR_S)
    assert world.one(rule).state == "open"  # a person closes it


def test_a_store_that_has_much_to_send(world: World) -> None:
    shop(world)
    world.start()
    world.heard("S1", head=1)
    world.database.write("UPDATE store_state SET health = ?", ('{"head": 12346}',))
    world.run()
    assert world.one("uplink_behind").facts["behind"] == 12_000
    world.heard("S1", head=23_456)
    world.run()
    assert world.one("uplink_behind").facts["behind"] == 23_000
    world.database.write("UPDATE store_state SET health = ?", ("no JSON",))
    world.heard("S1", head=1)
    world.run(70)
    assert world.one("uplink_behind").state == "closed"


def test_head_office_is_behind_when_several_stores_are(world: World) -> None:
    logs = [shop(world, store=f"S{number}") for number in range(3)]
    world.start()
    world.clock.s += 100
    for number in range(2):
        world.heard(f"S{number}", head=5)
    world.run()
    assert world.one("worker_lagging").subject == "ingest"
    assert world.one("worker_lagging").facts["stores"] == 2
    for log in logs:
        log.receive_many(4)
        world.take(log, 2)
    world.run(45)
    assert world.one("worker_lagging").state == "closed"


def test_exceptions_of_a_chosen_kind_until_they_are_settled(world: World) -> None:
    log = shop(world)
    log.look()
    log.write("exception", {"kind": "expired_lot", "reason": "expired", "sku": "COLA"})
    world.take(log, 2)
    world.start()
    world.run()
    assert world.one("exception").subject == "expired_lot"  # unknown codes are everyday life
    world.rule("exception", 1, category="unknown_code", severity="info")
    world.clock.s += HOUR_S
    log.look()
    world.take(log, 4)
    world.run()
    assert {one.subject: one.facts["open"] for one in world.alerts()} == {"expired_lot": 1, "unknown_code": 2}
    for seq in (2, 4):
        concerns = {"kind": "exception_resolved", "concerns": {"seq": seq}, "resolution": "dismissed"}
        log.write("journal", concerns)
    world.take(log, 5)
    world.run(10)
    assert {one.subject: one.state for one in world.alerts()} == {"expired_lot": "open", "unknown_code": "closed"}


def transfer(log: Log, kind: str, lines: list[dict[str, Any]], **places: str) -> None:
    document = {
        "kind": "closed", "document": "T1", "document_kind": kind, "revision": 1, "part": 1, "parts": 1, **places,
        "lines": lines,
    }  # fmt: skip
    log.write("document", document)


def test_goods_that_were_sent_and_never_came(world: World) -> None:
    sender = shop(world)
    moved = line("COLA", 4, **{"from": "shelf", "to": "transit:S2"})
    sender.write("movement", {"kind": "transferred", "lines": [moved]})
    row = {"line": 1, "sku": "COLA", "expected": 4, "done": 4, "damaged": 0, "over": 0, "short": 0}
    transfer(sender, "transfer_out", [row], **{"from": "shelf", "to": "transit:S2"})
    world.take(sender, 2)
    world.start()
    world.run(47 * HOUR_S / 100)
    assert not world.alerts("transfer_overdue")
    world.clock.s += 48 * HOUR_S
    world.run(700)
    found = world.one("transfer_overdue")
    assert (found.subject, found.facts["to"], found.facts["units"]) == ("T1", "S2", 4)
    peer = Log(store="S2").open()
    peer.receive("COLA", 4, **{"from": "transit:S1", "to": "backroom"})
    world.take(peer)
    world.run(700)
    assert world.one("transfer_overdue").state == "closed"
