"""`jaego identify`, and weighed goods from the label to the movement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.catalogue import Catalogue, import_file
from agent.cli import app
from agent.config import Config
from agent.operations import turn
from agent.operations.values import Product
from identity.check import gs1_digit

DEMO = Path(__file__).parents[2] / "config" / "demo-catalogue.csv"
STORE = {
    "store": {"id": "S001", "zones": ["backroom"]},
    "in_store": [
        {"name": "weight", "prefixes": ["28"], "layout": "IIIIIWWWWWC"},
        {"name": "price", "prefixes": ["29"], "layout": "IIIIIPPPPPC", "currency": "KRW"},
    ],
}


def configured(folder: Path) -> Path:
    catalogue = Catalogue(folder / "catalogue.db")
    import_file(catalogue, DEMO)
    catalogue.close()
    file = folder / "agent.toml"
    file.write_text(
        '[store]\nid = "S001"\nzones = ["backroom"]\nstate_dir = "."\n[[in_store]]\nname = "weight"\n'
        'prefixes = ["28"]\nlayout = "IIIIIWWWWWC"\n'
    )
    return file


def lines(*arguments: str, given: str | None = None) -> list[dict[str, object]]:
    done = CliRunner().invoke(app, ["identify", "--json", *arguments], input=given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_codes_as_arguments_and_from_standard_input() -> None:
    (first, second) = lines("8809999000235", "STK-UNDO-3")
    assert (first["kind"], first["gtin"]) == ("trade_item", "08809999000235")
    assert second["kind"] == "control"
    read = lines("-", given="]d2010880999900023510A1<GS>21X9\n]d2010880999900023510A1\\x1d21X9\n")
    assert [(one["lot"], one["serial"]) for one in read] == [("A1", "X9")] * 2


def test_tags() -> None:
    (tag,) = lines("--epc", "3034257BF7194E4000001A85")
    assert tag["epc_uri"] == "urn:epc:id:sgtin:0614141.812345.6789"  # TDS 1.13, Annex E.3
    assert lines("--epc", "zz")[0]["kind"] in {"refused", "raw"}


def test_a_code_that_must_have_an_aim_identifier_and_has_none_is_refused() -> None:
    assert lines("--aim", "8809999000235")[0]["reason"] == "no_aim"
    assert lines("--aim", "]E08809999000235")[0]["kind"] == "trade_item"


def test_the_catalogue_and_the_labels_of_a_store(tmp_path: Path) -> None:
    label = "2800101" + "01234"
    found = lines("-c", str(configured(tmp_path)), label + gs1_digit(label), "8809999000235")
    assert (found[0]["sku"], found[0]["weight_g"]) == ("PORK-BELLY", 1234)
    assert found[1]["sku"] == "COLA-355"


def test_without_json_a_line_says_what_is_known() -> None:
    done = CliRunner().invoke(app, ["identify", "8809999000235"])
    assert done.stdout.startswith("8809999000235: trade_item  gtin 08809999000235")


def test_a_price_label_is_worth_its_grams() -> None:
    pork = Product("PORK-BELLY", 1, 1, "gram", "삼겹살", "Pork belly", price_minor=2890, price_per=100)
    assert turn._grams_of_price(pork, "14450") == 500
    assert turn._grams_of_price(pork, "29") == 1
    assert turn._grams_of_price(pork, "0") is None
    assert turn._grams_of_price(pork, None) is None


@pytest.mark.parametrize("layout", ["C", "IIIIIWWWWW", "WWWWWPPPPPC", "IIIIIWWWWWWWC"])
def test_a_layout_that_cannot_be_is_a_mistake_of_the_configuration(layout: str) -> None:
    with pytest.raises(ValueError, match="layout"):
        Config.model_validate({**STORE, "in_store": [{"name": "bad", "prefixes": ["28"], "layout": layout}]})


def test_lines_that_are_no_codes_are_answered_too() -> None:
    assert [one["kind"] for one in lines("-", given="\x00\n" + "9" * 5000 + "\n\n")] == ["refused"] * 3
