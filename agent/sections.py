"""The sections of the configuration file: every setting with its description, default and range."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agent.operations.rules import ReasonKind
from agent.operations.tags import SERIAL_MAX
from contract.epcis_names import EpcisNames, Gln, PartyGln, WebAddress
from contract.ids import is_store
from contract.shapes import Mode, Name, Place
from contract.stock import is_outside, is_zone
from contract.topics import PREFIX
from drivers.registry import AnySettings
from identity import InStoreTemplate
from identity.prefixes import company_prefix_digits

Digits = Annotated[str, Field(pattern="^[0-9]{6,12}$")]
Antenna = Annotated[str, Field(pattern="^[1-9][0-9]{0,2}$")]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # the whole builds all parts again


class StoreSection(Section):
    id: Name = Field(description="Store id, as head office knows it. Never changes for a ledger.")
    time_zone: str = Field("Asia/Seoul", description="IANA name; times in events carry this zone's offset.")
    language: Literal["ko", "en"] = Field("ko", description="Language of stations that name none.")
    state_dir: Path = Field(Path("/var/lib/jaego"), description="Ledger, catalogue and the store's key live here.")
    zones: tuple[Name, ...] = Field(min_length=1, max_length=500, description="The store's zones.")
    clock_trusted: bool = Field(
        default=False, description="Take the clock as right without the kernel's word (no NTP on this PC)."
    )

    @field_validator("id")
    @classmethod
    def _a_store(cls, text: str) -> str:
        if not is_store(text):
            raise ValueError("'catalog' is reserved in the topics")
        return text

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, text: str) -> str:
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("expected an IANA time zone such as Asia/Seoul or Europe/London") from error
        return text

    @field_validator("zones")
    @classmethod
    def _places_inside(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not is_zone(name):
                raise ValueError(f"{name!r} is a place outside the store, not a zone")
        if len({name.upper() for name in names}) != len(names):
            raise ValueError("two zones differ in upper and lower case only, or not at all")
        return names


class LedgerSection(Section):
    group_max: int = Field(500, ge=1, le=10_000, description="Most commands that one commit takes together.")
    queue_max: int = Field(10_000, ge=100, le=1_000_000, description="Commands that may wait; beyond it scans stop.")
    reserve_mib: int = Field(
        16, ge=0, le=1024, description="Room kept for ending in order on a full disk, in MiB; 0: none."
    )
    checkpoint_events: int = Field(1_000, ge=10, le=10_000, description="The log is signed after so many events.")
    checkpoint_s: int = Field(3_600, ge=60, le=86_400, description="And after so long, when something has come since.")
    opening_days: float = Field(
        7.0, gt=0, le=90, description="Days between two openings: signed statements of all stock."
    )
    keep_days: float = Field(
        90.0, gt=0, le=36_500, description="Older events go, once all of uplink.consumers have acknowledged them."
    )
    events_max: int = Field(
        5_000_000,
        ge=10_000,
        le=1_000_000_000,
        description="More events are never kept, whoever has not acknowledged them: a limit for the disk's sake.",
    )


class BackupSection(Section):
    """Snapshots: verified copies of the ledger (docs/restore.md)."""

    folder: Path | None = Field(
        None, description="Snapshots go here, best on another disk; absent: into state_dir. It must exist."
    )
    every_h: float = Field(24.0, ge=1, le=168, description="Hours from one to the next.")
    keep: int = Field(7, ge=1, le=1000, description="So many are kept.")


class CatalogueSection(Section):
    file: Path | None = Field(None, description="CSV, JSON or JSONL that is imported at start when it is newer.")
    topic: bool = Field(default=True, description="Take items from head office's catalogue topic.")


class UplinkSection(Section):
    enabled: bool = Field(default=True, description="Without it the store works alone and keeps all that it may.")
    host: str = Field("127.0.0.1", min_length=1, max_length=255, description="The broker's host.")
    port: int = Field(1883, ge=1, le=65_535, description="The broker's port; 8883 is usual with TLS.")
    prefix: str = Field(PREFIX, pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", description="Topics begin with this.")
    consumers: tuple[Name, ...] = Field(
        ("headoffice",), max_length=16, description="Who must acknowledge events before they may be pruned."
    )
    client_id: Name | None = Field(None, description="MQTT client id; absent: jaego-<store id>. One client each.")
    tls: bool = Field(default=False, description="TLS; verified against ca_file or the system's authorities.")
    ca_file: Path | None = Field(None, description="Authorities that the broker's certificate is checked against.")
    cert_file: Path | None = Field(None, description="This store's certificate, for a broker that asks for one.")
    key_file: Path | None = Field(None, description="The certificate's key; may be in the same file.")
    desk: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/?$",
        max_length=300,
        description="Head office's desk, which renews the certificate (`jaego renew`).",
    )
    username: str | None = Field(None, max_length=256, description="User name at the broker.")
    password_file: Path | None = Field(None, description="File that holds the password, readable by the agent only.")
    keepalive_s: int = Field(15, ge=5, le=600, description="A silent broker is noticed after about twice this.")
    connect_timeout_s: float = Field(5.0, gt=0, le=60, description="How long one attempt to connect may take.")
    backoff_s_max: float = Field(30.0, ge=1, le=600, description="Longest pause between attempts to connect.")
    window_messages: int = Field(20, ge=1, le=1000, description="Messages under way without the broker's receipt.")
    ahead_messages_max: int = Field(
        500,
        ge=10,
        le=1_000_000,
        description="Messages sent before moving consumers acknowledged; below the broker's queue limit.",
    )
    ack_timeout_s: float = Field(10.0, ge=1, le=3600, description="A consumer that is silent so long is sent to again.")
    levels: Literal["retained", "changes", "off"] = Field(
        "retained", description="level/{sku}: retained and all sent again after a connect, changes only, or off."
    )
    levels_per_s_max: float = Field(200.0, ge=1, le=10_000, description="Most level messages a second.")
    health_interval_s: float = Field(60.0, ge=1, le=3600, description="How often health is published.")


class WebSection(Section):
    enabled: bool = Field(default=True, description="Screens and the local API.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8470, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    open_screens: bool = Field(
        default=True,
        description="Screens on this PC read, and scan at stations, without a login. Every program on it may, too.",
    )
    cert_file: Path | None = Field(
        None, description="Certificate chain (PEM): HTTPS. Needed to listen on anything but loopback."
    )
    key_file: Path | None = Field(None, description="Its private key (PEM).")


class TagsSection(Section):
    """Tags that this store writes itself."""

    serial_first: int = Field(
        1, ge=0, le=SERIAL_MAX, description="First serial number that this store gives out, for each GTIN."
    )
    serial_last: int = Field(
        SERIAL_MAX, ge=0, le=SERIAL_MAX, description="Last of them. No two stores may share a number: divide the range."
    )
    filter_value: int = Field(1, ge=0, le=7, description="Filter of an SGTIN; 1 is a single item at the point of sale.")
    company_prefixes: tuple[Digits, ...] = Field(
        (), max_length=1000, description="GS1 company prefixes, 6 to 12 digits, where GS1's list does not tell them."
    )

    @model_validator(mode="after")
    def _a_range(self) -> Self:
        if self.serial_last < self.serial_first:
            raise ValueError(f"serial_last {self.serial_last} is below serial_first {self.serial_first}")
        return self

    def prefix_digits(self, gtin: str) -> int | None:
        """How many digits of a GTIN of 14 are the company prefix; the longest that is named here, else GS1's list."""
        named = [len(prefix) for prefix in self.company_prefixes if gtin[1:].startswith(prefix)]
        found = max(named) if named else company_prefix_digits(gtin[1:])
        return found if found is not None and 6 <= found <= 12 else None


