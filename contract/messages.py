"""Messages that are not events: state, health, devices, levels, acknowledgements, requests, asks, the item master."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contract.canonical import INTEGER_MAX
from contract.shapes import Gtin, Hash, Identifier, Name, Quantity, Shape

MESSAGE_SIZE_BYTES_MAX = 64 * 1024
MESSAGE_EVENTS_MAX = 100


def _exact(number: int) -> int:
    """What has a canonical form; said once in the document, not at every member."""
    if number > INTEGER_MAX:
        raise ValueError("beyond 2**53 - 1")
    return number


Count = Annotated[int, Field(ge=0), AfterValidator(_exact)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class State(Shape):
    """`state`, retained, also the will."""

    state: Literal["online", "stopped", "offline"]
    boot: str
    log: str
    head: Count = Field(description="sequence of the newest event when this was written")
    first: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="the oldest event that the store still has, an opening; absent: event 1"
    )
    version: str
    at: str | None = Field(None, description="absent in the will: the broker knows no time")


class ConsumerHealth(Shape):
    delivered: Count
    behind: Count
    stalled: bool
    age_s: Count | None = Field(None, description="age of the oldest event that it has not acknowledged; 0: it has all")
    silent_s: Count | None = Field(None, description="since its last acknowledgement; absent: none since the start")


class Health(Shape):
    """`health`, retained, every 60 s and on change."""

    at: str
    uptime_s: Count
    head: Count
    outbox_depth: Count = Field(description="events that the slowest consumer has not acknowledged")
    outbox_age_s: Count = Field(description="age of the oldest of them")
    disk_free_bytes: Count
    ledger_size_bytes: Count
    clock: Literal["synced", "suspect"]
    devices: dict[str, str]
    consumers: dict[str, ConsumerHealth]
    counters: dict[str, int] = Field(description="since start: reads, bad reads, refused commands, overflows …")
    stuck_event: Count | None = Field(
        default=None, description="an event that the broker does not take, because it is too large: what follows waits"
    )
    first: Count | None = Field(default=None, description="the oldest event that the store still has")
    dropped: dict[str, Count] | None = Field(
        default=None,
        description="since the start: consumers whose events were pruned before they had them, because there were too "
        "many, and the opening that each goes on from",
    )
    last_backup: str | None = Field(default=None, description="when the newest snapshot of the ledger was taken")
    ledger_damage: str | None = Field(
        default=None, description="what a check of the whole ledger found; absent: nothing"
    )
    disk_size_bytes: Count | None = Field(default=None, description="of the file system that the ledger is on")
    memory_bytes: Count | None = Field(default=None, description="that the agent holds")
    open_files: Count | None = Field(
        default=None, description="that the agent holds; a number that only grows is a fault"
    )
    waiting: Count | None = Field(default=None, description="scans and other work that wait for the disk")
    commit_us_max: Count | None = Field(default=None, description="the slowest commit since the message before")
    broker_up_s: Count | None = Field(default=None, description="how long this connection to the broker lasts")
    certificates: dict[Literal["broker", "store", "screens"], str] | None = Field(
        default=None, description="when they end: the broker's, this store's own, the screens'"
    )
    renewal_failure: str | None = Field(
        default=None, description="why the last try to renew the store's certificate failed; absent: it did not"
    )
    catalogue_revision: Count | None = Field(default=None, description="the highest that the store holds")
    catalogue_items: Count | None = Field(default=None, description="items that are not deleted")
    device_notices: Count | None = Field(
        default=None, description="conditions of devices that work otherwise: `device/…`"
    )


class DeviceNotice(Shape):
    """A condition of a device that works otherwise."""

    code: str = Field(description="word for machines: `antenna_off`, `out_of_reach`, `hot` …")
    subject: str | None = Field(None, description="which one, as an antenna's number")
    message: str
    hint: str


class DeviceState(Shape):
    """`device/{device}`, retained."""

    device: Name
    kind: str
    state: Literal["connecting", "up", "down", "refused", "failed", "stopped"]
    since: str
    reads: Count
    bad_reads: Count
    error: str | None = None
    hint: str | None = None
    notices: list[DeviceNotice] = Field(default_factory=list[DeviceNotice], description="conditions that last")
    facts: dict[str, str] = Field(
        default_factory=dict[str, str], description="what it says of itself: model, firmware, region …"
    )


class Level(Shape):
    """`level/{sku}`, coalesced; `available` is sellable on hand less what is reserved and the safety buffer."""

    sku: Name
    on_hand: int
    reserved: Count
    available: int
    zones: dict[str, int]
    log: str
    as_of: Count


class Ack(Shape):
    """`ack/{consumer}`, retained: all events up to `seq` are durably stored there."""

    log: Name
    seq: Count
    hash: Hash | None = Field(
        default=None,
        description="of event `seq` as it is stored there; another one than the store's: the store went back",
    )


class Request(BaseModel):
    """What every `request/{verb}` carries; unknown members are refused, a typo must not become a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    expires_at: str


