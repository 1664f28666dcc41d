"""The doctor at work: real folders, a real agent, a real broker; what is broken on purpose is found and named."""

from __future__ import annotations

import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.certificates import ends_s as ends_of
from agent.cli import app
from agent.control import request
from agent.doctor.look import holder_of, look_at_folder
from agent.doctor.look_broker import _distrust
from contract.times import parse_us
from tests.agent.doctor.shop import Shop, level
from tests.agent.test_metrics import samples
from tests.agent.uplink.test_link_brokers import Authority, encrypted, passwords
from tests.brokers import Mosquitto, free_port

SECRET = "hunter-22-geheim"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def consumer(port: int, *lines: str) -> str:
    return "\n".join((f"port = {port}", *lines))


def trusted(shop: Shop, password: str = SECRET) -> list[str]:
    path = shop.folder / "broker.password"
    path.write_text(password + "\n")
    path.chmod(0o600)
    return ['username = "store"', f'password_file = "{path}"']


# -- without an agent --------------------------------------------------------------------------------------------------


def test_a_store_before_its_first_start(shop: Shop) -> None:
    found, code = shop.doctor()
    assert code == 2
    assert level(found, "agent_stopped") == "failure"
    assert level(found, "ledger_missing") == level(found, "catalogue_empty") == "warning"
    assert {"broker_off", "disk_good", "clock_trusted"} & set(found) >= {"broker_off", "disk_good"}
    assert found["agent_stopped"]["text"]["ko"] == "에이전트가 실행되고 있지 않습니다"
    assert list(shop.state.iterdir()) == []  # nothing was made by looking


@pytest.mark.parametrize(("lines", "words"), [("nothing", "found"), ("[store]\nid = 5\n", "store.id")])
def test_a_configuration_that_is_wrong_is_the_only_finding(shop: Shop, lines: str, words: str) -> None:
    shop.config.write_text(lines)
    result = CliRunner().invoke(app, ["doctor", "--config", str(shop.config), "--lang", "ko"])
    assert result.exit_code == 2
    assert words in result.output
    assert "jaego check-config" in result.output
    assert "에이전트가" not in result.output


def test_a_folder_that_is_not_there_or_is_none(shop: Shop) -> None:
    shop.state.rmdir()
    assert level(shop.doctor()[0], "folder_missing") == "failure"
    shop.state.write_text("")
    assert level(shop.doctor()[0], "folder_no_folder") == "failure"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A read-only file system, in a namespace of its own; and for who is not root a folder of root's."""
    if os.geteuid() != 0:
        assert look_at_folder(Path("/usr")).problem == "denied"
    look = "import sys; from pathlib import Path; from agent.doctor.look import look_at_folder as look"
    command = f"mount -t tmpfs -o ro none {tmp_path} && {sys.executable} -c '{look}; print(look(Path(sys.argv[1])))' "
    done = subprocess.run(["unshare", "-rm", "sh", "-c", command + str(tmp_path)], check=False, capture_output=True)
    if b"mount" in done.stderr or b"unshare" in done.stderr:
        pytest.skip(f"needs user namespaces: {done.stderr.decode().strip()}")
    assert b"problem='read_only'" in done.stdout, done.stderr


def test_folder_and_keys_that_others_may_read(shop: Shop) -> None:
    shop.begin()
    shop.state.chmod(0o755)
    (shop.state / "store.key").chmod(0o644)
    (shop.state / "people.key").unlink()
    found, _ = shop.doctor()
    assert level(found, "folder_open") == level(found, "secret_open store") == "warning"
    assert level(found, "secret_missing badges") == "failure"
    assert "chmod 600" in found["secret_open store"]["hint"]["en"]


