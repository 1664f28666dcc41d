"""docs/contract.md says what the code does: its tables, its examples, its verification and its consumer."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from contract import documents, events, journal, messages, papers, shapes
from contract.chain import GENESIS, check_event
from contract.opening import check_opening
from tests.contract_document import DOCUMENT, renewed, sample_log

TEXT = DOCUMENT.read_text("utf-8")
INTERNAL = {
    shapes.Shape,
    journal.Encoding,
    messages.Request,
    events.MovementEvent,
    events.ExceptionEvent,
    events.JournalEvent,
    events.DocumentEvent,
    events.CountEvent,
}


def test_tables_and_examples_are_of_the_code() -> None:
    assert renewed(TEXT) == TEXT, "run: python -m tests.contract_document"


def test_every_model_of_the_contract_has_its_table() -> None:
    for room in (events, papers, journal, shapes, messages, documents):
        for name, model in vars(room).items():
            if inspect.isclass(model) and issubclass(model, BaseModel) and model.__module__ == room.__name__:
                assert model in INTERNAL or f"<!-- made: {name} -->" in TEXT, name


def test_the_examples_are_a_log_that_holds() -> None:
    prev = GENESIS
    for seq, event in enumerate(sample_log(), start=1):
        prev = check_event(event, prev=prev, seq=seq)["hash"]
    check_opening(sample_log()[0])


def test_the_recipe_for_the_hash_is_right() -> None:
    for event in sample_log():
        name = event.pop("hash")
        body = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert sha256(body).hexdigest() == name
    vectors = json.loads((DOCUMENT.parent.parent / "contract" / "vectors" / "canonical.json").read_text("utf-8"))
    for one in vectors:
        body = json.dumps(one["value"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert body == one["canonical"], one["says"]


_STUB = """
import json, sys, types
paho, mqtt = types.ModuleType("paho"), types.ModuleType("paho.mqtt")
class Message:
    def __init__(self, payload): self.payload = payload
class Client:
    def __init__(self, *_, **__): self.said = []
    def connect(self, *_): pass
    def subscribe(self, topics): print(json.dumps(topics))
    def publish(self, topic, payload, qos, retain): print(topic, payload, qos, retain)
    def loop_forever(self):
        self.on_connect(self)
        for line in sys.stdin: self.on_message(self, None, Message(line))
mqtt.client = types.SimpleNamespace(Client=Client, CallbackAPIVersion=types.SimpleNamespace(VERSION2=2))
sys.modules |= {"paho": paho, "paho.mqtt": mqtt}
"""


def consumed(tmp_path: Path, found: list[list[dict[str, Any]]]) -> list[str]:
    """What the page's consumer says of these messages, paho replaced by standard input."""
    [program] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "books.py"
    file.write_text(_STUB + program, "utf-8")
    told = "\n".join(json.dumps({"events": events}) for events in found)
    command = [sys.executable, str(file), "localhost", "1883"]
    done = subprocess.run(command, input=told, capture_output=True, text=True, timeout=30, env=os.environ, check=False)
    return (done.stdout + done.stderr).splitlines()


def test_the_consumer_takes_a_log_once_and_acknowledges(tmp_path: Path) -> None:
    log = sample_log()
    said = consumed(tmp_path, [log[:2], log[1:3], [log[3]]])
    assert [line for line in said if line[0].isdigit()] == [
        "1 journal opening",
        "2 journal session_opened",
        "3 movement received",
        "4 exception unknown_code",
    ]
    assert [line.split('"seq": ')[1] for line in said if "/ack/" in line] == [f"{seq}}} 1 True" for seq in (1, 2, 3, 4)]


def test_the_consumer_stops_at_a_gap_and_at_a_change(tmp_path: Path) -> None:
    log = sample_log()
    assert not [line for line in consumed(tmp_path, [log[:1], log[2:]]) if line.startswith("3 ")]
    log[1]["data"]["language"] = "en"
    assert "changed on its way" in consumed(tmp_path, [log])[-1]