class StationSection(Section):
    name: Name = Field(description="Name of the station; its screen is /station/<name>.")
    mode: Mode = Field("receive", description="Mode of a new session.")
    zone: Name = Field(description="Zone that goods are received into.")
    language: Literal["ko", "en"] | None = Field(None, description="Language of a new session; absent: the store's.")


class RulesSection(Section):
    """What clerks may do by themselves, and what is looked at."""

    over_delivery_percent: int = Field(
        0,
        ge=0,
        le=100,
        description="Over-delivery that is taken without a supervisor, if a document allows less.",
    )
    expired: Literal["stop", "look"] = Field(
        "stop", description="An expired lot that is received: stop until a supervisor approves, or take it with a look."
    )
    short_dated_days: int = Field(
        0,
        ge=0,
        le=3650,
        description="A received lot that expires within so many days needs a look; 0: none.",
    )
    quarantine_zone: Name | None = Field(
        None, description="Zone for a delivery's damaged goods; absent: where they are."
    )
    approve_by_another: bool = Field(
        default=True, description="Nobody approves their own scans or counts; false for a store with one person."
    )
    count_blind: bool = Field(default=True, description="Who counts does not see what stock expects.")
    count_tolerance_percent: int = Field(0, ge=0, le=100, description="Difference of a count's line that is small.")
    count_tolerance_units: int = Field(0, ge=0, le=100_000, description="The same in base units; either is enough.")
    recount_by_another: bool = Field(
        default=True, description="A line that differs by more is recounted by another clerk before approval."
    )
    count_every_days: int = Field(
        30, ge=1, le=3650, description="A zone whose last approved count is older is proposed to be counted."
    )
    count_zones_a_day: int = Field(3, ge=0, le=500, description="So many zones are proposed at most, the oldest first.")
    clerks_required: bool = Field(
        default=False, description="Stations take scans of people who are logged in only, by badge or PIN."
    )
    lock_idle_min: int = Field(
        15, ge=0, le=1440, description="A station with a clerk locks after so many minutes without a scan; 0: never."
    )