def test_a_ledger_that_is_good_damaged_or_anothers(shop: Shop) -> None:
    shop.begin()
    found, _ = shop.doctor()
    assert "1 events" in found["ledger_good"]["text"]["en"]
    shop.config.write_text(shop.config.read_text().replace('"S1"', '"S2"'))
    assert level(shop.doctor()[0], "ledger_other_store") == "failure"
    shop.configure()
    with sqlite3.connect(shop.state / "ledger.db") as raw:
        raw.execute("DROP TRIGGER event_is_never_changed")
        raw.execute("UPDATE event SET body = replace(body, 'S1', 'S9')")
    raw.close()
    assert level(shop.doctor()[0], "ledger_damaged") == "failure"
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (shop.state / name).unlink(missing_ok=True)
    (shop.state / "ledger.db").write_bytes(b"no database at all" * 1000)
    assert level(shop.doctor()[0], "ledger_damaged") == "failure"
    (shop.state / "catalogue.db").write_bytes(b"no database at all" * 1000)
    assert level(shop.doctor()[0], "catalogue_damaged") == "failure"


def test_devices_that_are_missing_there_held_or_out_of_reach(shop: Shop) -> None:
    main, name = os.openpty()
    try:
        port = os.ttyname(name)
        lines = f'[[device]]\nname = "dock"\nsettings = {{ kind = "serial_line", path = "{port}" }}\n'
        lines += '[[device]]\nname = "gone"\nsettings = { kind = "serial_line", path = "/dev/ttyGONE9" }\n'
        lines += '[[device]]\nname = "gate"\nsettings = { kind = "llrp", host = "127.0.0.1", port = '
        lines += f"{free_port()} }}\n"
        shop.configure(more=lines)
        found, _ = shop.doctor()
        assert level(found, "device_there dock") == "ok"
        assert level(found, "device_missing gone") == "failure"
        assert "refused" in found["device_unreachable gate"]["text"]["en"]
        with Path(port).open("rb") as held, subprocess.Popen(["sleep", "60"], stdin=held) as other:
            assert holder_of(Path(port)) == f"sleep ({other.pid})"
            assert level(shop.doctor()[0], "device_held dock") == "failure"
            other.kill()
    finally:
        os.close(main)
        os.close(name)


