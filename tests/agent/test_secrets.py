"""Marked secrets everywhere that a store has one, and a day's use of each, right and wrong. Then everything is searched
that the agent wrote, said, sent, showed or answered: log, state folder, broker, pages, metrics, health, bundle.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.people import People
from tests.agent.clocks import FakeClock
from tests.brokers import USER, Mosquitto, Needs, free_port

pytestmark = pytest.mark.broker
BROKER, READER, WRONG = "broker-MARKED-4711", "reader-MARKED-4712", "wrong-MARKED-4713"
PIN, ITEM = "90817263", "8801234567893"
START_S_MAX = 30.0
CONFIG = """
[store]
id = "S1"
state_dir = "state"
zones = ["backroom"]
clock_trusted = true
[uplink]
port = {broker}
username = "{user}"
password_file = "broker.password"
backoff_s_max = 1
[web]
port = {web}
[[station]]
name = "dock"
zone = "backroom"
mode = "receive"
[[device]]
name = "gate"
[device.settings]
kind = "reader_json"
dialect = "impinj"
host = "127.0.0.1"
port = {broker}
topics = ["gate/#"]
username = "reader"
password_file = "reader.password"
"""
PAGES = (
    *("/", "/station/dock", "/exceptions", "/settings", "/stock", "/device/gate", "/print", "/metrics"),
    *(f"/api/v1/{name}" for name in ("health", "settings", "devices", "exceptions")),
)
# Where a secret's own file is: nobody else may read it, and no backup or bundle takes it along.
OWN = {"people.db", "people.db-wal", "people.db-shm", "people.key", "store.key"}


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.state.mkdir()
        self.broker, self.port = Mosquitto(folder), free_port()
        self.broker.start(*self.broker.lines(Needs(password=BROKER)))
        for name, text in (("broker", BROKER), ("reader", READER)):
            (folder / f"{name}.password").write_text(f"{text}\n")
            (folder / f"{name}.password").chmod(0o600)
        self.config = folder / "agent.toml"
        self.config.write_text(CONFIG.format(broker=self.broker.port, web=self.port, user=USER))
        people = People(self.state, FakeClock())
        self.badge = people.add("Kim", "admin", "en", PIN)[1]
        gone, self.old_badge = people.add("Lee", "clerk", "en")
        people.new_badge(gone.clerk)
        self.token = people.add_client("till", frozenset({"read", "stock"}))
        people.close()
        self.cookies: list[str] = []
        self.heard: list[bytes] = []

    def asked(self, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """The whole answer: status line, head and body. What a browser is given to keep is noted, and taken out."""
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, body, {name.replace("_", "-"): text for name, text in headers.items()})
        try:
            answer: Any = urllib.request.build_opener(Staying).open(request, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            head = [(name, text) for name, text in answer.headers.items() if name.lower() != "set-cookie"]
            self.cookies += [text.partition(";")[0] for text in answer.headers.get_all("set-cookie") or []]
            return f"{answer.status} {head}".encode() + answer.read()

    def log_in(self, badge: str, pin: str) -> bytes:
        form = urllib.parse.urlencode({"badge": badge, "pin": pin}).encode()
        return self.asked("/login", form, content_type="application/x-www-form-urlencoded")

    def listen(self) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(USER, BROKER)
        client.on_message = lambda _client, _data, message: self.heard.append(
            message.topic.encode() + b" " + bytes(message.payload)
        )
        client.on_connect = lambda one, *_rest: one.subscribe("#")
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        return client


class Staying(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path)
    yield found
    found.broker.stop()


def run(store: Store) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from agent.run_cli import main; main()", "run", str(store.config)]
    log_file = store.folder / "agent.log"
    begun = log_file.read_text().count("is open") if log_file.exists() else 0
    with log_file.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    until(lambda: (store.folder / "agent.log").read_text().count("is open") > begun)
    return process


def until(condition: Any) -> None:
    deadline_s = time.monotonic() + START_S_MAX
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def day(store: Store) -> list[bytes]:
    """Each secret used rightly and wrongly, by each way there is; gives every answer."""
    bearer = {"authorization": f"Bearer {store.token}"}
    wrote = {"content_type": "application/json"}
    scan = "/api/v1/stations/dock/scan"
    answers = [store.log_in(store.badge, PIN), store.log_in(store.badge, WRONG), store.log_in(WRONG, PIN)]
    for number, code in enumerate((store.badge, ITEM, store.old_badge)):
        body = json.dumps({"code": code}).encode()
        answers.append(store.asked(scan, body, **bearer, **wrote, x_jaego_press=f"day-{number:04d}"))
    answers.append(store.asked("/api/v1/stock", authorization=f"Bearer {WRONG}"))
    for page in PAGES:
        answers += [store.asked(page), store.asked(page, **bearer)]
        answers.append(store.asked(page, cookie="; ".join(store.cookies)))
    return answers


def bundle(store: Store) -> tuple[bytes, bytes]:
    """What the command says, and all that it packs."""
    file = store.folder / "bundle.tar.gz"
    command = [sys.executable, "-c", "from agent.cli import main; main()", "bundle", str(file), "-c", str(store.config)]
    said = subprocess.run(command, capture_output=True, check=True, timeout=60)
    with tarfile.open(file) as archive:
        packed = b"".join(held.read() for one in archive if (held := archive.extractfile(one)) is not None)
    return said.stdout + said.stderr, packed


def test_no_secret_is_logged_kept_sent_shown_or_answered(store: Store) -> None:
    client, process = store.listen(), run(store)
    try:
        until(lambda: any(b"/event/" in one or b"/journal" in one for one in store.heard))
        answers = day(store)
        process.terminate()
        process.wait(30)
        (store.folder / "broker.password").write_text(f"{WRONG}\n")
        process = run(store)
        until(lambda: "refuses this store" in (store.folder / "agent.log").read_text())
        answers.append(store.asked("/api/v1/health"))
        said, packed = bundle(store)
    finally:
        process.terminate()
        process.wait(30)
        client.loop_stop()
    places = {path.relative_to(store.folder).as_posix(): path.read_bytes() for path in files(store)}
    places |= {"answers": b"\n".join(answers), "broker": b"\n".join(store.heard), "bundle": packed, "said": said}
    assert [name for name in ("answers", "broker", "state/ledger.db") if ITEM.encode() not in places[name]] == []
    assert all(b"refuses" in places[name] for name in ("agent.log", "bundle")), "what is searched tells something"
    key = (store.state / "store.key").read_bytes()
    marked = [
        BROKER,
        READER,
        WRONG,
        store.badge,
        store.old_badge,
        store.token,
        *(one.partition("=")[2] for one in store.cookies),
    ]
    secrets = [one.encode() for one in marked] + [key, key.hex().encode(), (store.state / "people.key").read_bytes()]
    assert len(store.cookies) >= 2
    found = [(name, one[:60]) for name, text in places.items() for one in secrets if one in text]
    assert found == []


def files(store: Store) -> list[Path]:
    """What the agent wrote, but for the files whose content is the secret; those nobody else may read."""
    kept = [path for path in store.state.rglob("*") if path.is_file()]
    assert {path.name for path in kept if path.name in OWN and path.stat().st_mode & 0o077} == set()
    return [store.folder / "agent.log", *(path for path in kept if path.name not in OWN)]