class ReasonSection(Section):
    """A word for why. Any that is given replaces the usual ones: FOUND, LOST, SCRAP, EXPIRED, DAMAGED, USED, UNWANTED,
    FAULTY."""

    code: Annotated[str, Field(pattern="^[A-Z0-9][A-Z0-9._-]{0,38}[A-Z0-9]$")] = Field(
        description="Code on the sheet and in events, upper case."
    )
    kind: ReasonKind = Field(
        description="What an adjustment does: in (found), out (lost), scrap, damage; return: of goods that come back."
    )
    ko: str = Field(min_length=1, max_length=40, description="What Korean screens and sheets say.")
    en: str = Field(min_length=1, max_length=40, description="What English screens and sheets say.")


class SalesSection(Section):
    """What the point of sale hands over, by the local API or as files."""

    tills: dict[Name, Name] = Field(
        {}, max_length=500, description="The zone that each till sells from, by the till's name."
    )
    zone: Name | None = Field(None, description="The zone of tills that are not named; absent: those are refused.")
    folder: Path | None = Field(None, description="Files of sales that are put down here are read (docs/sales.md).")
    settle_s: float = Field(5.0, ge=0.5, le=3600, description="A file is read when it has not changed for so long.")
    keep_days: int = Field(90, ge=1, le=3650, description="Files that were read are deleted after so many days.")


class OrdersSection(Section):
    """Online orders that are picked in the store."""

    pickup_zone: Name | None = Field(None, description="Zone that picks go to; absent: they stay where they are.")
    safety_buffer: int = Field(
        0, ge=0, le=1_000_000, description="Base units of each item that are never reserved: shelves are not exact."
    )


