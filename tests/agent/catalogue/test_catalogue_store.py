"""The store: look-ups, revisions, conflicts, search, threads, damage."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogue import (
    Catalogue,
    CatalogueCorrupt,
    CatalogueUnavailable,
    Hit,
    Item,
    Reason,
    Report,
    parse_item,
    set_aside,
)
from agent.catalogue import load as load_module
from agent.catalogue.search import fold, initials, words
from identity.check import gs1_digit

ROOT = Path(__file__).resolve().parents[3]


def code(number: int, indicator: int = 0) -> str:
    payload = f"{indicator}880{number:09d}"
    return payload + gs1_digit(payload)


def item(sku: str, *codes: str, **members: Any) -> Item:
    gtins = [{"gtin": text} for text in codes]
    return parse_item({"sku": sku, "name": {"ko": "우유"}, "gtins": gtins, **members})


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    opened = Catalogue(tmp_path / "catalogue.db")
    yield opened
    opened.close()


def outcome(report: Report) -> dict[str, int]:
    names = ("added", "changed", "deleted", "unchanged", "stale", "refused")
    assert report.read == sum(getattr(report, name) for name in names)
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def put(catalogue: Catalogue, *items: Item) -> dict[str, int]:
    return outcome(catalogue.upsert_many(items))


def test_codes_lead_to_sku_units_and_revision(catalogue: Catalogue) -> None:
    gtins = [{"gtin": code(1)}, {"gtin": code(1, 1), "units": 12, "level": "case"}]
    milk = parse_item({"sku": "MILK", "revision": 7, "name": {"ko": "우유"}, "gtins": gtins, "item_numbers": ["00101"]})
    assert put(catalogue, milk) == {"added": 1}
    assert catalogue.by_code(code(1)) == Hit("MILK", 1, 7)
    assert catalogue.by_code(code(1, 1)) == Hit("MILK", 12, 7)
    assert catalogue.by_code(code(2)) is None
    assert catalogue.by_item_number("00101") == Hit("MILK", 1, 7)
    assert catalogue.by_item_number("101") is None
    assert catalogue.by_item_number("\ud800") is None
    assert catalogue.item("MILK") == milk
    assert catalogue.item("TEA") is None
    assert catalogue.item("\ud800") is None
    assert (catalogue.count(), catalogue.revision()) == (1, 7)


@pytest.mark.parametrize("text", ["", "8801234567893", "０" * 14, "1_234_567_890_", " 880123456789 ", "-8801234567893"])
def test_a_look_up_that_is_no_gtin_14_is_our_own_mistake(catalogue: Catalogue, text: str) -> None:
    with pytest.raises(ValueError, match="14 digits"):
        catalogue.by_code(text)


def test_the_look_up_of_identity(catalogue: Catalogue) -> None:
    put(catalogue, item("A", code(1), item_numbers=["77", "B"]), item("B", code(2)), item("C", item_numbers=["C"]))
    assert catalogue.lookup(f"gtin:{code(1)}") == "A"
    assert catalogue.lookup(f"gtin:{code(3)}") is None
    assert catalogue.lookup("item:77") == "A"
    assert catalogue.lookup("code:77") == "A"
    assert catalogue.lookup("code:A") == "A"
    assert catalogue.lookup("code:C") == "C"
    assert catalogue.lookup("code:B") is None  # B's SKU and A's item number: a guess would be wrong half the time
    assert catalogue.lookup("code:우유\ud800") is None
    catalogue.delete("A")
    assert catalogue.lookup("code:A") is None


def test_every_member_comes_back_after_opening_again(tmp_path: Path) -> None:
    value = {
        "sku": "PORK",
        "revision": 3,
        "name": {"ko": "삼겹살", "en": "Pork belly"},
        "base_unit": "gram",
        "gtins": [{"gtin": code(5), "units": 500, "level": "inner"}],
        "item_numbers": ["00101"],
        "tracking": "lot",
        "price": {"amount_minor": 2890, "currency": "KRW", "per_units": 100},
        "thresholds": {"max": 5},
        "category": "fresh",
    }
    for _ in range(2):
        catalogue = Catalogue(tmp_path / "catalogue.db")
        put(catalogue, parse_item(value))
        assert catalogue.item("PORK") == parse_item(value)
        catalogue.close()


def test_which_revision_wins(catalogue: Catalogue) -> None:
    assert put(catalogue, item("A", code(1), revision=5)) == {"added": 1}
    assert put(catalogue, item("A", code(1), revision=5)) == {"unchanged": 1}
    assert put(catalogue, item("A", code(2), revision=4)) == {"stale": 1}
    assert put(catalogue, item("A", code(2))) == {"stale": 1}
    report = catalogue.upsert_many([item("A", code(2), revision=5)])
    assert [refusal.reason for refusal in report.refusals] == [Reason.REVISION]
    assert catalogue.by_code(code(1)) == Hit("A", 1, 5)
    assert put(catalogue, item("A", code(2), revision=6)) == {"changed": 1}
    assert catalogue.by_code(code(1)) is None
    assert catalogue.by_code(code(2)) == Hit("A", 1, 6)
    assert catalogue.count() == 1


def test_items_without_a_revision_give_way(catalogue: Catalogue) -> None:
    assert put(catalogue, item("A", code(1)), item("B", code(2))) == {"added": 2}
    assert put(catalogue, item("A", code(3)), item("B", code(2))) == {"changed": 1, "unchanged": 1}
    assert put(catalogue, item("A", code(4), revision=1)) == {"changed": 1}
    assert catalogue.by_code(code(4)) == Hit("A", 1, 1)
    assert catalogue.by_code(code(3)) is None


def test_one_code_on_two_skus_is_refused_whole(catalogue: Catalogue) -> None:
    put(catalogue, item("A", code(1), item_numbers=["1"]))
    report = catalogue.upsert_many([item("B", code(2), code(1), item_numbers=["1"]), item("C", code(3))])
    assert outcome(report) == {"added": 1, "refused": 1}
    assert [(r.sku, r.line, r.column, r.found, r.reason) for r in report.refusals] == [
        ("B", None, "gtins[1].gtin", code(1), Reason.CONFLICT),
        ("B", None, "item_numbers[0]", "1", Reason.CONFLICT),
    ]
    assert "SKU A" in report.refusals[0].text
    assert catalogue.item("B") is None
    assert catalogue.by_code(code(2)) is None
    assert catalogue.by_code(code(1)) == Hit("A", 1, 0)


def test_a_refused_change_leaves_yesterdays_item(catalogue: Catalogue) -> None:
    put(catalogue, item("A", code(1)), item("B", code(2)))
    assert put(catalogue, item("B", code(3), code(1))) == {"refused": 1}
    assert catalogue.by_code(code(2)) == Hit("B", 1, 0)


def test_a_code_may_move_whichever_item_comes_first(catalogue: Catalogue) -> None:
    put(catalogue, item("OLD", code(1), revision=1))
    moved = [item("NEW", code(1), revision=3), item("OLD", code(2), revision=2)]
    assert put(catalogue, *moved) == {"added": 1, "changed": 1}
    assert catalogue.by_code(code(1)) == Hit("NEW", 1, 3)
    assert catalogue.by_code(code(2)) == Hit("OLD", 1, 2)


def test_deleting_frees_the_codes_and_keeps_the_name(catalogue: Catalogue) -> None:
    put(catalogue, item("A", code(1), revision=5, item_numbers=["9"]))
    assert catalogue.delete("A")
    assert not catalogue.delete("A")
    assert not catalogue.delete("B")
    assert catalogue.by_code(code(1)) is None
    assert catalogue.by_item_number("9") is None
    gone = catalogue.item("A")
    assert gone is not None
    assert gone.deleted
    assert gone.name.ko == "우유"
    assert catalogue.search("우유", 5) == []
    assert (catalogue.count(), catalogue.revision()) == (0, 5)
    assert put(catalogue, item("B", code(1))) == {"added": 1}
    assert put(catalogue, item("A", code(2), revision=4)) == {"stale": 1}
    assert put(catalogue, item("A", code(2), revision=5)) == {"added": 1}
    assert catalogue.count() == 2


def test_a_deletion_from_head_office_has_a_revision(catalogue: Catalogue) -> None:
    put(catalogue, item("A", code(1), revision=5))
    gone = parse_item({"sku": "A", "revision": 6, "deleted": True})
    assert put(catalogue, gone) == {"deleted": 1}
    assert put(catalogue, gone) == {"unchanged": 1}
    assert put(catalogue, item("A", code(1), revision=5)) == {"stale": 1}
    kept = catalogue.item("A")
    assert kept is not None
    assert (kept.name.ko, kept.revision, kept.deleted) == ("우유", 6, True)
    unheard = parse_item({"sku": "Z", "revision": 6, "deleted": True})
    assert put(catalogue, unheard) == {"deleted": 1}
    assert put(catalogue, item("Z", revision=5)) == {"stale": 1}
    assert catalogue.count() == 0


def test_where_to_ask_on_from_is_apart_from_the_highest_revision(catalogue: Catalogue) -> None:
    put(catalogue, item("A", revision=9))
    assert (catalogue.revision(), catalogue.synced()) == (9, 0)
    catalogue.set_synced(4)
    assert catalogue.synced() == 4


def test_the_catalogue_has_a_limit(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "ITEMS_MAX", 2)
    report = catalogue.upsert_many([item("A"), item("B"), item("C"), item("A", revision=1)])
    assert outcome(report) == {"added": 2, "refused": 1, "changed": 1}
    assert report.refusals[0].reason is Reason.LIMIT


def test_more_items_than_one_transaction_takes(catalogue: Catalogue) -> None:
    many = [item(f"S{number}", code(number)) for number in range(1, 1202)]
    assert put(catalogue, *many) == {"added": 1201}
    assert catalogue.count() == 1201
    assert catalogue.by_code(code(1201)) == Hit("S1201", 1, 0)


def test_a_batch_that_breaks_leaves_no_half(catalogue: Catalogue) -> None:
    def broken() -> Iterator[Item]:
        yield from (item(f"S{number}", code(number)) for number in range(1, 601))
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        catalogue.upsert_many(broken())
    assert catalogue.count() == 500
    assert put(catalogue, item("S501", code(501))) == {"added": 1}


SEARCHED = [
    ("MILK-1L", "서울 우유 1L", "Seoul milk 1 L", "8809999000013"),
    ("MILK-BAN", "바나나맛우유", "Banana milk", "8809999000037"),
    ("RAMEN", "매운 라면", "Spicy RAMEN noodles", "8809999000099"),
    ("CAN-MILK", "연유", "Milk, condensed", "8809999000198"),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("우유", ["MILK-1L", "MILK-BAN"]),
        ("서울우유", ["MILK-1L"]),
        ("우유 서울", ["MILK-1L"]),
        ("ㅅㅇㅇㅇ", ["MILK-1L"]),
        ("ㄹㅁ", ["RAMEN"]),
        ("milk", ["MILK-1L", "MILK-BAN", "CAN-MILK"]),  # what begins so comes first
        ("MILK-BAN", ["MILK-BAN"]),
        ("ramen", ["RAMEN"]),
        ("ＲＡＭＥＮ", ["RAMEN"]),  # full width, as Korean keyboards can
        ("8809999000099", ["RAMEN"]),
        ("0198", ["CAN-MILK"]),
        ("banana milk x", []),
        ("", []),
        ("  ", []),
        ("%", []),
        ("\x00", []),
        ("\ud800", []),
    ],
)
def test_search(catalogue: Catalogue, query: str, expected: list[str]) -> None:
    for sku, ko, en, gtin in SEARCHED:
        put(catalogue, item(sku, gtin, name={"ko": ko, "en": en}))
    assert [found.sku for found in catalogue.search(query, 10)] == expected
    assert [found.sku for found in catalogue.search(query, 1)] == expected[:1]


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_search_has_a_limit(catalogue: Catalogue, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        catalogue.search("a", limit)


def test_initials_are_those_of_unicode() -> None:
    assert initials("각힣 a1") == "ㄱㅎ a1"
    assert initials("까짜빠") == "ㄲㅉㅃ"
    assert words("ㄱㄲ ABC  Ｄ") == ["ㄱㄲ", "abc", "d"]


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_typing_is_a_query(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    asked = words(text)
    assert len(asked) <= 8
    assert all(word and not word.isspace() and word.encode() for word in asked)
    assert fold(fold(text)) == fold(text) or not text.isascii()
    path = tmp_path_factory.getbasetemp() / "any-typing.db"
    catalogue = Catalogue(path)
    assert catalogue.search(text, 3) == []
    catalogue.close()


def test_readers_see_whole_items_while_another_thread_writes(catalogue: Catalogue) -> None:
    """Every revision n of an SKU has n units: whoever sees another pair has seen half a change."""
    skus = 20
    written, problems, seen = Event(), list[str](), list[int]()

    def versions(revision: int) -> list[Item]:
        return [
            item(f"S{number}", revision=revision, gtins=[{"gtin": code(number), "units": revision}])
            for number in range(skus)
        ]

    def read() -> None:
        last = [1] * skus
        count = 0
        while not (written.is_set() and count > skus):
            number = count % skus
            hit = catalogue.by_code(code(number))
            if hit is None or hit.units != hit.revision or hit.revision < last[number]:
                problems.append(f"{hit} after {last[number]}")
                return
            last[number] = hit.revision
            count += 1
        seen.append(count)

    catalogue.upsert_many(versions(1))
    readers = [Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    for revision in range(2, 60):
        catalogue.upsert_many(versions(revision))
    written.set()
    for reader in readers:
        reader.join(30)
    assert problems == []
    assert len(seen) == 6
    assert catalogue.by_code(code(0)) == Hit("S0", 59, 59)
    assert len(catalogue._readers) <= 4


def test_another_process_may_import_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    here, there = Catalogue(path), Catalogue(path)
    put(here, item("A", code(1)))
    assert there.by_code(code(1)) == Hit("A", 1, 0)
    put(there, item("A", code(1), revision=2))
    assert here.by_code(code(1)) == Hit("A", 1, 2)
    here.close()
    there.close()


def test_closed_is_closed(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.db")
    catalogue.by_code(code(1))
    catalogue.close()
    catalogue.close()
    with pytest.raises(ValueError, match="closed"):
        catalogue.by_code(code(1))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(CatalogueCorrupt, match="damaged") as refused:
        Catalogue(path)
    assert "import" in refused.value.hint
    aside = set_aside(path, "damaged")
    assert aside.read_bytes().startswith(b"no database")
    Catalogue(path).close()


def test_damage_is_told_and_can_be_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = Catalogue(path)
    put(catalogue, *(item(f"S{number}", code(number)) for number in range(500)))
    catalogue.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    catalogue = Catalogue(path)
    with pytest.raises(CatalogueCorrupt):
        catalogue.by_code(code(7))
    with pytest.raises(CatalogueCorrupt):
        catalogue.upsert_many([item("A")])
    catalogue.close()
    set_aside(path, "damaged")
    fresh = Catalogue(path)
    assert fresh.count() == 0
    fresh.close()


def test_an_item_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = Catalogue(path)
    put(catalogue, item("A"))
    raw = sqlite3.connect(path)
    raw.execute("UPDATE item SET body = '{'")
    raw.commit()
    raw.close()
    with pytest.raises(CatalogueCorrupt, match="SKU A"):
        catalogue.item("A")
    with pytest.raises(CatalogueCorrupt):
        catalogue.delete("A")
    catalogue.close()


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    Catalogue(path).close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(CatalogueCorrupt, match="version 99"):
        Catalogue(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUnavailable) as refused:
        Catalogue(tmp_path / "nowhere" / "catalogue.db")
    assert "permissions" in refused.value.hint


def test_the_file_is_set_up_as_designed(catalogue: Catalogue, tmp_path: Path) -> None:
    run = catalogue._writer.execute
    assert run("PRAGMA journal_mode").fetchone() == ("wal",)
    assert run("PRAGMA synchronous").fetchone() == (1,)  # NORMAL
    assert run("SELECT name FROM _sqlite_migrations").fetchall() == [("m001_tables",)]


def test_opening_again_does_not_load_the_migrations(tmp_path: Path) -> None:
    path = tmp_path / "catalogue #1?.db"  # a path that a URI must quote
    Catalogue(path).close()
    script = (
        "import sys; from pathlib import Path; from agent.catalogue import Catalogue\n"
        "Catalogue(Path(sys.argv[1])).count(); print('sqlite_utils' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "False\n"
