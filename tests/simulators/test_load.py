"""The load program: its logs are what stores write, its stores answer as agents do, its packets are MQTT's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.chain import check_body, message
from contract.events import EVENT
from contract.messages import MESSAGE_EVENTS_MAX, MESSAGE_SIZE_BYTES_MAX, DigestResult, Level, Response
from contract.opening import read_opening
from contract.stock import StockRow, event_deltas, opening_rows, stock_digest
from contract.topics import EventType
from simulators import load_wire as wire
from simulators.load import LoadError, read_logs
from simulators.load_day import Mix
from simulators.load_log import Log, Plan, prepare
from simulators.load_store import AHEAD_MESSAGES_MAX, SILENCE_S, LoadStore

NOW_US = 1_790_000_000_000_000
SOON = "2999-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    assert prepare(folder, Plan(2, skus=200), 800, NOW_US, 3_600_000_000) == 2 * 802
    return folder


@pytest.fixture
def store(folder: Path) -> LoadStore:
    return LoadStore(read_logs(folder, 100)[0], "headoffice", "stock/v1")


# -- logs -------------------------------------------------------------------------------------------------------------


def test_a_log_is_a_chain_of_events_of_every_type_that_begins_with_an_opening(folder: Path) -> None:
    lines = (folder / "S00001.jsonl").read_bytes().splitlines()
    prev, kinds, movements = "0" * 64, set[str](), 0
    for seq, body in enumerate(lines, start=1):
        event = check_body(body, prev=prev, seq=seq)
        EVENT.validate_json(body, strict=True)
        opening = read_opening(event)
        assert (opening is not None) == (seq <= 2)  # 400 rows are two parts
        list(event_deltas(event))
        prev = event["hash"]
        kinds.add(event["type"])
        movements += event["type"] == "movement"
    assert kinds == {*EventType}
    assert 0.65 < movements / len(lines) < 0.85


def test_two_runs_make_two_logs_of_one_key(folder: Path, tmp_path: Path) -> None:
    prepare(tmp_path, Plan(1, skus=5, mix=Mix.MOVEMENTS), 50, NOW_US + 1_000_000, 0)
    first, again = (orjson.loads((one / "S00001.jsonl").read_bytes().splitlines()[0]) for one in (folder, tmp_path))
    assert first["log"] != again["log"]
    assert first["data"]["key"] == again["data"]["key"]
    types = {orjson.loads(line)["type"] for line in (tmp_path / "S00001.jsonl").read_bytes().splitlines()[1:]}
    assert types == {"movement"}


@pytest.mark.parametrize("size", [1, 7, 100])
def test_messages_are_runs_of_one_type_within_the_limits_and_lack_nothing(folder: Path, size: int) -> None:
    content = (folder / "S00001.jsonl").read_bytes()
    lines, log, seq = content.splitlines(), Log(content, size), 1
    for batch in log.batches:
        bodies = lines[batch.first - 1 : batch.last]
        assert batch.first == seq
        assert 1 <= len(bodies) <= min(size, MESSAGE_EVENTS_MAX)
        assert log.payload(batch) == message(log.store, log.log, bodies)
        assert len(log.payload(batch)) <= MESSAGE_SIZE_BYTES_MAX
        assert {orjson.loads(body)["type"] for body in bodies} == {batch.type}
        assert log.at(batch.first) == log.at(batch.last) == log.batches.index(batch)
        seq = batch.last + 1
    assert log.head == len(lines) == seq - 1
    assert list(log.bodies(5, 17)) == lines[4:17]
    assert list(log.bodies(9, 8)) == []


def test_a_message_of_large_events_stays_below_the_limit_of_bytes() -> None:
    log = [b'{"n":"' + b"x" * 30_000 + b'","type":"movement"}'] * 5
    first = b'{"log":"L","store":"S","type":"movement"}'
    found = Log(b"\n".join([first, *log]) + b"\n", 100)
    assert [batch.last - batch.first + 1 for batch in found.batches] == [3, 2, 1]


def test_a_folder_without_logs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="prepare"):
        read_logs(tmp_path, 100)
    (tmp_path / "S1.jsonl").write_bytes(b"{}\n")
    with pytest.raises(LoadError, match="something else"):
        read_logs(tmp_path, 100)


# -- a store ----------------------------------------------------------------------------------------------------------


def ack(store: LoadStore, seq: int, log: str | None = None) -> bytes:
    return orjson.dumps({"log": log or store.log.log, "seq": seq})


def sent(store: LoadStore, now_s: float = 0.0) -> list[int]:
    """First events of all that goes out now."""
    found: list[int] = []
    while (publish := store.next(now_s)) is not None:
        found.append(orjson.loads(publish.payload)["events"][0]["seq"])
    return found


def release_all(store: LoadStore) -> None:
    while store.release(0.0):
        pass


def test_only_what_exists_goes_out_in_order(store: LoadStore) -> None:
    assert sent(store) == []
    assert store.release(0.0) == 2
    assert sent(store) == [1]
    assert sent(store) == []
    assert store.release(1.0) >= 1
    assert sent(store) == [3]


def test_no_more_than_so_many_messages_are_ahead_of_what_is_acknowledged(store: LoadStore) -> None:
    release_all(store)
    firsts = sent(store)
    assert len(firsts) == AHEAD_MESSAGES_MAX
    store.acknowledge(ack(store, firsts[10] - 1), 1.0)
    assert len(sent(store)) == 10


def test_an_acknowledgement_says_how_long_messages_waited(store: LoadStore) -> None:
    store.release(1.0)
    store.release(2.0)
    sent(store)
    assert store.acknowledge(ack(store, 2), 2.5) == [(2, 1.5)]
    assert store.acknowledge(ack(store, 2, "another"), 3.0) == []
    assert store.acknowledge(ack(store, store.released), 3.0) == [(store.released, 1.0)]


def test_silence_sends_again_from_the_position_with_growing_patience(store: LoadStore) -> None:
    release_all(store)
    firsts = sent(store)
    store.acknowledge(ack(store, firsts[3] - 1), 1.0)
    sent(store, 1.0)
    assert not store.tick(SILENCE_S)
    assert store.tick(1.0 + SILENCE_S)
    assert sent(store, 11.0)[0] == firsts[3]
    assert not store.tick(1.0 + 2 * SILENCE_S)
    assert store.tick(1.0 + 3 * SILENCE_S)
    assert store.resends == 2


def test_a_store_that_is_all_acknowledged_is_quiet(store: LoadStore) -> None:
    store.release(0.0)
    sent(store)
    store.acknowledge(ack(store, 2), 0.1)
    assert not store.tick(1000.0)
    assert sent(store) == []


def test_a_lower_acknowledgement_and_a_replay_send_again(store: LoadStore) -> None:
    release_all(store)
    firsts = sent(store)
    store.acknowledge(ack(store, firsts[20] - 1), 1.0)
    sent(store)
    store.acknowledge(ack(store, 2), 1.0)
    assert sent(store)[0] == 3
    request = {"id": "r1", "expires_at": SOON, "log": store.log.log, "seq": 4, "consumer": "headoffice"}
    assert answered(store, "replay", request).result == {"from": 4}
    assert sent(store)[0] <= 4
    refused = answered(store, "replay", {**request, "seq": 10**6})
    assert (refused.status, refused.id) == ("refused", "r1")


def test_after_a_connect_what_is_not_acknowledged_goes_out_again(store: LoadStore) -> None:
    release_all(store)
    sent(store)
    store.acknowledge(ack(store, 2), 1.0)
    state = orjson.loads(store.connected("2026-11-26T00:00:00Z", levels=False)[0].payload)
    assert (state["state"], state["head"]) == ("online", store.log.head)
    assert sent(store)[0] == 3


def test_a_position_that_is_remembered_is_gone_on_from(store: LoadStore) -> None:
    store.acknowledge(ack(store, 100), 0.0)
    assert store.released == 100
    store.release(0.0)
    assert orjson.loads(store.next(0.0).payload)["events"][-1]["seq"] > 100  # type: ignore[union-attr]


def test_events_after_the_last_that_is_wanted_never_exist(folder: Path) -> None:
    store = LoadStore(read_logs(folder, 100)[0], "headoffice", "stock/v1", until=2)
    release_all(store)
    assert store.released == store.head == 2


def answered(store: LoadStore, verb: str, request: dict[str, Any]) -> Response:
    publish = store.answer(verb, orjson.dumps(request))
    assert publish is not None
    response = Response.model_validate_json(publish.payload)
    assert publish.topic == f"stock/v1/S00001/response/{response.id}"
    return response


def test_the_digest_is_of_the_events_that_exist(store: LoadStore) -> None:
    asked = {"id": "d", "expires_at": SOON, "of": "stock", "rows_max": 500}
    assert answered(store, "digest", asked).result == {
        "log": store.log.log, "as_of": 0, "head_hash": "0" * 64, **stock_digest([]), "list": []
    }  # fmt: skip
    for _ in range(3):
        for _ in range(20):
            store.release(0.0)
        stock: dict[tuple[str, ...], int] = {}
        name = ""
        for body in store.log.bodies(1, store.released):
            event = orjson.loads(body)
            name = event["hash"]
            stock |= {tuple(row[:4]): row.quantity for row in opening_rows(event) or ()}
            for key, delta in event_deltas(event):
                stock[key] = stock.get(key, 0) + delta
        rows = [StockRow(*key, quantity) for key, quantity in stock.items()]  # type: ignore[call-arg]
        result = DigestResult.model_validate(answered(store, "digest", asked).result)
        assert (result.as_of, result.head_hash) == (store.released, name)
        assert result.hash == stock_digest(rows)["hash"]
        some = [row for row in rows if "SKU000010" <= row.sku <= "SKU000020"]
        ranged = answered(store, "digest", {**asked, "sku_from": "SKU000010", "sku_to": "SKU000020", "rows_max": 0})
        assert ranged.result is not None
        assert ranged.result["hash"] == stock_digest(some)["hash"]


def test_levels_are_of_what_changed(store: LoadStore) -> None:
    store.release(0.0)
    store.connected("2026-11-26T00:00:00Z", levels=True)
    levels = [Level.model_validate_json(one.payload) for one in store.levels()]
    assert len(levels) == 200
    assert all(level.on_hand == sum(level.zones.values()) and level.as_of == 2 for level in levels)
    assert store.levels() == []
    store.release(0.0)
    assert 0 < len(store.levels()) < 20


def test_requests_that_are_none_are_refused_or_have_no_name(store: LoadStore) -> None:
    assert answered(store, "digest", {"id": "x"}).status == "refused"
    assert answered(store, "ping", {"id": "p", "expires_at": SOON}).status == "done"
    for payload in (b"", b"{}", b'{"id":5}', b"[]"):
        assert store.answer("replay", payload) is None


# -- packets: expected bytes by hand from OASIS mqtt-v3.1.1-os --------------------------------------------------------


def test_packets_are_those_of_the_standard() -> None:
    assert wire.connect("ab", 10) == bytes.fromhex("10 0e 0004 4d515454 04 02 000a 0002 6162")
    assert wire.subscribe(10, ["a/b"]) == bytes.fromhex("82 08 000a 0003 612f62 01")  # figure 3.23, one filter
    assert wire.publish("a/b", b"x", 10) == bytes.fromhex("32 08 0003 612f62 000a 78")  # figure 3.11
    assert wire.publish("a/b", b"x", 10, retain=True)[0] == 0x33
    assert wire.puback(10) == bytes.fromhex("40 02 000a")
    assert wire.publish("a", bytes(316), 1)[1:3] == bytes.fromhex("c1 02")  # 2.2.3: 321 = 65 + 2 * 128


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.data())
def test_packets_are_found_however_the_bytes_come(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(wire.publish("a/b", payload, 7) for payload in payloads) + wire.puback(9)
    decoder, found, at = wire.Decoder(), list[wire.Packet](), 0
    while at < len(stream):
        size = data.draw(st.integers(1, 200))
        found += decoder.feed(stream[at : at + size])
        at += size
    assert [wire.received(one) for one in found[:-1]] == [wire.Received("a/b", one, 7, False) for one in payloads]
    assert (found[-1].kind, wire.number(found[-1])) == (wire.PUBACK, 9)


@pytest.mark.parametrize("stream", [b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\xff\x7f"])
def test_what_cannot_be_a_length_is_refused(stream: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.Decoder().feed(stream)


def test_broken_packets_are_refused() -> None:
    for body, flags in ((b"", 0), (b"\x00\x03ab", 2), (b"\x00\x01a\x00", 2), (b"\x00\x01\xff", 0)):
        with pytest.raises(wire.WireError):
            wire.received(wire.Packet(wire.PUBLISH, flags, body))
    with pytest.raises(wire.WireError):
        wire.number(wire.Packet(wire.PUBACK, 0, b"\x01"))
