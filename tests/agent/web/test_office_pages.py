"""The office's pages over a real ledger: both languages, what they say, and that hostile text stays text."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from contract.catalog import Item, Name
from tests.agent.ledger.gone import prune_all
from tests.agent.web.branch import Branch
from tests.agent.web.office_day import counted, office_day, unknown
from tests.agent.web.store import HOSTILE


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory):
    with Branch(tmp_path_factory.mktemp("office")) as branch:
        yield branch, office_day(branch)


def page(branch: Branch, path: str, status: int = 200) -> str:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(path)

    answer = branch.run(talk)
    assert answer.status_code == status, answer.text
    return answer.text


NAMES = ["documents", "document", "counts", "count", "count-blind", "history", "tray", "entry", "orders", "settings"]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_every_page_in_both_languages_and_nothing_inline(day, name, language):
    branch, pages = day
    html = page(branch, f"{pages[name]}?lang={language}")
    assert f'<html lang="{language}">' in html
    assert not re.search(r"<style|style=|\son\w+=|javascript:", html)
    assert not re.search(r'(?:src|href|action)="(?!/|\?|#)', html)
    shown = re.sub(r'<a class="language".*?</a>', "", html.split("<main")[1].split("</main>")[0])
    if language == "en":
        assert set(re.findall("[가-힣]+", shown)) <= {"한우", "등심"}  # an item without an English name


def test_a_document_shows_what_is_over_and_short(day):
    branch, pages = day
    html = page(branch, f"{pages['document']}?lang=en")
    rows = dict(re.findall(r'<tr data-line="(\w+)">.*?<code>([A-Z0-9-]+)</code>', html, re.DOTALL))
    assert rows == {"over": "MILK-1L", "short": "BEEF"} or rows["over"] == "MILK-1L"
    assert html.count('<tr data-line="short">') == 2
    assert f'data-post="/api/v1{pages["document"]}/close"' in html


def test_a_review_puts_first_what_needs_a_person(day):
    branch, pages = day
    html = page(branch, f"{pages['count']}?lang=en")
    assert re.findall(r'<tr data-line="(\w+)">', html) == ["unexpected", "missing", "right"]
    assert "/approve" in html


def test_a_blind_count_hides_what_is_expected_until_it_is_handed_over(day):
    branch, pages = day
    html = page(branch, f"{pages['count-blind']}?lang=en")
    assert "data-line" not in html
    assert "This count is blind" in html
    assert "/submit" in html
    assert "/approve" not in html


def test_history_says_from_where_to_where_and_why(day):
    branch, pages = day
    html = page(branch, f"{pages['history']}?lang=en")
    assert html.index("salesfloor → customer") < html.index("dock → salesfloor") < html.index("supplier → dock")
    assert "PO-20260907-17" in html
    assert page(branch, "/stock/NOTHING", 404)


def test_the_tray_by_kind_and_an_entry_with_the_scans_around_it(day):
    branch, pages = day
    assert page(branch, "/exceptions").count("<tr>") == 4
    only = page(branch, "/exceptions?kind=bad_read")
    assert only.count("<tr>") == 2
    assert "0a ff 00" in only
    entry = page(branch, f"{pages['entry']}?lang=en")
    assert entry.count('<li aria-current="true">') == 1
    assert "8801043014830" in entry
    assert "/dismiss" in entry


def test_an_order_offers_where_most_of_it_is(day):
    branch, _ = day
    html = page(branch, "/orders?lang=en")
    assert "2 to pick" in html
    assert "<option selected>salesfloor</option>" in html
    assert "Picked, in backroom" in html


def test_settings_never_show_a_secret(day):
    branch, _ = day
    html = page(branch, "/settings")
    assert "username" in html
    assert "secret.txt" not in html


@pytest.mark.parametrize("path", ["/documents/NONE", "/counts/NONE", "/exceptions/1", "/exceptions/x", "/counts/%00"])
def test_what_is_not_there_is_404(day, path):
    assert page(day[0], path, 404)


def test_an_office_whose_log_was_pruned(tmp_path: Path):
    with Branch(tmp_path) as branch:
        pages = office_day(branch)
        before = page(branch, "/exceptions?lang=en")
        prune_all(branch.ledger, tmp_path)
        for language in ("ko", "en"):
            for name in NAMES:
                page(branch, f"{pages[name]}?lang={language}")
        after = page(branch, "/exceptions?lang=en")
        assert after.count("<tr>") == before.count("<tr>") == 4
        times = r"\d\d:\d\d:\d\d"
        assert re.findall(times, after) == re.findall(times, before) != [], "in the store's own time"
        entry = page(branch, f"{pages['entry']}?lang=en")
        assert "8801043014830" in entry
        assert branch.post(f"{pages['entry']}/dismiss", {})["result"]
        assert page(branch, "/exceptions").count("<tr>") == 3
        branch.move("MILK-1L", 1, "dock", "salesfloor", kind="moved")
        html = page(branch, f"{pages['history']}?lang=en")
        assert "dock → salesfloor" in html
        assert "supplier → dock" not in html


def test_an_empty_office(tmp_path: Path):
    with Branch(tmp_path) as branch:
        for path in ("/documents", "/counts", "/exceptions", "/orders"):
            assert 'class="empty"' in page(branch, path)


def test_hostile_text_is_only_text(tmp_path: Path):
    with Branch(tmp_path) as branch:
        branch.catalogue.upsert_many([Item(sku="MILK-1L", revision=9, name=Name(ko=HOSTILE, en=HOSTILE))])
        seq = unknown(branch, HOSTILE)
        branch.move("MILK-1L", 3, "supplier", "dock")
        count = branch.post("/counts", {"zone": "dock", "blind": False})["result"]["count"]
        counted(branch, count, "MILK-1L", 2, 3)
        branch.post("/reservations", {"reservation": HOSTILE, "sku": "MILK-1L", "quantity": 1, "order": HOSTILE})
        for path in ("/exceptions", f"/exceptions/{seq}", f"/counts/{count}", "/stock/MILK-1L", "/orders"):
            html = page(branch, path)
            assert HOSTILE not in html
            assert "&lt;script&gt;" in html