class Replay(Request):
    log: Name
    seq: Annotated[int, Field(ge=1)] = Field(description="send again from here")
    consumer: Name


class StockDigest(Request):
    of: Literal["stock"]
    sku_from: str | None = Field(None, description="inclusive")
    sku_to: str | None = Field(None, description="inclusive")
    rows_max: Annotated[int, Field(ge=0, le=500)] = Field(
        0, description="list the rows if there are at most so many, and they fit"
    )


class ChainDigest(Request):
    of: Literal["events"]
    log: Name
    seq_from: Annotated[int, Field(ge=1)]
    seq_to: Annotated[int, Field(ge=1)]


class Ping(Request):
    pass


class RestartDevice(Request):
    device: Name


class Reserve(Request):
    """Keep goods for an order. Refused where not so many are available."""

    reservation: Identifier = Field(description="names it from here on; one item each")
    sku: Name
    quantity: Quantity = Field(description="base units")
    order: Identifier | None = Field(None, description="the customer's order")
    hold_until: str | None = Field(
        None, description="RFC 3339; then the store gives the goods free by itself; absent: until they are released"
    )


class Release(Request):
    """What is left of a reservation is free again."""

    reservation: Identifier


class Response(Shape):
    """`response/{id}`. A repeated request gets the same answer."""

    id: Id
    status: Literal["done", "expired", "refused"]
    reason: str | None = None
    hint: str | None = None
    result: dict[str, Any] | None = None


class Ask(Shape):
    """`ask/{verb}` from the agent: `catalog`, `expected` since a revision, page by page."""

    id: Id
    since: Count = 0
    page: Count = 0


class AskResolve(Shape):
    """`ask/resolve`: a code that this store does not know. The answer is `{"id", "items": [...]}` with the items that
    have it, as in a page of the catalogue."""

    id: Id
    text: str | None = Field(None, max_length=4096, description="as scanned, where it is text")
    gtin: Gtin | None = None
    sku: Name | None = Field(None, description="what somebody in the store took it for")


class AskRestore(Shape):
    """`ask/restore`: this store's events back, page by page, from what head office has stored."""

    id: Id
    log: Name | None = Field(None, description="absent: the log that head office follows")
    seq: Count = Field(0, description="from this event on; 0: from the newest opening of that log, or its first event")


class DigestResult(Shape):
    log: Name
    as_of: Count
    head_hash: Hash
    rows: Count
    quantity: int
    hash: Hash
    list: tuple[tuple[str, str, str | None, str, int], ...] | None = None


class Alert(Shape):
    """`alert/{id}`, from head office: a message each time that one alert is raised, acknowledged or closed."""

    notice: Id = Field(description="of this message: the same may come again")
    id: Count = Field(description="of the alert; there is one for each rule, store and subject")
    change: Literal["raised", "worse", "acknowledged", "closed"]
    rule: Id
    store: Name | None = Field(None, description="absent: it is about no one store")
    subject: str = Field(description="what it is about: an SKU, a zone, a device, an EPC, a day …")
    severity: Literal["info", "warning", "critical"]
    state: Literal["open", "acknowledged", "closed"]
    times: Count = Field(description="how often it was found anew")
    first_at: str = Field(description="when it was found first")
    last_at: str = Field(description="when it was found anew last")
    acknowledged_by: str | None = None
    note: str | None = Field(None, max_length=500)
    facts: dict[str, int | str] = Field(description="the numbers of its text")
    text: dict[Literal["ko", "en"], str] = Field(description="for people")
