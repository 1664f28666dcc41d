"""`jaego setup` with real scanners, by answers and by questions; doctor and bundle of the store that it made."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.setup.learning import CODE
from tests.machine import house
from tests.machine import shop as shops
from tests.machine.devices import unplug_serial
from tests.machine.shop import KEYBOARD, LINE, RICE, TEA, Shop, held, sold, until_known
from tests.machine.store import StorePc
from tests.machine.surviving import in_long_form
from tests.machine.terminal import HOME, Terminal
from tests.machine.vm import Vm

Tell = Callable[[str], None]
DOCTOR = Path(__file__).parents[2] / "docs" / "doctor.md"
PAIR = "/var/lib/jaego/broker.pem"
TWO_YEARS_S = 2 * 366 * 86_400
KEPT = "sha256sum /etc/jaego/agent.toml /var/lib/jaego/broker.pem /var/lib/jaego/broker-ca.pem /var/lib/jaego/store.key"
KOREAN = (
    ("언어", "ko"),
    ("매장 id", "S002"),
    ("시간대", ""),
    ("구역", ""),
    ("브로커 주소", "localhost"),
    ("TLS를 씁니까", ""),
    ("브로커 포트", ""),
    ("자격 증명", ""),
    ("본사 데스크 주소", "https://localhost:8480"),
    ("토큰", "{token}"),
    ("작업대 이름", ""),
    ("작업대의 구역", ""),
    ("스캐너를 더합니까", ""),
    ("장치 이름", ""),
    ("작업대 이름", ""),
    ("스캐너를 더합니까", ""),
)


@pytest.fixture(scope="module")
def founded(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Head office by its units, frozen for this module."""
    pc = StorePc(tmp_path_factory.mktemp("office"), deb, office=False)
    with pc:
        house.emptied(pc.vm)
        house.found_office(pc.vm)
        shops.freeze_office(pc.vm)
    yield
    shops.forget_office()


@pytest.fixture
def office(founded: None, deb: Path, tmp_path: Path) -> Iterator[Vm]:
    pc = StorePc(tmp_path, deb, office=False)
    pc.state = shops.FROZEN
    assert founded is None
    with pc:
        shops.answers(pc.vm)
        yield pc.vm


