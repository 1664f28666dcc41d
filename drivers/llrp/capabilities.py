"""What a reader can do, as it says itself: tables, limits, region. Nothing here is a constant of some model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.errors import DeviceRefused
from drivers.llrp.elements import Element

IMPINJ = 25_882  # IANA private enterprise numbers
MANUFACTURERS = {IMPINJ: "Impinj", 161: "Motorola/Zebra"}
ANTENNAS_MAX = 255
MODE_MAX = 0xFFFF  # an identifier has 32 bits in the table, and 16 where it is chosen (C1G2RFControl)
STANDARDS = {  # LLRP 1.0.1, RegulatoryCapabilities: CommunicationsStandard
    "us": 1,
    "eu": 2,
    "eu_300_220": 3,
    "au_1w": 4,
    "au_4w": 5,
    "jp": 6,
    "hk": 7,
    "tw": 8,
    "kr": 9,
}
_REGIONS = {number: name for name, number in STANDARDS.items()}


def value(one: Element | None, field: str, otherwise: int = 0) -> int:
    """A number of a remote element, which may lack anything."""
    found = None if one is None else one.fields.get(field)
    return found if isinstance(found, int) else otherwise


def numbers(one: Element | None, field: str) -> tuple[int, ...]:
    found = None if one is None else one.fields.get(field)
    return found if isinstance(found, tuple) else ()


@dataclass(frozen=True, slots=True)
class Mode:
    """An RF mode. `m_value` counts 0 for FM0, 1 to 3 for Miller 2 to 8: the higher, the more robust and the slower."""

    number: int
    rate_bps: int
    m_value: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`powers` are (index, centi-dBm), `frequencies_khz` by ChannelIndex - 1, `standard` 0 where none is told.

    `hop_table` is None for a reader that does not hop.
    """

    manufacturer: int = 0
    model: int = 0
    firmware: str = ""
    antennas: int = 0
    inputs: int = 0
    utc: bool = False
    holds: bool = False
    warns: bool = False
    state_aware: bool = False
    rospecs_max: int = 0
    country: int = 0
    standard: int = 0
    powers: tuple[tuple[int, int], ...] = ()
    hop_table: int | None = None
    frequencies_khz: tuple[int, ...] = ()
    modes: tuple[Mode, ...] = ()

    @property
    def impinj(self) -> bool:
        return self.manufacturer == IMPINJ

    @property
    def maker(self) -> str:
        return MANUFACTURERS.get(self.manufacturer, f"manufacturer {self.manufacturer}")

    @property
    def region(self) -> str:
        name = _REGIONS.get(self.standard, f"standard {self.standard}" if self.standard else "unspecified")
        return f"{name}, country {self.country}" if self.country else name

    @property
    def power_max_cdbm(self) -> int | None:
        return max((power for _, power in self.powers), default=None)

    def power_index(self, dbm: float) -> int:
        """The step nearest below. Raises DeviceRefused if there is none: more than asked for is never sent."""
        below = [(power, index) for index, power in self.powers if power <= round(dbm * 100)]
        if not below:
            lowest = min((power for _, power in self.powers), default=None)
            told = "its table of powers is empty" if lowest is None else f"its lowest is {lowest / 100:g} dBm"
            raise DeviceRefused(f"the reader cannot send {dbm:g} dBm: {told}", hint="change power_dbm, or leave it out")
        return max(below)[1]

    def power_cdbm(self, index: int) -> int | None:
        return next((power for number, power in self.powers if number == index), None)

    def mode_number(self, mode: int | str) -> int:
        """Raises DeviceRefused for one that the reader does not have."""
        known = ", ".join(str(one.number) for one in self.modes) or "none"
        if isinstance(mode, int):
            if mode not in {one.number for one in self.modes}:
                raise DeviceRefused(f"the reader has no RF mode {mode}", hint=f"choose of its modes: {known}")
            return mode
        if not self.modes:
            raise DeviceRefused("the reader names no RF modes", hint="leave mode out")
        if mode == "fastest":
            return max(self.modes, key=lambda one: (one.rate_bps, -one.m_value, -one.number)).number
        return max(self.modes, key=lambda one: (one.m_value, -one.rate_bps, -one.number)).number

    def check_antennas(self, wanted: Sequence[int]) -> None:
        """Raises DeviceRefused for an antenna that the reader has no port for."""
        beyond = [antenna for antenna in wanted if antenna > self.antennas]
        if beyond and self.antennas:
            raise DeviceRefused(
                f"the reader has {self.antennas} antenna ports, no {beyond[0]}", hint="correct `antennas`"
            )

    def check_inputs(self, wanted: Sequence[int]) -> None:
        """Raises DeviceRefused for an input that the reader has not."""
        beyond = [port for port in wanted if port > self.inputs]
        if beyond:
            raise DeviceRefused(
                f"the reader has {self.inputs} inputs (GPI), no {beyond[0]}", hint="correct `gpi_ports` and `eye_port`"
            )


def capabilities(response: Element) -> Capabilities:
    """Of a GET_READER_CAPABILITIES_RESPONSE; what it lacks is 0 or empty."""
    general, llrp = response.one("GeneralDeviceCapabilities"), response.one("LLRPCapabilities")
    regulatory = response.one("RegulatoryCapabilities")
    band = regulatory.one("UHFBandCapabilities") if regulatory is not None else None
    frequencies = band.one("FrequencyInformation") if band is not None else None
    hop_table, frequencies_khz = _frequencies(frequencies)
    firmware = general.fields.get("ReaderFirmwareVersion", "") if general is not None else ""
    return Capabilities(
        manufacturer=value(general, "DeviceManufacturerName"),
        model=value(general, "ModelName"),
        firmware=str(firmware)[:64],
        antennas=min(value(general, "MaxNumberOfAntennaSupported"), ANTENNAS_MAX),
        inputs=value(general.one("GPIOCapabilities"), "NumGPIs") if general is not None else 0,
        utc=bool(value(general, "HasUTCClockCapability")),
        holds=bool(value(llrp, "SupportsEventAndReportHolding")),
        warns=bool(value(llrp, "CanReportBufferFillWarning")),
        state_aware=bool(value(llrp, "CanDoTagInventoryStateAwareSingulation")),
        rospecs_max=value(llrp, "MaxNumROSpecs"),
        country=value(regulatory, "CountryCode"),
        standard=value(regulatory, "CommunicationsStandard"),
        powers=_powers(band),
        hop_table=hop_table,
        frequencies_khz=frequencies_khz,
        modes=_modes(band),
    )


def _powers(band: Element | None) -> tuple[tuple[int, int], ...]:
    entries = band.all("TransmitPowerLevelTableEntry") if band is not None else []
    return tuple((value(one, "Index"), value(one, "TransmitPowerValue")) for one in entries)


def _frequencies(one: Element | None) -> tuple[int | None, tuple[int, ...]]:
    """The first hop table, or the fixed channels."""
    if one is None:
        return None, ()
    hops = one.one("FrequencyHopTable")
    if value(one, "Hopping") and hops is not None:
        return value(hops, "HopTableID"), numbers(hops, "Frequency")
    return None, numbers(one.one("FixedFrequencyTable"), "Frequency")


def _modes(band: Element | None) -> tuple[Mode, ...]:
    tables = band.all("C1G2UHFRFModeTable") if band is not None else []
    return tuple(
        Mode(value(one, "ModeIdentifier"), value(one, "BDRValue"), value(one, "MValue"))
        for table in tables
        for one in table.all("C1G2UHFRFModeTableEntry")
        if value(one, "ModeIdentifier") <= MODE_MAX
    )
