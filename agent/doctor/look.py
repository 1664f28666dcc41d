"""Looking at this machine: files, ledger, devices, clock, the running agent. Changes nothing, waits a few seconds."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.catalogue.errors import CatalogueError, translated
from agent.catalogue.schema import connect
from agent.certificates import ends_s, renewal_failure
from agent.clock import Clock, SystemClock
from agent.config import Config
from agent.control import SOCKET, ControlError, request
from agent.doctor.facts import (
    CatalogueSeen,
    CertificateSeen,
    ClockSeen,
    DeviceSeen,
    Facts,
    Folder,
    LedgerSeen,
    Running,
    ScreensSeen,
    Secret,
    SnapshotsSeen,
)
from agent.doctor.look_broker import look_at_broker
from agent.errors import LedgerCorrupt, LedgerError
from agent.health import age_s
from agent.keeping import snapshot_folder
from agent.ledger import files, keys
from agent.ledger.reader import Reader
from agent.ledger.snapshots import snapshots
from agent.observing import certificate_files
from agent.people.store import KEY_FILE
from drivers import registry

CONNECT_S_MAX = 3.0
ASK_S_MAX = 5.0
SERVICES = {
    Path("/run/systemd/timesync"): "systemd-timesyncd",
    Path("/run/chrony"): "chrony",
    Path("/run/chronyd.pid"): "chrony",
    Path("/run/ntpd.pid"): "ntpd",
}


def look(config: Config, clock: Clock) -> Facts:
    folder = config.store.state_dir
    running = look_at_agent(folder)
    own = certificate_files(config)
    return Facts(
        now_s=clock.now().wall_us // 1_000_000,
        store=config.store.id,
        folder=look_at_folder(folder),
        secrets=[_secret(name, path) for name, path in secret_files(config)],
        ledger=look_at_ledger(folder, config, clock),
        snapshots=_snapshots(config, clock),
        catalogue=_catalogue(folder, clock),
        running=running,
        devices=[_device(config, number, running) for number in range(len(config.device))],
        clock=_clock(trusted=config.store.clock_trusted),
        broker=look_at_broker(config, clock),
        certificates=[_certificate(name, path, folder) for name, path in own.items()],
        screens=_screens(config),
    )


def look_at_folder(path: Path) -> Folder:
    user = name_of(os.geteuid())
    try:
        held = path.stat()
    except OSError:
        return Folder(str(path), "missing", user=user)
    if not path.is_dir():
        return Folder(str(path), "no_folder", user=user)
    space = os.statvfs(path)
    may = os.access(path, os.R_OK | os.W_OK | os.X_OK)
    return Folder(
        str(path),
        "read_only" if space.f_flag & os.ST_RDONLY else "" if may else "denied",
        owner=name_of(held.st_uid),
        user=user,
        root=os.geteuid() == 0,
        mode=held.st_mode & 0o7777,
        free_bytes=space.f_bavail * space.f_frsize,
        size_bytes=space.f_blocks * space.f_frsize,
        files_free=space.f_favail if space.f_files else None,
    )


def name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def secret_files(config: Config) -> Iterator[tuple[str, Path]]:
    """What must be readable by the agent alone, by what it is for. Its own keys are there since its first start."""
    folder = config.store.state_dir
    for name, key, beside in (("store", files.KEY, files.DATABASE), ("badges", KEY_FILE, "people.db")):
        if (folder / beside).exists():
            yield name, folder / key
    given: dict[str, Any] = {
        "broker": config.uplink.password_file,
        "broker_key": config.uplink.key_file,
        "screens_key": config.web.key_file,
    }
    for one in config.device:
        given[one.name] = getattr(one.settings, "password_file", None)
    for name, path in given.items():
        if path is not None:
            yield name, Path(path)


def _secret(name: str, path: Path) -> Secret:
    try:
        mode = path.stat().st_mode & 0o7777
    except PermissionError:
        return Secret(name, str(path), "denied")
    except OSError:
        return Secret(name, str(path), "missing")
    return Secret(name, str(path), "" if os.access(path, os.R_OK) else "denied", mode)


def look_at_ledger(folder: Path, config: Config, clock: Clock) -> LedgerSeen:
    database = folder / files.DATABASE
    if not database.exists():
        return LedgerSeen("missing")
    try:
        with closing(files.open_reader(folder)) as connection:
            head, _hash = files.check_tail(connection)
        with closing(Reader(folder)) as reader, files.read_errors(folder):
            now_us, held = clock.now().wall_us, reader.positions()
            positions = {name: held.get(name, 0) for name in config.uplink.consumers if config.uplink.enabled}
            return LedgerSeen(
                "" if reader.store == config.store.id else "other_store",
                store=reader.store,
                head=head,
                size_bytes=sum(path.stat().st_size for path in folder.glob(f"{files.DATABASE}*")),
                age_s=age_s(reader, head - 1, now_us),
                key_saved=_key_saved(folder),
                consumers={
                    name: (max(0, head - seq), age_s(reader, seq, now_us) if seq < head else 0)
                    for name, seq in positions.items()
                },
            )
    except LedgerError as error:
        return LedgerSeen("damaged" if isinstance(error, LedgerCorrupt) else "unusable", str(error), error.hint)


def _key_saved(folder: Path) -> bool:
    try:
        return keys.is_saved(folder)
    except LedgerError:
        return True  # it cannot be read: told as a secret


def _snapshots(config: Config, clock: Clock) -> SnapshotsSeen:
    path, every_s = snapshot_folder(config), int(config.backup.every_h * 3600)
    if not path.is_dir():
        # The agent makes its own at the first snapshot.
        return SnapshotsSeen(str(path), "missing" if config.backup.folder is not None else "", every_s)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return SnapshotsSeen(str(path), "denied", every_s)
    times_s = [int(one.stat().st_mtime) for one in snapshots(path)]
    age_s = max(0, clock.now().wall_us // 1_000_000 - max(times_s)) if times_s else None
    return SnapshotsSeen(str(path), "", every_s, len(times_s), age_s)


def _catalogue(folder: Path, clock: Clock) -> CatalogueSeen:
    path = folder / "catalogue.db"
    if not path.exists():
        return CatalogueSeen("")
    try:
        with translated(path), closing(connect(path, cache_kib=256, write=False)) as connection:
            items = int(connection.execute("SELECT items FROM state").fetchone()[0])
    except CatalogueError as error:
        return CatalogueSeen(str(error), error.hint)
    changed_s = max(int(one.stat().st_mtime) for one in folder.glob("catalogue.db*") if not one.name.endswith("-shm"))
    return CatalogueSeen("", items=items, age_s=max(0, clock.now().wall_us // 1_000_000 - changed_s))


def look_at_agent(folder: Path) -> Running:
    if not (folder / SOCKET).exists():
        return Running("stopped")
    try:
        devices = {one["device"]: one for one in request(folder, "devices", wait_s=ASK_S_MAX)}
        [health] = request(folder, "health", wait_s=ASK_S_MAX)
    except ControlError as error:
        if isinstance(error.__cause__, PermissionError):
            return Running("denied", str(error))
        gone = isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, TimeoutError)
        return Running("stopped" if gone else "silent", str(error))
    except OSError as error:
        return Running("denied", str(error))
    return Running("running", devices=devices, health=health)


def _device(config: Config, number: int, running: Running) -> DeviceSeen:
    one = config.device[number]
    kind, path = one.settings.kind, registry.watched(one.settings)
    if path is None:
        host, port = getattr(one.settings, "host", None), getattr(one.settings, "port", None)
        if not isinstance(host, str) or not isinstance(port, int):
            return DeviceSeen(one.name, kind, "")
        if running.state != "stopped":
            return DeviceSeen(one.name, kind, f"{host}:{port}")
        why = unreachable(host, port)
        return DeviceSeen(one.name, kind, f"{host}:{port}", reachable=not why, why=why)
    seen = DeviceSeen(one.name, kind, path)
    if "*" in path:  # any keyboard scanner: which one, the agent tells
        there = any(Path("/").glob(path.lstrip("/")))
        return seen if there else DeviceSeen(one.name, kind, path, "missing")
    try:
        held = Path(path).stat()
    except OSError as error:
        denied = error.errno == errno.EACCES
        return DeviceSeen(one.name, kind, path, "denied" if denied else "missing", why=str(error.strerror))
    group = _group(held.st_gid)
    if not os.access(path, os.R_OK | os.W_OK):
        return DeviceSeen(one.name, kind, path, "denied", group)
    state = running.devices.get(one.name, {}).get("state")
    holder = "" if state == "up" else holder_of(Path(path))
    return DeviceSeen(one.name, kind, path, "held", group, holder) if holder else seen


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def holder_of(path: Path) -> str:
    """Another program that has a device open, as far as this user may see (proc(5)): `name (pid)`; or nothing."""
    wanted = str(path.resolve())
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(str(one.readlink()) == wanted for one in (process / "fd").iterdir()):
                name = (process / "comm").read_text("utf-8").strip()
                return "" if name.startswith("jaego") else f"{name} ({process.name})"
        except OSError:
            continue
    return ""


def unreachable(host: str, port: int) -> str:
    """Why there is no way to a TCP port; empty where there is one."""
    try:
        socket.create_connection((host, port), CONNECT_S_MAX).close()
    except OSError as error:
        return str(error)
    return ""


def _clock(*, trusted: bool) -> ClockSeen:
    """The kernel's word, as the agent takes it; who keeps it is only shown."""
    service = next((name for path, name in SERVICES.items() if path.exists()), "")
    return ClockSeen(SystemClock().state() == "synced", trusted, service)


def _certificate(name: Any, path: Path, folder: Path) -> CertificateSeen:
    not_renewed = renewal_failure(folder) or "" if name == "store" else ""
    try:
        return CertificateSeen(name, str(path), ends_s(path), not_renewed=not_renewed)
    except (OSError, ValueError) as error:
        return CertificateSeen(name, str(path), None, getattr(error, "strerror", None) or "no certificate in PEM")


def _screens(config: Config) -> ScreensSeen:
    web = config.web
    if not web.enabled:
        return ScreensSeen("", "off")
    where = f"{web.host}:{web.port}"
    if web.port == 0:
        return ScreensSeen(where, "free_port")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)  # noqa: S104  what is configured, not bound
    return ScreensSeen(where, "closed" if unreachable(host, web.port) else "answers")
