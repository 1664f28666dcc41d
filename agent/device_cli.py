"""`jaego device`, `tag`, `record`, `scan`: what a running agent is asked through its own door (`agent/control.py`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.errors import EXIT_CONFIG, AgentError, ConfigError

device_app = typer.Typer(no_args_is_help=True, help="Devices of the running agent: list, show, restart.")
tag_app = typer.Typer(no_args_is_help=True, help="Single RFID tags: read, write.")
DEFAULT = Path("/etc/jaego/agent.toml")
ConfigFile = Annotated[Path, typer.Option("--config", "-c", envvar="JAEGO_CONFIG", help="Configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Device = Annotated[str | None, typer.Option(help="The reader; without it the only one that can.")]
Epc = Annotated[str | None, typer.Option(help="The tag's EPC now, in hexadecimal; without it the only tag near.")]
Antenna = Annotated[int | None, typer.Option(min=1, max=255, help="One antenna only.")]
Password = Annotated[str | None, typer.Option(help="The tag's access password, 8 hexadecimal digits.")]
READERS = ("llrp", "thingmagic", "r200")


class BankName(StrEnum):
    RESERVED = "reserved"
    EPC = "epc"
    TID = "tid"
    USER = "user"


def register(app: typer.Typer) -> None:
    app.add_typer(device_app, name="device")
    app.add_typer(tag_app, name="tag")
    app.command("record")(record)
    app.command("scan")(scan)


@contextmanager
def _said() -> Generator[None]:
    try:
        yield
    except ConfigError as error:
        print("\n".join((*error.mistakes, f"hint: {error.hint}")), file=sys.stderr)
        raise typer.Exit(EXIT_CONFIG) from error
    except AgentError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(1) from error


def _ask(config: Path, verb: str, *, wait_s: float | None = 60.0, **arguments: Any) -> Generator[Any]:
    from agent.config import load
    from agent.control import request

    yield from request(load(config).store.state_dir, verb, wait_s=wait_s, **arguments)


@device_app.command("list")
def device_list(config: ConfigFile = DEFAULT, as_json: Json = False) -> None:
    """Every device with its state, reads, and what is wrong with it."""
    with _said():
        for one in _ask(config, "devices"):
            if as_json:
                print(json.dumps(one, ensure_ascii=False))
                continue
            print(f"{one['device']:16} {one['kind']:12} {one['state']:10} {one['reads']:>10,} reads  {_trouble(one)}")


def _trouble(one: dict[str, Any]) -> str:
    if one["error"]:
        return f"{one['error']} (hint: {one['hint']})"
    return "; ".join(notice["message"] for notice in one["notices"])


@device_app.command("show")
def device_show(
    device: Annotated[str, typer.Argument(help="Name of the device.")],
    config: ConfigFile = DEFAULT,
    as_json: Json = False,
) -> None:
    """All that is known of one device: state, model, counts, conditions with what to do about them."""
    with _said():
        [one] = _ask(config, "device", device=device)
    if as_json:
        print(json.dumps(one, ensure_ascii=False))
        return
    print(f"{one['device']} ({one['kind']}): {one['state']}")
    for name, value in one["facts"].items():
        print(f"  {name:20} {value}")
    for name in ("reads", "bad_reads", "resent", "overflows", "bytes_in", "opened", "bugs"):
        print(f"  {name:20} {one[name]:,}")
    if one["error"]:
        print(f"  error: {one['error']}\n    hint: {one['hint']}")
    for notice in one["notices"]:
        print(f"  {notice['code']}: {notice['message']}\n    hint: {notice['hint']}")
    if one["traceback"]:
        print(one["traceback"])


@device_app.command("restart")
def device_restart(
    device: Annotated[str, typer.Argument(help="Name of the device.")], config: ConfigFile = DEFAULT
) -> None:
    """Close a device and open it anew, at once."""
    with _said():
        list(_ask(config, "restart", device=device))
    print(f"{device} is opened anew")


@tag_app.command("read")
def tag_read(
    config: ConfigFile = DEFAULT,
    device: Device = None,
    bank: Annotated[BankName, typer.Option(help="Memory bank.")] = BankName.TID,
    offset: Annotated[int, typer.Option(min=0, help="First word, of 16 bits.")] = 0,
    words: Annotated[int, typer.Option(min=1, max=64, help="How many words.")] = 6,
    epc: Epc = None,
    antenna: Antenna = None,
    password: Password = None,
    as_json: Json = False,
) -> None:
    """Read a memory bank of every tag near a reader, or of one. Exit 1 if none answered."""
    count = 0
    with _said():
        reader = _reader(config, device)
        asked: dict[str, Any] = {
            "bank": bank.value,
            "word_offset": offset,
            "word_count": words,
            "epc": epc,
            "antenna": antenna,
        }
        for one in _ask(config, "tag_read", device=reader, access_password=_password(password), **asked):
            count += one["outcome"] == "done"
            told = one["data"] if one["outcome"] == "done" else f"{one['outcome']} {one['detail']}"
            print(json.dumps(one) if as_json else f"{one['epc']:24}  antenna {one['antenna']}  {told}")
    if not count:
        print("no tag was read\nhint: hold it close to the antenna, away from metal", file=sys.stderr)
        raise typer.Exit(1)


@tag_app.command("write")
def tag_write(
    gtin: Annotated[str, typer.Option(help="GTIN of the item, 8 to 14 digits.")],
    config: ConfigFile = DEFAULT,
    serial: Annotated[str, typer.Option(help="A number, or `next` of the store's own.")] = "next",
    device: Device = None,
    epc: Epc = None,
    antenna: Antenna = None,
    password: Password = None,
    replace: Annotated[bool, typer.Option("--replace", help="Also a tag that carries an item's EPC.")] = False,
    as_json: Json = False,
) -> None:
    """Write the EPC of an item with a serial number to a tag, read it again, and put it into the log."""
    with _said():
        asked: dict[str, Any] = {"gtin": _gtin14(gtin), "serial": _serial(serial), "epc": epc, "antenna": antenna}
        reader = _reader(config, device)
        written = _ask(
            config, "tag_write", device=reader, access_password=_password(password), replace=replace, **asked
        )
        for one in written:
            told = f"{one['epc']} written and read again: serial {one['serial']}, event {one['seq']}"
            print(json.dumps(one) if as_json else told)


def record(
    device: Annotated[str, typer.Argument(help="Name of the device.")],
    file: Annotated[Path, typer.Argument(help="Recording to write, JSON Lines; - is standard output.")],
    config: ConfigFile = DEFAULT,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End by itself after so long; else at Ctrl-C.")] = None,
) -> None:
    """Write a device's raw bytes to a file, in and out, with their times: for a report, or `jaego-sim play`."""
    from agent.recording import keep

    with _said(), closing(_ask(config, "record", wait_s=seconds, device=device)) as pieces:
        count = keep(pieces, file, seconds)
    print(f"{count} pieces", file=sys.stderr)