@pytest.fixture(scope="module")
def shop(founded: None, deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Set up by answers, with two scanners: to look at, and left as it was found."""
    pc = StorePc(tmp_path_factory.mktemp("shop"), deb, office=False)
    pc.state = shops.FROZEN
    assert founded is None
    with pc:
        shops.answers(pc.vm)
        made = shops.plugged(pc.vm)
        with Terminal(pc.vm) as person:
            shops.set_up(made, person)
        yield made
        made.line.close()


@in_long_form
def test_setup_asks_in_korean(office: Vm, tell: Tell) -> None:
    shop = shops.plugged(office)
    token = office.sh(f"cat {house.OFFICE}/S002.token", expected=0).out.strip()
    begun_s = time.monotonic()
    with Terminal(office) as person:
        person.keys("jaego setup\n")
        for question, answer in KOREAN:
            person.wait(rf"{question}[^\n]*: $", 60.0)
            person.keys(answer.format(token=token) + "\n")
        person.wait(r"시트를 스캔하세요[^\n]*\n")
        held(office, KEYBOARD)
        shop.scan_keys(CODE)
        told = person.wait("서비스를 시작했습니다: jaego-agent", 180.0)
        assert f"hand-1: {KEYBOARD} · kind hid" in told, told
        assert token not in person.screen()
    took_s = time.monotonic() - begun_s
    config = tomllib.loads(office.get("/etc/jaego/agent.toml").decode())
    assert (config["store"]["id"], config["store"]["language"], config["uplink"]["tls"]) == ("S002", "ko", True)
    until_known(office)
    held(office, KEYBOARD, "jaego-agent")
    shop.scan_keys(TEA)
    StorePc.until(lambda: sold(office, "S002") == {"TEA": 1}, lambda: sold(office, "S002"), 120.0)
    shop.line.close()
    tell(f"{len(KOREAN)} questions, {took_s:.0f} s to the running service; its first scan is at head office")


@in_long_form
def test_setup_learns_a_keyboard_and_a_serial_scanner_and_starts_the_service(shop: Shop, tell: Tell) -> None:
    vm, first_s = shop.vm, shop.took_s
    for told in (
        "Head office has issued the certificate /var/lib/jaego/broker.pem",
        f"hand-1: {KEYBOARD}, kind hid",
        f"hand-2: {LINE}, kind serial_line, end crlf",
        "takes us (MQTT 5)",
        "The service runs",
    ):
        assert told in shop.told, shop.told
    config = tomllib.loads(vm.get("/etc/jaego/agent.toml").decode())
    assert [one["settings"]["path"] for one in config["device"]] == [KEYBOARD, LINE]
    assert (config["uplink"]["tls"], config["uplink"]["cert_file"]) == (True, "/var/lib/jaego/broker.pem")
    until_known(vm)
    shop.works()
    begun_s = time.monotonic()
    shop.scan_keys(TEA)
    shop.scan_line(RICE)
    StorePc.until(lambda: sold(vm) == {"TEA": 1, "RICE": 1}, lambda: sold(vm), 120.0)
    seen_s = time.monotonic() - begun_s
    assert vm.sh("journalctl -o cat -u mosquitto | grep \"u'S001'\"", expected=0).out  # its name is the certificate's
    before = vm.sh(KEPT, expected=0).out
    with Terminal(vm) as person:
        shops.set_up(shop, person)
    assert "is still good" in shop.told, shop.told
    assert "Nothing has changed in /etc/jaego/agent.toml" in shop.told
    assert vm.sh(KEPT, expected=0).out == before
    assert vm.sh("systemctl is-active jaego-agent; systemctl is-enabled jaego-agent").out == "active\nenabled\n"
    tell(f"{first_s:.0f} s; first scans of both at head office in {seen_s:.0f} s; again {shop.took_s:.0f} s, no change")


def ailments(vm: Vm) -> tuple[int, dict[str, str]]:
    """Exit code of the doctor, and by the code of a finding whom it is about, of all that is not good."""
    found = vm.sh("runuser -u jaego -- jaego doctor --json", timeout_s=120)
    assert found.out, found.err
    findings = json.loads(found.out)["findings"]
    return found.code, {one["code"]: one["subject"] for one in findings if one["level"] != "ok"}


@in_long_form
def test_the_doctor_says_what_is_wrong_and_nothing_else(shop: Shop, tell: Tell) -> None:
    vm = shop.vm
    until_known(vm)
    shop.works()
    without_copy = ailments(vm)
    vm.sh("install -d -o jaego /run/stick && runuser -u jaego -- jaego key backup /run/stick/key", expected=0)
    code, machines_own = ailments(vm)
    assert (code, set(machines_own)) == (1, {"disk_low", "clock_alone"}), machines_own
    assert set(without_copy[1]) - set(machines_own) == {"key_unsaved"}, without_copy
    unplug_serial(vm, "LINE-1")
    vm.until(f"[ ! -e {LINE} ]")
    code, wrong = ailments(vm)
    assert code == 2
    assert {name: subject for name, subject in wrong.items() if name not in machines_own} == {
        "device_missing": "hand-2"
    }
    shop.plug_line()
    shop.works()
    assert ailments(vm) == (1, machines_own)
    tell("well but for this machine's 1.5 GB disk and its clock; a scanner unplugged is named, and well again")


@in_long_form
def test_a_bundle_has_no_secret_in_it(shop: Shop, tell: Tell) -> None:
    vm = shop.vm
    command = next(line for line in DOCTOR.read_text().splitlines() if " jaego bundle /var" in line).strip()
    vm.sh(command, timeout_s=120, expected=0)
    secrets = [vm.get(f"{HOME}/token").strip().removeprefix(b"jse_").partition(b".")[0]]
    pair = vm.get("/var/lib/jaego/broker.pem").decode()
    private = pair.partition("PRIVATE KEY-----\n")[2].partition("\n-----END")[0]
    secrets += [line.encode() for line in private.splitlines() if len(line) > 20]
    for name in ("store.key", "people.key"):
        raw = vm.get(f"/var/lib/jaego/{name}").strip()
        secrets += [raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")]
    with tarfile.open(fileobj=io.BytesIO(vm.get("/var/lib/jaego/for-support.tar.gz"))) as archive:
        parts = {one.name.rpartition("/")[2]: archive.extractfile(one) for one in archive if one.isfile()}
        texts = {name: part.read() for name, part in parts.items() if part is not None}
    assert set(texts) >= {"findings.json", "configuration.json", "log.txt", "devices.json", "files.json", "events.json"}
    assert b"hand-2" in texts["devices.json"]
    assert b"screens: " in texts["log.txt"]
    assert len(secrets) >= 9
    assert [(name, one) for name, text in texts.items() for one in secrets if one in text] == []
    size = sum(map(len, texts.values())) // 1000
    tell(f"{len(texts)} parts, {size} kB, none of {len(secrets)} secrets in them")


# The last of the shop's, since it is two years later afterwards.
@in_long_form
def test_the_certificate_renews_itself_by_its_timer_once_two_years_have_passed(shop: Shop, tell: Tell) -> None:
    vm, before = shop.vm, sold(shop.vm)
    former = vm.sh(f"sha256sum {PAIR}", expected=0).out.strip()
    vm.put("/etc/systemd/system/jaego-renew.timer.d/soon.conf", "[Timer]\nRandomizedDelaySec=0\n")
    vm.sh("systemctl daemon-reload && systemctl restart jaego-renew.timer", expected=0)
    begun_s = time.monotonic()
    vm.sh(f"date -s @$(( $(date +%s) + {TWO_YEARS_S} ))", expected=0)
    vm.until(f"[ \"$(sha256sum {PAIR})\" != '{former}' ]", 180.0)
    took_s = time.monotonic() - begun_s
    vm.until("systemctl show -P Result jaego-renew | grep -qx success && ! systemctl is-active -q jaego-renew")
    assert "broker.pem is renewed until" in vm.sh("journalctl -o cat -u jaego-renew").out
    vm.until("journalctl -o cat -u jaego-agent | grep -q 'connecting again with it'", 120.0)
    assert vm.sh(f"stat -c '%U %a' {PAIR}", expected=0).out.split() == ["jaego", "600"]
    shop.works()
    shop.scan_keys(TEA)
    wanted = {**before, "TEA": before.get("TEA", 0) + 1}
    StorePc.until(lambda: sold(vm) == wanted, lambda: (sold(vm), wanted), 120.0)
    tell(f"{took_s:.0f} s after the clock was there; the agent came back with it, and its next scan is at head office")
