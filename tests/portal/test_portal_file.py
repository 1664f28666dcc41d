"""Portal files, and the commands over them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.capture.portal_file import BadLine, RecordedRead, load_portal, read_recording
from agent.cli import app
from agent.errors import EXIT_CONFIG, ConfigError

FIXTURES = Path(__file__).parent.parent / "fixtures" / "portal" / "emse-dockdoor"
PORTAL = '[portal]\nname = "dock"\nzones = ["A", "B"]\n[portal.antennas]\n1 = "B"\n2 = "B"\n3 = "A"\n4 = "A"\n'


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    path = tmp_path / "portal.toml"
    path.write_text(PORTAL, "utf-8")
    return path


def test_portal_file(portal: Path) -> None:
    assert load_portal(portal).settings().zone_of == {1: "B", 2: "B", 3: "A", 4: "A"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('4 = "A"', '4 = "C"', "C"),
        ('zones = ["A", "B"]', 'zones = ["A", "A"]', "one name"),
        ('1 = "B"\n2 = "B"\n', '1 = "A"\n2 = "A"\n', "each zone needs an antenna"),
        ("[portal]", "[gate]", "name"),
        ("zones", "zone =", "portal.toml"),
    ],
)
def test_mistakes_are_named(portal: Path, old: str, new: str, says: str) -> None:
    portal.write_text(PORTAL.replace(old, new), "utf-8")
    with pytest.raises(ConfigError, match=says):
        load_portal(portal)


def test_bad_lines_are_values(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    path.write_text(
        "t,epc,antenna,rssi_dbm,more\n1.5,AA,1,-60.5,x\nnonsense\n2,,1,-60,\n3,BB,1,nan,\n4,CC,2,-61\n", "utf-8"
    )
    found = list(read_recording(path))
    assert found[0] == RecordedRead(1.5, "AA", 1, -60.5)
    assert found[-1] == RecordedRead(4.0, "CC", 2, -61.0)
    assert [one.line for one in found if isinstance(one, BadLine)] == [3, 4, 5]


def test_a_file_without_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    path.write_text("time,epc\n1,AA\n", "utf-8")
    assert list(read_recording(path)) == [BadLine(1, "columns missing: t, antenna, rssi_dbm")]


def test_passages_of_the_real_door(portal: Path) -> None:
    result = CliRunner().invoke(app, ["passages", "--portal", str(portal), str(FIXTURES / "reads_keepout2m.csv.gz")])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    moves = [line for line in lines if "from" in line]
    assert set(moves[0]) == {"epc", "from", "to", "t_cross_s", "confidence", "reads", "decided_s", "group"}
    assert all(set(line) == {"epc", "uncertain", "t_s", "reads"} for line in lines if "uncertain" in line)
    assert len(moves) > 1800
    decided = [line["decided_s"] for line in moves]
    assert decided == sorted(decided)


def test_a_cut_gzip_file_is_told(portal: Path, tmp_path: Path) -> None:
    whole = gzip.compress(b"t,epc,antenna,rssi_dbm\n" + b"1,AA,1,-60\n" * 1000)
    path = tmp_path / "reads.csv.gz"
    path.write_bytes(whole[:-20])
    result = CliRunner().invoke(app, ["passages", "--portal", str(portal), str(path)])
    assert result.exit_code == 1
    assert "hint" in result.stderr


def test_a_bad_portal_is_a_configuration_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["passages", "--portal", str(tmp_path / "none.toml"), "reads.csv"])
    assert result.exit_code == EXIT_CONFIG


def test_tune_shows_rates_advice_and_a_picture(portal: Path, tmp_path: Path) -> None:
    recording, picture = tmp_path / "reads.csv", tmp_path / "door.svg"
    recording.write_text(
        "t,epc,antenna,rssi_dbm\n" + "".join(f"{n * 0.1:.1f},{n % 30:04},{1 + n % 3},-65.0\n" for n in range(2000)),
        "utf-8",
    )
    result = CliRunner().invoke(app, ["portal", "tune", str(portal), str(recording), "--svg", str(picture)])
    assert result.exit_code == 0, result.output
    assert "antenna 4 read nothing" in result.stdout
    assert "never passed" in result.stdout
    assert picture.read_text("utf-8").startswith("<svg")
