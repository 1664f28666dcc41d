"""`jaego sheet`, and the pages to print: what the store has, and what cannot be printed."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from typer.testing import CliRunner

from agent.cli import app
from agent.errors import EXIT_CONFIG
from agent.ledger.log import Ledger
from contract.times import Stamper
from tests.agent.clocks import FakeClock
from tests.agent.printing.test_sheet import pictures, read
from tests.agent.web.branch import Branch

CONFIG = """
[store]
id = "S1"
state_dir = "state"
zones = ["backroom", "salesfloor", "{zone}"]
clock_trusted = true
"""
LONG = "z" * 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "agent.toml").write_text(CONFIG.format(zone=LONG))
    return tmp_path


def run(folder: Path, *more: str) -> tuple[int, str, bytes]:
    target = folder / "codes.pdf"
    done = CliRunner().invoke(app, ["sheet", "-c", str(folder / "agent.toml"), "-o", str(target), *more])
    return done.exit_code, done.output, target.read_bytes() if target.is_file() else b""


def test_zones_of_the_store_are_printed_and_what_is_not_is_said(folder: Path) -> None:
    code, said, body = run(folder, "--only", "zones")
    assert code == 0
    assert "2 codes on 1 pages" in said
    assert f"not printed: {LONG}" in said
    assert [text for picture in pictures(body) for text in read(picture)] == [
        "STK-ZONE-BACKROOM-R",
        "STK-ZONE-SALESFLOOR-4",
    ]


def test_labels_in_one_language_with_a_ledger(folder: Path) -> None:
    ledger = Ledger(folder / "state", store="S1", clock=FakeClock(), stamper=Stamper(ZoneInfo("Asia/Seoul")))
    ledger.start()
    ledger.close()
    code, said, body = run(folder, "--only", "modes", "--only", "documents", "--size", "label", "--language", "en")
    assert (code, "7 codes on 7 pages" in said) == (0, True)
    assert len(list(pictures(body))) == 7


def test_a_place_that_cannot_be_written_is_said(folder: Path) -> None:
    (folder / "codes.pdf").mkdir()
    code, said, _ = run(folder)
    assert code == 1
    assert "hint: check the path" in said
    assert [one.name for one in folder.iterdir() if one.suffix == ".part"] == []


def test_a_configuration_with_mistakes_prints_nothing(folder: Path) -> None:
    (folder / "agent.toml").write_text("[store]\n")
    assert run(folder)[0] == EXIT_CONFIG


def pages(branch: Branch, *paths: str) -> list[httpx.Response]:
    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get(path) for path in paths]

    found: list[httpx.Response] = branch.run(talk)
    return found


def test_the_page_shows_every_group_and_the_file_reads(tmp_path: Path) -> None:
    with Branch(tmp_path) as branch:
        whole, english, zones, label, wrong, none = pages(
            branch,
            "/print?lang=ko",
            "/print?lang=en",
            "/print?part=zones&lang=en",
            "/print/label.pdf?part=modes",
            "/print?part=badges",
            "/print/a3.pdf",
        )
    assert "<code>STK-UNDO-3</code>" in whole.text
    assert "되돌리기" in whole.text
    assert "되돌리기" not in english.text
    assert "STK-UNDO-3" not in zones.text
    assert "STK-ZONE-" in zones.text
    assert label.headers["content-type"] == "application/pdf"
    assert len(list(pictures(label.content))) == 7
    assert (wrong.status_code, none.status_code) == (400, 404)


def test_a_badge_is_printed_when_it_is_made(folder: Path) -> None:
    target = folder / "badge.pdf"
    done = CliRunner().invoke(app, ["clerk", "add", "김하나", "--pdf", str(target), "-c", str(folder / "agent.toml")])
    assert done.exit_code == 0, done.output
    clerk, badge = done.output.splitlines()[:2]
    assert [text for picture in pictures(target.read_bytes()) for text in read(picture)] == [badge]
    again = CliRunner().invoke(app, ["clerk", "badge", clerk, "--pdf", str(target), "-c", str(folder / "agent.toml")])
    assert again.output.splitlines()[0] != badge
    assert [text for picture in pictures(target.read_bytes()) for text in read(picture)] == again.output.split()[:1]