class EpcisSection(Section):
    """Events as EPCIS 2.0 documents, on the topic `epcis` (docs/epcis.md)."""

    base: WebAddress | None = Field(
        None, description="The company's web address: what has no GS1 key is named below it. Absent: no EPCIS."
    )
    company: PartyGln | None = Field(None, description="GLN of the company, who owns the goods.")
    supplier: PartyGln | None = Field(None, description="GLN of the supplier, where there is only one.")
    gln: Gln | None = Field(None, description="GLN of this store.")
    zones: dict[Name, Gln] = Field(
        {}, max_length=500, description="GLN of zones that have their own; its extension, if any, behind a slash."
    )
    back_zones: tuple[Name, ...] = Field((), max_length=500, description="Zones where customers do not come.")
    read_points: dict[Name, Gln] = Field(
        {}, max_length=500, description="GLN of portals, stations and readers, by their name."
    )
    stores: dict[Name, Gln] = Field({}, max_length=10_000, description="GLN of other stores that goods go to.")

    def names(self, store: str) -> EpcisNames | None:
        if self.base is None:
            return None
        own = {store: self.gln} if self.gln is not None else {}
        return EpcisNames(
            base=self.base,
            company=self.company,
            supplier=self.supplier,
            locations={**self.stores, **own, **{f"{store}/{zone}": gln for zone, gln in self.zones.items()}},
            read_points={f"{store}/{name}": gln for name, gln in self.read_points.items()},
            back_zones=frozenset(f"{store}/{zone}" for zone in self.back_zones),
        )


class InStoreSection(Section):
    """How this store's own labels are laid out; there is no official Korean layout (standards.md, 5)."""

    name: Name = Field(description="Name of the template, for messages.")
    prefixes: tuple[str, ...] = Field(min_length=1, max_length=10, description="First digits: 02, or 20 to 29.")
    layout: str = Field(
        min_length=2,
        max_length=12,
        description="Digits behind the prefix: I item, W weight, P price, N count, K measure check, - any, C check.",
    )
    weight_unit_g: int = Field(1, ge=1, le=10_000, description="Grams that the last weight digit stands for.")
    price_decimals: int = Field(0, ge=0, le=3, description="Digits behind the price's decimal point; won has none.")
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="ISO 4217 letters of the price.")

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        self.template()
        return self

    def template(self) -> InStoreTemplate:
        """Raises ValueError for a layout that cannot be."""
        return InStoreTemplate(
            self.name, self.prefixes, self.layout, self.weight_unit_g, self.price_decimals, self.currency
        )


class DeviceSection(Section):
    name: Name = Field(description="Name of the device in topics and on screens.")
    station: Name | None = Field(None, description="Station whose clerk uses it.")
    settings: AnySettings = Field(description="kind, and what that kind of device needs.")


class PortalSection(Section):
    """A door between two places with an RFID reader: tags that pass become movements."""

    name: Name = Field(description="Name of the portal in events and exceptions.")
    device: Name = Field(description="The reader at this door, one of the devices.")
    zones: tuple[Place, Place] = Field(
        description="The two sides: two zones, or a zone and supplier, customer, unknown or transit:<store>."
    )
    antennas: dict[Antenna, Place] = Field(
        min_length=1, max_length=64, description="Which side each antenna looks at, by its number."
    )
    rule: Literal["record", "require_document", "alarm"] = Field(
        "record",
        description="record: what passes moves; require_document: only what a document expects; alarm: nothing may.",
    )
    apart_s: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="An item needs at least so long from another portal to this one; 0: no check.",
    )
    decide_s: float = Field(
        4.1,
        ge=1,
        le=60,
        description="Tags are decided so long after they crossed; 4.1 is within 5 s of the last read near the door.",
    )

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        one, other = self.zones
        if one == other or (is_outside(one) and is_outside(other)):
            raise ValueError("a portal leads from one zone to another, or between a zone and one outside place")
        strangers = sorted({zone for zone in self.antennas.values() if zone not in self.zones})
        if strangers:
            raise ValueError(f"antennas look at {', '.join(strangers)}, which is none of its zones")
        if "customer" in self.zones and self.rule != "alarm":
            raise ValueError("goods do not leave to customers by a portal's word: its rule is alarm")
        return self


class ZoneReaderSection(Section):
    """A reader without a door, overhead or on a shelf: it tells in which zone a tag was seen last."""

    device: Name = Field(description="The reader, one of the devices.")
    antennas: dict[Antenna, Name] = Field(
        min_length=1, max_length=64, description="The zone that each antenna looks at, by its number."
    )
