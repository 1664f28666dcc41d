"""The session of a reader that publishes JSON: losses, clocks, conditions. Days in milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from drivers.errors import DeviceUnavailable
from drivers.reader_json.session import ReaderJsonSession
from drivers.reader_json.settings import ReaderJsonSettings
from drivers.reads import Arrival, BadRead, Fault, Notice, Read, SensorRead, TagRead
from tests.drivers.device_tools import at

FIXTURES = Path(__file__).parents[1] / "fixtures" / "reader_json"
MQTT: dict[str, Any] = {"host": "127.0.0.1", "topics": ("gate",), "silence_s": 60}
START_US = at(0).wall_us


def session(dialect: str = "zebra", **more: Any) -> ReaderJsonSession:
    made = ReaderJsonSession("gate", ReaderJsonSettings.model_validate({"dialect": dialect, **MQTT, **more}))
    made.open(at(0))
    return made


def stamp(us: int) -> str:
    seconds, micros = divmod(us, 1_000_000)
    days, rest = divmod(seconds - 1_700_000_000 + 80_000, 86_400)  # 1,700,000,000 is 2023-11-14T22:13:20Z
    return f"2023-11-{14 + days:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}.{micros:06}Z"


def zebra(number: int | None = None, epc: str = "ab", ms: float | None = None) -> bytes:
    data: dict[str, Any] = {"idHex": epc} if number is None else {"idHex": epc, "eventNum": number}
    document = {"type": "SIMPLE", "data": data}
    return line(document if ms is None else {**document, "timestamp": stamp(START_US + int(ms * 1000))})


def line(document: Any) -> bytes:
    return orjson.dumps(document) + b"\n"


def impinj(kind: str, **event: Any) -> bytes:
    return line({"eventType": kind, f"{kind}Event": event})


def beat(**radio: Any) -> bytes:
    return line({"type": "heartbeat", "data": {"radio_control": radio}})


def tags(reads: list[Read]) -> list[TagRead]:
    return [read for read in reads if isinstance(read, TagRead)]


def bad(reads: list[Read]) -> list[tuple[Fault, str]]:
    return [(read.fault, read.detail) for read in reads if isinstance(read, BadRead)]


def notices(reads: list[Read]) -> list[tuple[str, str, bool]]:
    return [(read.code, read.subject, read.active) for read in reads if isinstance(read, Notice)]


def test_the_stamp_of_these_tests_is_right() -> None:
    assert stamp(1_700_000_000_000_000) == "2023-11-14T22:13:20.000000Z"


def test_a_document_becomes_a_read_with_all_that_it_says() -> None:
    reader = session()
    third = (FIXTURES / "zebra.jsonl").read_bytes().splitlines(keepends=True)[2]
    now = Arrival(1_788_784_228_400_000, 7)
    (read,) = reader.receive(third, now)
    assert read == TagRead(
        "gate",
        bytes.fromhex("e2806894000040017790e471"),
        1,
        -3700,
        now,
        1_788_784_228_390_000,
        1_788_784_228_390_000,
        1_788_784_228_390_000,
        1,
        0x3000,
        245,
        908_250,
    )
    assert reader.ready
    assert reader.take_output() == reader.farewell(now) == b""
    assert reader.close(now) == []


def test_simple_has_no_antenna_no_rssi_and_no_time_of_its_own() -> None:
    (read,) = tags(session().receive(zebra(), at(5)))
    assert (read.antenna, read.rssi_cdbm, read.seen_us, read.device_time_us) == (0, None, at(5).wall_us, None)


def test_an_array_is_as_many_reads() -> None:
    body = line([{"data": {"idHex": f"0{n}", "eventNum": n}, "type": "SIMPLE"} for n in (1, 2, 3)])
    assert [read.epc for read in session().receive(body, at(0))] == [b"\x01", b"\x02", b"\x03"]  # type: ignore[union-attr]


def test_a_gap_in_the_numbers_names_what_is_missing() -> None:
    reader = session()
    assert bad(reader.receive(zebra(7), at(0))) == []
    reads = reader.receive(zebra(11), at(1))
    assert bad(reads) == [(Fault.DROPPED, "tag events 8 to 10 (3) are missing")]
    assert isinstance(reads[0], BadRead)
    assert b'"eventNum":11' in reads[0].raw
    assert len(tags(reads)) == 1


def test_a_restart_and_a_wrap_are_no_gaps() -> None:
    reader = session()
    for number in (5000, 0, 1, 2**32 - 1, 0):
        reads = reader.receive(zebra(number), at(0))
        assert len(tags(reads)) == 1
        if number != 2**32 - 1:
            assert bad(reads) == []


def test_a_restart_whose_first_events_are_missing_says_so() -> None:
    reader = session()
    reader.receive(zebra(5000), at(0))
    assert bad(reader.receive(zebra(3), at(1))) == [
        (Fault.DROPPED, "tag events 1 to 2 (2) since its restart are missing")
    ]


def test_the_same_event_again_is_one_read() -> None:
    reader = session()
    assert len(tags(reader.receive(zebra(5) + zebra(5) + zebra(6), at(0)))) == 2
    assert reader.ignored["repeated"] == 1


def test_ble_and_management_numbers_make_no_gap_and_are_counted() -> None:
    reader = session()
    data = (
        zebra(5) + line({"type": "BLE_DATA", "data": {}, "eventNum": 1900}) + beat() + line({"type": "gpo"}) + zebra(6)
    )
    reads = reader.receive(data, at(0))
    assert len(tags(reads)) == len(reads) == 2
    assert reader.ignored == {"BLE": 1, "heartbeat": 1, "gpo": 1}
    assert reader.facts == {"dialect": "zebra", "ignored": "BLE 1, heartbeat 1, gpo 1"}


def test_names_of_unknown_events_are_bounded() -> None:
    reader = session("impinj")
    for number in range(500):
        assert reader.receive(line({"eventType": f"{'n' * 300}{number}"}), at(0)) == []
        assert reader.receive(line({"eventType": f"new{number}", "hostname": "impinj-1"}), at(0)) == []
    assert len(reader.ignored) <= 65
    assert reader.ignored["others"] > 400
    assert max(map(len, reader.ignored)) <= 64
    assert reader.facts["hostname"] == "impinj-1"


def test_input_events() -> None:
    zebra_input = line({"type": "gpi", "data": {"pin": 2, "state": "LOW"}})
    assert session().receive(zebra_input, at(1)) == [SensorRead("gate", 2, False, at(1))]
    impinj_input = impinj("gpiTransition", gpi=1, transition="low-to-high")
    assert session("impinj").receive(impinj_input, at(1)) == [SensorRead("gate", 1, True, at(1))]


def test_garbage_and_long_lines_are_bad_reads_and_the_next_works() -> None:
    reads = session(line_bytes_max=1024).receive(b"{\n" + b"x" * 2000 + b"\n" + zebra(), at(0))
    assert [type(read) for read in reads] == [BadRead, BadRead, TagRead]
    assert [fault for fault, _ in bad(reads)] == [Fault.UNDECODABLE, Fault.TOO_LONG]


def test_lost_input_is_reported_and_no_half_line_is_read() -> None:
    reader = session()
    reader.receive(zebra(1) + b'{"data":{"idHex":"', at(0))
    assert bad(reader.lost(at(1))) == [(Fault.DROPPED, "input was lost")]
    reads = reader.receive(b'ab"}}\n' + zebra(9), at(2))
    assert len(reads) == len(tags(reads)) == 1


def test_closed_in_the_middle() -> None:
    reader = session()
    reader.receive(zebra()[:9], at(0))
    assert [fault for fault, _ in bad(reader.close(at(1)))] == [Fault.INCOMPLETE]


def test_reads_without_an_epc_are_told_once() -> None:
    reader = session("impinj")
    reads = reader.receive(impinj("tagInventory", antennaPort=1) * 50, at(0))
    assert [fault for fault, _ in bad(reads)] == [Fault.UNEXPECTED]
    assert reader.ignored["unusable"] == 49


def test_what_the_reader_threw_away_is_told() -> None:
    def dropped(total: int) -> bytes:
        return line(
            {
                "type": "heartbeat",
                "data": {"reader_gateway": {"dataPathStatistics": [{"numDataMessagesDropped": total}]}},
            }
        )

    reader = session()
    assert [bad(reader.receive(dropped(total), at(0))) for total in (3, 3, 8, 0)] == [
        [],
        [],
        [(Fault.DROPPED, "the reader threw 5 messages away")],
        [],
    ]
    assert [fault for fault, _ in bad(session("impinj").receive(impinj("overflow"), at(0)))] == [Fault.DROPPED]


# -- time -------------------------------------------------------------------------------------------------------------


def seen_ms(reader: ReaderJsonSession, reader_ms: float, host_ms: float) -> tuple[float, list[tuple[str, str, bool]]]:
    reads = reader.receive(zebra(ms=reader_ms), at(host_ms))
    (read,) = tags(reads)
    assert read.device_time_us == START_US + int(reader_ms * 1000)
    assert read.first_us == read.seen_us <= read.arrived.wall_us
    return (read.seen_us - START_US) / 1000, notices(reads)


def test_clocks_that_agree_are_taken_as_they_are() -> None:
    reader = session()
    assert seen_ms(reader, 0, 1500) == (0, [])
    assert seen_ms(reader, 9000, 9100) == (9000, [])
    assert seen_ms(reader, 9300, 9200) == (9200, [])  # never in the future


def test_a_clock_that_is_off_is_mapped_and_said() -> None:
    reader = session()
    assert seen_ms(reader, -600_000, 100) == (100, [("clock_unsure", "", True)])
    assert seen_ms(reader, -599_000, 1200) == (1100, [])
    assert seen_ms(reader, 1300, 1300) == (1300, [("clock_unsure", "", False)])  # NTP has set it


def test_the_year_2000_and_a_restart_in_the_middle() -> None:
    reader = session()
    year_2000 = -(1_700_000_000 - 946_684_800) * 1000
    assert seen_ms(reader, 0, 0) == (0, [])
    old = line({"type": "SIMPLE", "data": {"idHex": "ab"}, "timestamp": "2000-01-01T00:00:00.000+0000"})
    (notice, read) = reader.receive(old, at(5000))
    assert isinstance(notice, Notice)
    assert isinstance(read, TagRead)
    assert read.seen_us == at(5000).wall_us
    assert read.device_time_us == START_US + year_2000 * 1000


def test_what_was_held_keeps_its_real_time() -> None:
    reader = session()
    seen_ms(reader, 0, 0)
    assert seen_ms(reader, 10_000, 300_000) == (10_000, [])
    assert seen_ms(reader, 300_000, 300_100) == (300_000, [])


# -- conditions -------------------------------------------------------------------------------------------------------


def test_silence_is_said_once_and_ended_by_the_first_read() -> None:
    reader = session()
    reader.receive(zebra(), at(1000))
    assert reader.next_deadline() == at(61_000).monotonic_ns
    assert reader.tick(at(60_999)) == []
    assert notices(reader.tick(at(61_000))) == [("out_of_reach", "", True)]
    assert reader.next_deadline() is None
    assert reader.tick(at(99_000)) == []
    reads = reader.receive(zebra(), at(100_000))
    assert notices(reads) == [("out_of_reach", "", False)]
    assert isinstance(reads[-1], TagRead)
    assert reader.next_deadline() == at(160_000).monotonic_ns


def test_silence_before_anything_came_has_its_own_words() -> None:
    (notice,) = session().tick(at(60_000))
    assert isinstance(notice, Notice)
    assert "nothing at all" in notice.message
    assert notice.hint


@pytest.mark.parametrize(
    ("dialect", "stopped", "code"),
    [
        ("impinj", impinj("inventoryStatus", inventoryStatus="idle"), "rospec_not_started"),
        ("impinj", impinj("inventoryStatus", inventoryStatus="armed"), "gpi_not_asserted"),
        ("impinj", impinj("inventoryTerminated"), "rospec_not_started"),
        ("zebra", beat(radioActivity="inactive"), "rospec_not_started"),
        ("zebra", beat(radioActivitiy="inactive"), "rospec_not_started"),
        ("zebra", beat(radioConnection="disconnected"), "rospec_not_started"),
    ],
)
def test_the_status_names_the_reason(dialect: str, stopped: bytes, code: str) -> None:
    reader = session(dialect)
    assert notices(reader.receive(stopped, at(0))) == []
    assert notices(reader.tick(at(60_000))) == [(code, "", True)]
    assert notices(reader.receive(stopped, at(61_000))) == []


def test_a_new_status_corrects_what_was_said() -> None:
    reader = session("impinj")
    reader.tick(at(60_000))
    idle = reader.receive(impinj("inventoryStatus", inventoryStatus="idle"), at(61_000))
    assert notices(idle) == [("out_of_reach", "", False), ("rospec_not_started", "", True)]
    running = reader.receive(impinj("inventoryStatus", inventoryStatus="running"), at(62_000))
    assert notices(running) == [("rospec_not_started", "", False), ("out_of_reach", "", True)]
    read = reader.receive(impinj("tagInventory", epcHex="ab"), at(63_000))
    assert notices(read) == [("out_of_reach", "", False)]


def test_a_tag_after_a_stop_proves_the_status_old() -> None:
    reader = session("impinj")
    reader.receive(impinj("inventoryStatus", inventoryStatus="idle"), at(0))
    reader.receive(impinj("tagInventory", epcHex="ab"), at(1000))
    assert notices(reader.tick(at(61_000))) == [("out_of_reach", "", True)]


def test_an_antenna_goes_and_comes() -> None:
    reader = session("impinj")
    off, on = impinj("antennaDisconnected", antennaPort=2), impinj("antennaConnected", antennaPort=2)
    assert notices(reader.receive(off + off, at(0))) == [("antenna_off", "2", True)]
    assert notices(reader.receive(on + on, at(1))) == [("antenna_off", "2", False)]


def test_a_heartbeat_tells_only_of_antennas_that_were_there() -> None:
    reader = session(antennas=(2,))
    beats = [
        {"1": "connected", "2": "disconnected", "3": "disconnected"},
        {"1": "disconnected", "2": "disconnected", "3": "disconnected"},
        {"1": "connected", "2": "connected", "3": "disconnected"},
    ]
    assert [notices(reader.receive(beat(antennas=states), at(0))) for states in beats] == [
        [("antenna_off", "2", True)],
        [("antenna_off", "1", True), ("no_antenna", "", True)],
        [("antenna_off", "1", False), ("antenna_off", "2", False), ("no_antenna", "", False)],
    ]


def test_no_antenna_is_reason_enough_for_silence() -> None:
    reader = session()
    assert notices(reader.receive(beat(antennas={"1": "disconnected"}), at(0))) == [("no_antenna", "", True)]
    assert reader.tick(at(60_000)) == []
    assert notices(reader.receive(beat(antennas={"1": "connected"}), at(61_000))) == [
        ("no_antenna", "", False),
        ("out_of_reach", "", True),
    ]


def test_errors_of_the_reader_end_when_they_are_not_repeated() -> None:
    reader = session()
    fault = line({"type": "error", "data": {"message": "radio failure"}})
    (begun,) = reader.receive(fault, at(0))
    assert isinstance(begun, Notice)
    assert (begun.code, begun.message) == ("reader_error", "the reader says: radio failure")
    assert reader.receive(fault, at(50_000)) == []
    reader.receive(zebra(), at(340_000))
    assert reader.next_deadline() == at(350_000).monotonic_ns
    assert notices(reader.tick(at(350_000))) == [("reader_error", "", False)]
    assert notices(reader.receive(line({"type": "warning"}), at(0))) == [("reader_warning", "", True)]


def test_a_reader_whose_heartbeat_stops_is_lost() -> None:
    reader = session(heartbeat_s=5)
    reader.receive(beat(), at(9000))
    reader.receive(b"\n", at(10_000))
    assert reader.next_deadline() == at(20_000).monotonic_ns
    assert reader.tick(at(19_999)) == []
    with pytest.raises(DeviceUnavailable) as caught:
        reader.tick(at(20_000))
    assert caught.value.hint


def test_settings_that_do_not_fit_are_refused() -> None:
    for wrong in (
        {"dialect": "zebra", "host": "h", "transport": "http"},
        {"dialect": "impinj", "host": "h"},
        {"dialect": "impinj", "host": "h", "transport": "http", "topics": ["t"]},
        {"dialect": "other", **MQTT},
        {"dialect": "zebra", **MQTT, "username": "u"},
        {"dialect": "zebra", **MQTT, "password_file": "p"},
    ):
        with pytest.raises(ValidationError):
            ReaderJsonSettings.model_validate(wrong)
    http = ReaderJsonSettings.model_validate({"dialect": "impinj", "host": "h", "transport": "http", "tls": True})
    assert http.port_used == 443
