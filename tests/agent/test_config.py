"""The configuration: every mistake named at once, with file, key, what was found and what is expected."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agent import config as config_module
from agent.cli import app
from agent.config import FILE_BYTES_MAX, SECRET_BYTES_MAX, Config, load, secret
from agent.errors import EXIT_CONFIG, ConfigError
from drivers.registry import KINDS

ROOT = Path(__file__).resolve().parents[2]
STORE = '[store]\nid = "S1"\nzones = ["backroom", "salesfloor"]\n'
STATION = '[[station]]\nname = "dock"\nzone = "backroom"\n'
DEVICE = (
    '[[device]]\nname = "d1"\nstation = "dock"\n[device.settings]\nkind = "serial_line"\npath = "/dev/serial/by-id/a"\n'
)
READER = '[[device]]\nname = "gate"\n[device.settings]\nkind = "llrp"\nhost = "10.0.0.9"\n'
PORTAL = (
    '[[portal]]\nname = "door"\ndevice = "gate"\nzones = ["backroom", "salesfloor"]\n'
    'antennas = { 1 = "backroom", 2 = "salesfloor" }\n'
)

GOOD = STORE + STATION + DEVICE


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "agent.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(folder: Path, text: str | bytes) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert all(line.startswith(f"{path}: ") for line in caught.value.mistakes)
    assert all("expected" in line or "found" in line for line in caught.value.mistakes)
    return [line.removeprefix(f"{path}: ") for line in caught.value.mistakes]


def test_a_good_one_with_its_defaults(tmp_path: Path) -> None:
    config = load(written(tmp_path, GOOD))
    assert (config.store.id, config.store.language, config.uplink.port, config.web.port) == ("S1", "ko", 1883, 8470)
    assert config.station[0].mode == "receive"
    assert config.device[0].settings.kind == "serial_line"


def test_a_mark_of_byte_order_is_no_mistake(tmp_path: Path) -> None:
    assert load(written(tmp_path, b"\xef\xbb\xbf" + GOOD.encode())).store.id == "S1"


# Each: what is added to or put in the place of the good file, and the one line that must come.
CASES: list[tuple[str, str, str]] = [
    ("store.id missing", GOOD.replace('id = "S1"\n', ""), "store.id: found nothing, expected a value"),
    ("no store", STATION.replace("backroom", "x"), "store: found nothing, expected a value"),
    ("store as text", 'store = "S1"\n', "store: found 'S1', expected a table of settings"),
    ("id reserved", GOOD.replace("S1", "catalog"), "store.id: found 'catalog'; 'catalog' is reserved in the topics"),
    ("id with a slash", GOOD.replace("S1", "S/1"), "store.id: found 'S/1', expected 1 to 64 of A-Z a-z 0-9 . _ -"),
    ("id is a number", GOOD.replace('"S1"', "1"), "store.id: found 1, expected a valid string"),
    (
        "time zone",
        GOOD.replace("[store]\n", '[store]\ntime_zone = "Mars/Olympus"\n'),
        "store.time_zone: found 'Mars/Olympus'; expected an IANA time zone such as Asia/Seoul or Europe/London",
    ),
    (
        "time zone that is a path",
        GOOD.replace("[store]\n", '[store]\ntime_zone = "../../etc/passwd"\n'),
        "store.time_zone: found '../../etc/passwd'; expected an IANA time zone such as Asia/Seoul or Europe/London",
    ),
    (
        "language",
        GOOD.replace("[store]\n", '[store]\nlanguage = "fr"\n'),
        "store.language: found 'fr', expected 'ko' or 'en'",
    ),
    ("no zones", '[store]\nid = "S1"\nzones = []\n', "store.zones: found a table or list, expected at least 1 of them"),
    (
        "zones differ in case",
        '[store]\nid = "S1"\nzones = ["a", "A"]\n',
        "store.zones: found a table or list; two zones differ in upper and lower case only, or not at all",
    ),
    (
        "zone outside",
        '[store]\nid = "S1"\nzones = ["supplier"]\n',
        "store.zones: found a table or list; 'supplier' is a place outside the store, not a zone",
    ),
    (
        "unknown setting",
        GOOD + "[uplink]\nhots = 'x'\n",
        "uplink.hots: found a setting that does not exist, expected one of config/agent.example.toml",
    ),
    (
        "unknown section",
        GOOD + "[uplnik]\nhost = 'x'\n",
        "uplnik: found a setting that does not exist, expected one of config/agent.example.toml",
    ),
    (
        "port too high",
        GOOD + "[uplink]\nport = 70000\n",
        "uplink.port: found 70000, expected less than or equal to 65535",
    ),
    (
        "port is text",
        GOOD + "[uplink]\nport = 'x'\n",
        "uplink.port: found 'x', expected a valid integer, unable to parse string as an integer",
    ),
    (
        "no number",
        GOOD + "[uplink]\nack_timeout_s = nan\n",
        "uplink.ack_timeout_s: found nan, expected less than or equal to 3600",
    ),
    (
        "wildcard",
        GOOD + "[uplink]\nprefix = 'a/#'\n",
        "uplink.prefix: found 'a/#', expected text that matches [A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*",
    ),
    ("empty host", GOOD + "[uplink]\nhost = ''\n", "uplink.host: found '', expected at least 1 characters"),
    (
        "a secret in the file",
        GOOD + "[uplink]\npassword = 'hunter2'\n",
        "uplink.password: found a setting that does not exist, expected one of config/agent.example.toml",
    ),
    (
        "certificate without key",
        GOOD + "[uplink]\ntls = true\ncert_file = 'a'\n",
        "uplink.key_file: found nothing, expected a value, cert_file needs it",
    ),
    (
        "key without certificate",
        GOOD + "[uplink]\ntls = true\nkey_file = 'a'\n",
        "uplink.cert_file: found nothing, expected a value, key_file needs it",
    ),
    (
        "password without a name",
        GOOD + "[uplink]\npassword_file = 'a'\n",
        "uplink.username: found nothing, expected a value, password_file needs it",
    ),
    (
        "authorities without TLS",
        GOOD + "[uplink]\nca_file = 'a'\n",
        "uplink.tls: found false, expected true, ca_file needs it",
    ),
    (
        "one station",
        STORE + "[station]\nname = 'dock'\n",
        "station: found a table or list, expected a list; a section that may come often is written [[name]]",
    ),
    (
        "station without a zone",
        STORE + "[[station]]\nname = 'dock'\n",
        "station[1].zone: found nothing, expected a value",
    ),
    (
        "quarantine in no zone",
        GOOD + "[rules]\nquarantine_zone = 'moon'\n",
        "rules.quarantine_zone: found 'moon', expected one of backroom, salesfloor",
    ),
    (
        "two reasons of a code",
        GOOD + "[[reason]]\ncode = 'GIFT'\nkind = 'out'\nko = '증정'\nen = 'Gift'\n" * 2,
        "reason: found 'GIFT' 2 times, expected each name once",
    ),
    (
        "station in no zone",
        GOOD + STATION.replace("dock", "b").replace("backroom", "moon"),
        "station[2].zone: found 'moon', expected one of backroom, salesfloor",
    ),
    (
        "mode",
        GOOD + STATION.replace("dock", "b") + "mode = 'sell'\n",
        "station[2].mode: found 'sell', expected 'receive', 'move', 'ship', 'return', 'adjust', 'count' or 'lookup'",
    ),
    ("two stations of a name", GOOD + STATION, "station: found 'dock' 2 times, expected each name once"),
    (
        "two devices of a name",
        GOOD + DEVICE.replace("by-id/a", "by-id/b"),
        "device: found 'd1' 2 times, expected each name once",
    ),
    (
        "two readers at one address",
        GOOD + READER + READER.replace("gate", "gate2"),
        "device[3].settings.host: found '10.0.0.9', expected a host that device[2] has not",
    ),
    (
        "portal of a scanner",
        GOOD + READER + PORTAL.replace("gate", "d1"),
        "portal[1].device: found 'd1', expected the name of a [[device]] that reads tags",
    ),
    (
        "portal of nobody",
        GOOD + READER + PORTAL.replace("gate", "nobody"),
        "portal[1].device: found 'nobody', expected the name of a [[device]] that reads tags",
    ),
    (
        "two portals of a reader",
        GOOD + READER + PORTAL + PORTAL.replace("door", "door2"),
        "portal[2].device: found 'gate', expected a reader that portal[1] has not",
    ),
    (
        "portal to the moon",
        GOOD + READER + PORTAL.replace("salesfloor", "moon"),
        "portal[1].zones: found 'moon', expected one of backroom, salesfloor, or a place outside",
    ),
    (
        "antenna that looks elsewhere",
        GOOD + READER + PORTAL.replace('2 = "salesfloor"', '2 = "supplier"'),
        "portal[1]: found a table or list; antennas look at supplier, which is none of its zones",
    ),
    (
        "portal to customers without alarm",
        GOOD + READER + PORTAL.replace("backroom", "customer"),
        "portal[1]: found a table or list; goods do not leave to customers by a portal's word: its rule is alarm",
    ),
    (
        "zone reader that is a scanner",
        GOOD + '[[zone_reader]]\ndevice = "d1"\nantennas = { 1 = "backroom" }\n',
        "zone_reader[1].device: found 'd1', expected the name of a [[device]] that reads tags",
    ),
    (
        "zone reader that looks at the moon",
        GOOD + READER + '[[zone_reader]]\ndevice = "gate"\nantennas = { 1 = "moon" }\n',
        "zone_reader[1].antennas.1: found 'moon', expected one of backroom, salesfloor",
    ),
    (
        "serial numbers backwards",
        GOOD + "[tags]\nserial_first = 9\nserial_last = 3\n",
        "tags: found a table or list; serial_last 3 is below serial_first 9",
    ),
    (
        "two devices on a path",
        GOOD + DEVICE.replace("d1", "d2"),
        "device[2].settings.path: found '/dev/serial/by-id/a', expected a path that device[1] has not",
    ),
    (
        "device of no station",
        GOOD.replace('station = "dock"', 'station = "doc"'),
        "device[1].station: found 'doc', expected one of dock",
    ),
    ("no stations", STORE + DEVICE, "device[1].station: found 'dock', expected one of a [[station]], there is none"),
    (
        "kind missing",
        GOOD.replace('kind = "serial_line"\n', ""),
        "device[1].settings.kind: found nothing, expected one of " + ", ".join(sorted(KINDS)),
    ),
    (
        "kind unknown",
        GOOD.replace("serial_line", "telepathy"),
        "device[1].settings.kind: found 'telepathy', expected one of " + ", ".join(sorted(KINDS)),
    ),
    (
        "device setting",
        GOOD + "pth = 'x'\n",
        "device[1].settings.pth: found a setting that does not exist, expected one of config/agent.example.toml",
    ),
    (
        "device path missing",
        GOOD.replace('path = "/dev/serial/by-id/a"\n', ""),
        "device[1].settings.path: found nothing, expected a value",
    ),
    (
        "settings as text",
        STORE + STATION + "[[device]]\nname = 'd'\nsettings = 'x'\n",
        "device[1].settings: found 'x', expected a table of settings",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_kind_of_mistake_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in mistakes(tmp_path, text)


def test_all_mistakes_come_at_once_also_those_between_sections(tmp_path: Path) -> None:
    text = (
        '[store]\nid = "catalog"\nzones = ["backroom"]\n[uplink]\nport = 0\nkey_file = "k"\n[web]\ncolour = 1\n'
        + STATION.replace("backroom", "moon")
        + STATION
        + DEVICE.replace('"dock"', '"nowhere"')
        + DEVICE.replace("serial_line", "telepathy")
    )
    found = mistakes(tmp_path, text)
    keys = {line.split(": ")[0] for line in found}
    assert keys == {
        "store.id",
        "uplink.port",
        "uplink.cert_file",
        "uplink.tls",
        "web.colour",
        "station",
        "station[1].zone",
        "device",
        "device[1].station",
        "device[2].settings.kind",
        "device[2].settings.path",
    }
    assert len(found) == len(set(found)) == len(keys)


def test_a_broken_section_hides_no_contradiction_of_another(tmp_path: Path) -> None:
    found = mistakes(tmp_path, 'store = 5\nstation = "x"\n' + DEVICE + "[uplink]\npassword_file = 'p'\n")
    assert "uplink.username: found nothing, expected a value, password_file needs it" in found
    assert any(line.startswith("device[1].station: ") for line in found)


def test_one_that_is_unreadable_absent_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; expected a readable"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="Is a directory; expected a readable"):
        load(tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        b"[store\n",
        b"\xff\xfe",
        b"\x00",
        "id = '재고".encode("euc-kr"),
        b"a = " + b"[" * 5000,
        b"a = " + b"9" * 5000,
        b"a = 1\na = 2\n",
        b"{}",
    ],
    ids=range(8),
)
def test_one_that_is_no_toml(tmp_path: Path, raw: bytes) -> None:
    assert re.match(r"found .*expected TOML in UTF-8$", mistakes(tmp_path, raw)[0])


def test_one_that_is_huge_is_not_read(tmp_path: Path) -> None:
    assert mistakes(tmp_path, b"#" * (FILE_BYTES_MAX + 1)) == [
        f"found more than {FILE_BYTES_MAX} bytes, expected a configuration"
    ]
    with pytest.raises(ConfigError, match="found more than"):
        load(Path("/dev/zero"))
    load(written(tmp_path, GOOD + "#" * (FILE_BYTES_MAX - len(GOOD))))


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = (
        GOOD.replace("[store]\n", '[store]\nstate_dir = "state"\n').replace("/dev/serial/by-id/a", "dev/scanner")
        + '[catalogue]\nfile = "../items.csv"\n[uplink]\ntls = true\nca_file = "ca.pem"\nusername = "s1"\n'
        + 'cert_file = "/etc/c.pem"\nkey_file = "k.pem"\npassword_file = "secret"\n'
    )
    config = load(written(tmp_path, text))
    assert config.store.state_dir == tmp_path / "state"
    assert config.catalogue.file == tmp_path / "../items.csv"
    assert (config.uplink.ca_file, config.uplink.key_file) == (tmp_path / "ca.pem", tmp_path / "k.pem")
    assert config.uplink.cert_file == Path("/etc/c.pem")
    assert config.uplink.password_file == tmp_path / "secret"
    assert config.device[0].settings.path == str(tmp_path / "dev/scanner")


def test_a_secret_is_a_files_content_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    for content, expected in ((b"hunter2\n", "hunter2"), (b"hunter2\r\n", "hunter2"), ("비밀 ".encode(), "비밀 ")):
        path.write_bytes(content)
        assert secret(path) == expected
    assert secret(None) is None


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\n", "found nothing"), (b"hunter2\xff", "no UTF-8"), (b"x" * (SECRET_BYTES_MAX + 1), "found more than")],
)
def test_a_secret_that_is_none_is_named_and_not_shown(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        secret(path)
    assert why in caught.value.mistakes[0]
    assert str(path) in caught.value.mistakes[0]
    assert "hunter2" not in caught.value.mistakes[0]
    with pytest.raises(ConfigError, match="No such file"):
        secret(tmp_path / "none")


def test_values_of_unknown_settings_are_not_shown(tmp_path: Path) -> None:
    assert not any("hunter2" in line for line in mistakes(tmp_path, GOOD + "[uplink]\npassword = 'hunter2'\n"))


values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["name", "zone", "station", "settings", "kind", "path", "id"]), inner, max_size=4
        ),
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["store", "station", "device", "uplink", "web", "x"]), values))
def test_no_table_crashes_the_search_for_mistakes(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_module, "_table", lambda _path: table)
        with suppress(ConfigError):
            load(Path("agent.toml"))


def test_the_files_in_the_tree_are_good() -> None:
    for path in (ROOT / "config" / "agent.example.toml", ROOT / "config" / "demo.toml"):
        assert isinstance(load(path), Config)


@pytest.mark.parametrize("command", [["check-config"], ["run"], ["stock", "--config"], ["log", "verify", "--config"]])
def test_the_command_line_says_all_and_exits_78(tmp_path: Path, command: list[str]) -> None:
    path = written(tmp_path, GOOD.replace("S1", "catalog") + "[uplink]\nport = 0\n")
    ran = CliRunner().invoke(app, [*command, str(path)])
    assert ran.exit_code == EXIT_CONFIG
    lines = ran.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines[:2]] == ["store.id", "uplink.port"]
    assert lines[-1].startswith("hint: ")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.5", "::", "store-pc"])
def test_screens_are_for_other_machines_over_tls_only(tmp_path: Path, host: str) -> None:
    web = f'[web]\nhost = "{host}"\n'
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, GOOD + web))
    assert "web.host" in str(caught.value)
    assert "cert_file and key_file" in str(caught.value)
    loaded = load(written(tmp_path, GOOD + web + 'cert_file = "a.pem"\nkey_file = "a.key"\n'))
    assert loaded.web.cert_file == tmp_path / "a.pem"
    assert loaded.web.key_file == tmp_path / "a.key"
    load(written(tmp_path, GOOD + web + "enabled = false\n"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_screens_on_loopback_need_no_tls(tmp_path: Path, host: str) -> None:
    assert load(written(tmp_path, f'{GOOD}[web]\nhost = "{host}"\n')).web.host == host


@pytest.mark.parametrize(("given", "missing"), [("cert_file", "key_file"), ("key_file", "cert_file")])
def test_a_certificate_and_its_key_come_together(tmp_path: Path, given: str, missing: str) -> None:
    with pytest.raises(ConfigError, match=f"web.{missing}: found nothing"):
        load(written(tmp_path, f'{GOOD}[web]\n{given} = "a.pem"\n'))