def test_a_port_that_another_program_has(shop: Shop, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as other:
        shop.port = other.port
        shop.configure()
        assert level(shop.doctor()[0], "screens_taken") == "failure"


# -- the broker --------------------------------------------------------------------------------------------------------


def test_a_broker_step_by_step(shop: Shop, tmp_path: Path) -> None:
    shop.configure(consumer(free_port()))
    assert level(shop.doctor()[0], "broker_unreachable") == "failure"
    with Mosquitto(tmp_path) as broker:
        shop.configure(consumer(broker.port))
        found, _ = shop.doctor()
        assert "MQTT 5" in found["broker_good"]["text"]["en"]
        assert not [name for name in found if name.startswith(("broker_topic", "broker_in_the_clear"))]
        shop.configure(consumer(broker.port, "tls = true"))
        assert level(shop.doctor()[0], "broker_handshake") == "failure"
    shop.configure(consumer(1883, 'host = "no-such-host.invalid"'))
    assert level(shop.doctor()[0], "broker_unreachable") == "failure"
    shop.configure(consumer(1883, "tls = true", 'ca_file = "none.pem"'))
    assert level(shop.doctor()[0], "broker_files") == "failure"


def test_a_certificate_of_another_authority_another_name_and_one_that_ends(shop: Shop, tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    with Mosquitto(tmp_path, *encrypted(theirs)) as broker:
        shop.configure(consumer(broker.port, "tls = true", f'ca_file = "{ours.file}"'))
        assert level(shop.doctor()[0], "broker_authority") == "failure"
        certificate, key = theirs.issue("store")
        key.chmod(0o600)
        files = (f'cert_file = "{certificate}"', f'key_file = "{key}"')
        shop.configure(consumer(broker.port, "tls = true", f'ca_file = "{theirs.file}"', *files))
        found, _ = shop.doctor()
        assert level(found, "broker_good") == "ok"
        assert level(found, "certificate_soon broker") == level(found, "certificate_soon store") == "warning"
        certificate.write_text("nothing")
        found, _ = shop.doctor()
        assert level(found, "certificate_unreadable store") == level(found, "broker_files") == "failure"
    with Mosquitto(tmp_path, *encrypted(theirs, "10.9.8.7")) as broker:
        shop.configure(consumer(broker.port, "tls = true", f'ca_file = "{theirs.file}"'))
        assert level(shop.doctor()[0], "broker_name") == "failure"


@pytest.mark.parametrize(
    ("code", "fault"), [(9, "ended"), (10, "ended"), (18, "authority"), (20, "authority"), (62, "name"), (64, "name")]
)
def test_openssl_s_reasons(code: int, fault: str) -> None:
    """X509_V_ERR_… of x509_vfy.h: not yet valid, expired, self-signed, no issuer, other name, other address."""
    error = ssl.SSLCertVerificationError()
    error.verify_code = code
    assert _distrust(error) == fault


def test_a_login_and_topics_that_are_refused_and_no_secret_is_told(shop: Shop, tmp_path: Path) -> None:
    access = tmp_path / "acl"
    access.write_text("user store\ntopic read stock/v1/#\n")
    access.chmod(0o644)
    settings = (f"password_file {passwords(tmp_path, SECRET)}", "allow_anonymous false", f"acl_file {access}")
    with Mosquitto(tmp_path, *settings) as broker:
        shop.configure(consumer(broker.port, *trusted(shop)))
        found, code = shop.doctor()
        assert (level(found, "broker_good"), code) == ("ok", 2)
        assert [name for name in found if name.startswith("broker_topic")] == ["broker_topic stock/v1/S1/response/+"]
        shop.configure(consumer(broker.port, *trusted(shop, SECRET + "-wrong")))
        found, _ = shop.doctor()
        assert level(found, "broker_refused") == "failure"
        assert SECRET not in str(found)


def test_a_port_that_takes_connections_and_says_nothing(shop: Shop, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        broker.freeze()
        shop.configure(consumer(broker.port))
        assert level(shop.doctor()[0], "broker_silent") == "failure"


def test_a_running_agent_tells_its_connection_and_when_certificates_end(shop: Shop, tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    certificate, key = ours.issue("store")
    with Mosquitto(tmp_path, *encrypted(ours), "require_certificate true", "use_identity_as_username true") as broker:
        files = (f'ca_file = "{ours.file}"', f'cert_file = "{certificate}"', f'key_file = "{key}"')
        shop.configure(consumer(broker.port, "tls = true", *files))
        with shop.agent():
            told = next(iter(request(shop.state, "health")))
            # The uplink hears of what the ledger wrote at its start a moment later.
            while not (told["connected"] and told["consumers"]["headoffice"]["behind"] == told["head"]):
                told = next(iter(request(shop.state, "health")))
    assert told["writes"] is True
    assert told["broker_up_s"] <= told["uptime_s"] + 1
    assert set(told["certificates"]) == {"broker", "store"}
    ends_s = ends_of(certificate)
    assert parse_us(told["certificates"]["store"]) == ends_s * 1_000_000
    assert told["head"] >= 1
    assert told["disk_size_bytes"] > told["disk_free_bytes"] > 0


# -- with an agent -----------------------------------------------------------------------------------------------------


def test_a_store_that_runs_and_one_whose_agent_hangs(shop: Shop, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        shop.configure(consumer(broker.port))
        with shop.agent() as agent:
            found, _ = shop.doctor()
            for name in ("agent_running", "ledger_good", "secret_good store", "screens_good", "broker_good"):
                assert level(found, name) == "ok"
            assert level(found, "consumer_good headoffice") == "ok"
            with urllib.request.urlopen(f"http://127.0.0.1:{shop.port}/metrics", timeout=10) as answer:
                told = samples(answer.read().decode())
            assert told["jaego_ledger_head"] == told['jaego_outbox_events{consumer="headoffice"}'] >= 1
            assert told["jaego_commit_seconds_count"] == told["jaego_commits_total"] >= 1
            assert told["jaego_memory_bytes"] > 10_000_000
            assert "jaego_connects_total" in told
            agent.send_signal(signal.SIGSTOP)
            assert level(shop.doctor()[0], "agent_silent") == "failure"
