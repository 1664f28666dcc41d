"""From answers to a store that runs: credentials, devices, configuration, broker, service. All can be repeated."""

from __future__ import annotations

import os
import shutil
import socket
import tomllib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.clock import Clock
from agent.config import Config, load
from agent.doctor.judge import of_broker, worst
from agent.doctor.look_broker import look_at_broker
from agent.doctor.texts import hint_of, text_of
from agent.errors import AgentError, ConfigError
from agent.ledger import files
from agent.ledger.reader import Reader
from agent.setup import credentials
from agent.setup.answers import Answers, DeviceAnswers, configuration
from agent.setup.listening import Ear, ears, listen
from agent.setup.service import Service, ending
from agent.setup.texts import Language, say
from agent.setup.writing import toml

HEAD = "# Written by jaego setup; what is changed here by hand stays. config/agent.example.toml has every setting.\n\n"
FILE_BYTES_MAX = 65_536
CONNECT_S_MAX = 3.0
READER_PORT = 5084  # LLRP
USER = "jaego"
CERTIFICATE = ("ca_file", "cert_file", "key_file")


@dataclass(frozen=True, slots=True)
class Plan:
    """`folder`: of the answers' files. `secret`: token or password, where a person typed it. `places`: paths of
    scanners, instead of what the machine has. `sheet`: what is scanned, for people."""

    config: Path
    answers: Answers
    folder: Path
    clock: Clock
    tell: Callable[[str], None]
    secret: str | None = None
    places: Sequence[str] = ()
    sheet: str = "setup-sheet.pdf"
    seconds: float = 60.0
    start: bool = True
    service: Service = field(default_factory=Service.found)

    @property
    def language(self) -> Language:
        return self.answers.language

    def say(self, name: str, /, **facts: object) -> None:
        self.tell(say(name, self.language, **facts))


def install(plan: Plan) -> int:
    """0: all is well; 1: something is to do. Raises `AgentError`, `ConfigError`.

    The service is stopped meanwhile: a device that it holds cannot be listened to. It runs afterwards, also after an
    error, as it did before; not with `start` off.
    """
    with _stopped(plan):
        found = _installed(plan)
    return max(found, _start(plan))


def _installed(plan: Plan) -> int:
    before = former(plan.config)
    folder = _state_folder(plan, before)
    _same_store(folder, plan.answers.store)
    access = _access(plan, folder)
    learned = _learned(plan)
    table = configuration(before, plan.answers, access, learned)
    write(plan, table)
    config = load(plan.config)
    return _look(plan, config)


def former(path: Path) -> dict[str, Any]:
    """The configuration as it is now, empty where there is none. Raises `ConfigError`."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: {error}; correct it, or move it away"]) from error


def _state_folder(plan: Plan, before: dict[str, Any]) -> Path:
    given = plan.answers.state_dir or before.get("store", {}).get("state_dir") or "/var/lib/jaego"
    folder = plan.config.parent / str(given)
    try:
        if not folder.exists():
            folder.mkdir(mode=0o750, parents=True)
            _give(folder)
    except OSError as error:
        raise AgentError(f"{folder}: {error.strerror}", hint="run it as root, or name another state_dir") from error
    return folder


def _give(folder: Path) -> None:
    """To the agent's user, where root made it and there is one."""
    if os.geteuid() == 0:
        with suppress(LookupError):
            shutil.chown(folder, USER, USER)


def _same_store(folder: Path, store: str) -> None:
    if not (folder / files.DATABASE).exists():
        return
    reader = Reader(folder)
    try:
        held = reader.store
    finally:
        reader.close()
    if held != store:
        raise ConfigError([f"{folder}: the ledger is of store {held}, not {store}; expected another state_dir"])


# -- credentials -------------------------------------------------------------------------------------------------------


def _access(plan: Plan, folder: Path) -> dict[str, Any]:
    """Settings of the uplink."""
    given, store = plan.answers.credentials, plan.answers.store
    desk = {} if given.desk is None else {"desk": given.desk}
    if not plan.answers.broker.enabled or given.way == "none":
        return desk if plan.answers.broker.tls else dict.fromkeys(CERTIFICATE)
    if given.way == "password":
        credentials.keep_password(folder, _secret(plan, given.password_file))
        trusted = _authority(plan, folder)
        here = {"username": store, "password_file": str(folder / credentials.PASSWORD)}
        return {"cert_file": None, "key_file": None, **trusted, **here}
    with credentials.held(folder):
        if given.way == "token":
            _by_token(plan, folder)
        else:
            _by_request(plan, folder)
    return {"username": None, "password_file": None, **desk, **credentials.settings(folder)}


def _by_token(plan: Plan, folder: Path) -> None:
    given, store = plan.answers.credentials, plan.answers.store
    certificate = folder / credentials.PAIR
    if credentials.good(folder, store, _now(plan)):
        plan.say("kept_certificate", file=certificate)
        return
    assert given.desk is not None
    token = _secret(plan, given.token_file).strip()
    credentials.redeem(folder, store, given.desk, token, credentials.signing_key(folder))
    plan.say("enrolled", file=certificate)


def _by_request(plan: Plan, folder: Path) -> None:
    given, store = plan.answers.credentials, plan.answers.store
    if given.certificate is not None:
        authority = _read(plan.folder / given.authority) if given.authority is not None else None
        credentials.take(folder, store, _read(plan.folder / given.certificate), authority)
    elif not credentials.good(folder, store, _now(plan)):
        credentials.request(folder, store)
        plan.say("request", file=folder / credentials.REQUEST, store=store)