def scan(
    station: Annotated[str, typer.Argument(help="Name of the station.")],
    code: Annotated[str, typer.Argument(help="The code, as a scanner would send it.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """A scan without a scanner; prints what a clerk would hear. Exit 1 unless it is good."""
    with _said():
        [one] = _ask(config, "scan", station=station, code=code)
    print(f"{one['answer']}: {one['text']}")
    raise typer.Exit(0 if one["answer"] == "good" else 1)


def _reader(config: Path, named: str | None) -> str:
    if named is not None:
        return named
    able = [one["device"] for one in _ask(config, "devices") if one["kind"] in READERS]
    if len(able) == 1:
        return str(able[0])
    found = f"{len(able)} readers can: {', '.join(able)}" if able else "no reader here can"
    raise AgentError(found, hint="name it with --device" if able else "it takes one of " + ", ".join(READERS))


def _password(text: str | None) -> int:
    if text is None:
        return 0
    try:
        if len(text) == 8:
            return int(text, 16)
    except ValueError:
        pass
    raise AgentError("an access password has 8 hexadecimal digits", hint="as in --password 0000ABCD")


def _gtin14(text: str) -> str:
    from identity.check import gs1_valid

    gtin = text.zfill(14)
    if len(gtin) == 14 and gtin.isascii() and gtin.isdigit() and gs1_valid(gtin):
        return gtin
    raise AgentError(f"{text} is no GTIN", hint="8, 12, 13 or 14 digits; the last is the check digit")


def _serial(text: str) -> int | None:
    if text == "next":
        return None
    if text.isascii() and text.isdigit() and len(text) <= 12:
        return int(text)
    raise AgentError(f"{text} is no serial number", hint="a number, or next")
