"""What was seen of a store. No member ever holds a secret, only where one lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Folder:
    path: str
    problem: Literal["", "missing", "no_folder", "denied", "read_only"]
    owner: str = ""
    user: str = ""  # who looks
    root: bool = False  # whether that is root, who may everything
    mode: int = 0
    free_bytes: int = 0
    size_bytes: int = 0
    files_free: int | None = None  # None: the file system does not count them


@dataclass(frozen=True, slots=True)
class Secret:
    """A file that only the agent may read."""

    name: str
    path: str
    problem: Literal["", "missing", "denied"]
    mode: int = 0


@dataclass(frozen=True, slots=True)
class LedgerSeen:
    """`store` and what follows are 0 or empty where it could not be opened."""

    problem: Literal["", "missing", "damaged", "unusable", "other_store"]
    why: str = ""
    hint: str = ""
    store: str = ""
    head: int = 0
    size_bytes: int = 0
    age_s: int = 0  # of the newest event
    key_saved: bool = True  # there is a copy of its key somewhere
    consumers: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])  # events behind, age_s


@dataclass(frozen=True, slots=True)
class SnapshotsSeen:
    """`age_s` is of the newest, None where there is none; one is due every `every_s`."""

    path: str
    problem: Literal["", "missing", "denied"]
    every_s: int
    count: int = 0
    age_s: int | None = None


@dataclass(frozen=True, slots=True)
class CatalogueSeen:
    problem: str
    hint: str = ""
    items: int = 0
    age_s: int = 0  # since it last changed


@dataclass(frozen=True, slots=True)
class Running:
    """The agent behind the door of the state folder. `health` is what `Observer.told` gives."""

    state: Literal["running", "stopped", "denied", "silent"]
    why: str = ""
    devices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    health: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """`path` and what follows it of one on this machine; `reachable` of one in the network, None where it was not
    tried: a running agent is its only client."""

    name: str
    kind: str
    place: str
    problem: Literal["", "missing", "denied", "held"] = ""
    group: str = ""
    holder: str = ""
    reachable: bool | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ClockSeen:
    synced: bool
    trusted: bool  # by the configuration
    service: str = ""  # what keeps it, where that is known


@dataclass(frozen=True, slots=True)
class BrokerSeen:
    """`reached` is the last step that was good; `why` says what the next one met."""

    where: str
    reached: Literal["off", "nothing", "name", "tcp", "tls", "mqtt"]
    fault: Literal["", "unreachable", "files", "authority", "name", "ended", "handshake", "silent", "refused"] = ""
    why: str = ""
    version: str = ""
    tls: bool = False
    ends_s: int | None = None
    refused_topics: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CertificateSeen:
    name: Literal["store", "screens"]
    path: str
    ends_s: int | None
    why: str = ""
    not_renewed: str = ""  # why the last try failed


@dataclass(frozen=True, slots=True)
class ScreensSeen:
    where: str
    state: Literal["off", "free_port", "answers", "closed"]


@dataclass(frozen=True, slots=True)
class Facts:
    now_s: int
    store: str
    folder: Folder
    secrets: Sequence[Secret]
    ledger: LedgerSeen
    snapshots: SnapshotsSeen
    catalogue: CatalogueSeen
    running: Running
    devices: Sequence[DeviceSeen]
    clock: ClockSeen
    broker: BrokerSeen
    certificates: Sequence[CertificateSeen]
    screens: ScreensSeen