def _now(plan: Plan) -> datetime:
    return datetime.fromtimestamp(plan.clock.now().wall_us // 1_000_000, UTC)


def _authority(plan: Plan, folder: Path) -> dict[str, Any]:
    given = plan.answers.credentials.authority
    if not plan.answers.broker.tls:
        return {"ca_file": None}
    if given is not None:
        credentials.keep_authority(folder, _read(plan.folder / given))
    return {"ca_file": str(folder / credentials.AUTHORITY)} if (folder / credentials.AUTHORITY).exists() else {}


def _secret(plan: Plan, file: str | None) -> str:
    if plan.secret is not None:
        return plan.secret
    if file is None:
        raise ConfigError(["credentials: found no secret, expected --secret FILE, token_file or password_file"])
    return _read(plan.folder / file).decode("utf-8", "replace").strip()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; expected a readable file"]) from error


# -- devices -----------------------------------------------------------------------------------------------------------


def _learned(plan: Plan) -> dict[str, dict[str, Any]]:
    """By the name of the device. Raises `AgentError` when nobody scanned, so that nothing half is written."""
    found: dict[str, dict[str, Any]] = {}
    taken: list[str] = [one.path for one in plan.answers.device if one.path is not None]
    for device in plan.answers.device:
        if device.host is not None:
            _greet(plan, device)
        elif device.learn:
            settings = _scanned(plan, device, taken)
            taken.append(str(settings.get("path") or settings.get("usb_name")))
            found[device.name] = settings
    return found


def _scanned(plan: Plan, device: DeviceAnswers, taken: Sequence[str]) -> dict[str, Any]:
    places: list[Ear] = ears([device.path]) if device.path is not None else ears(plan.places, taken)
    places = [one for one in places if one.path == device.path or one.path not in taken]
    plan.say("scan_sheet", file=plan.sheet, seconds=f"{plan.seconds:g}")
    heard = listen(places, plan.clock, plan.seconds, plan.say)
    if heard is None:
        raise AgentError(
            f"{device.name}: {say('unheard', plan.language, seconds=f'{plan.seconds:g}')}",
            hint="jaego setup --sheet FILE.pdf makes the sheet",
        )
    ear, learned = heard
    told = ", ".join(f"{name} {value}" for name, value in learned.settings.items())
    plan.say("learned", name=device.name, path=ear.path, settings=told)
    for note in learned.notes:
        plan.say(note, name=device.name)
    if "no_end" in learned.notes:
        raise AgentError(say("no_end", plan.language, name=device.name), hint="the scanner's handbook: suffix CR")
    return {**ear.settings, **learned.settings}


def _greet(plan: Plan, device: DeviceAnswers) -> None:
    """A reader in the network that does not answer yet is no reason to stop."""
    assert device.host is not None
    port = int(device.settings.get("port", READER_PORT))
    try:
        socket.create_connection((device.host, port), CONNECT_S_MAX).close()
    except OSError as error:
        plan.say("reader_silent", name=device.name, host=device.host, why=error)
    else:
        plan.say("reader_answers", name=device.name, host=device.host)


# -- configuration, broker, service ------------------------------------------------------------------------------------


def write(plan: Plan, table: dict[str, Any]) -> None:
    """Whole or not at all, and only what the agent takes; the former file stays beside it."""
    path, text = plan.config, HEAD + toml(table)
    made, kept = path.with_name(path.name + ".new"), path.with_name(path.name + ".before")
    try:
        if path.exists() and path.read_text("utf-8-sig") == text:
            plan.say("unchanged", file=path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(text, "utf-8")
        made.chmod(0o644)
        _check(made, path)
        there = path.exists()
        if there:
            shutil.copy2(path, kept)
        files.sync(made)
        made.replace(path)
        files.sync(path.parent)
    except OSError as error:
        raise AgentError(f"{error.filename or path}: {error.strerror}", hint="run it as root") from error
    finally:
        made.unlink(missing_ok=True)
    plan.say("written" if there else "written_first", file=path, former=kept)


def _check(made: Path, path: Path) -> None:
    try:
        load(made)
    except ConfigError as error:
        raise ConfigError([line.replace(str(made), str(path)) for line in error.mistakes]) from error


def _look(plan: Plan, config: Config) -> int:
    """Whether the broker lets this store in, and hear and say what it must."""
    findings = list(of_broker(look_at_broker(config, plan.clock), plan.clock.now().wall_us // 1_000_000))
    for one in findings:
        hint = hint_of(one, plan.language)
        plan.tell(text_of(one, plan.language) + (f" -> {hint}" if hint else ""))
    return min(1, worst(findings))


@contextmanager
def _stopped(plan: Plan) -> Generator[None]:
    """The service, if it runs. What ends this program in the ways that one expects starts it again, too."""
    if not plan.service.runs():
        yield
        return
    try:
        with ending():
            plan.service.stop()
            plan.say("stopped")
            yield
    except BaseException:  # Ctrl-C, too
        if not plan.start:
            plan.say("left_stopped")
        else:
            plan.say("started_again" if plan.service.start() else "start_failed")
        raise


def _start(plan: Plan) -> int:
    if not plan.service.here or not plan.start:
        plan.say("left_stopped" if plan.service.here else "start_by_hand", file=plan.config)
        return 0
    good = plan.service.enable() and plan.service.start()
    plan.say("started" if good else "start_failed")
    return 0 if good else 1
