"""What simulated LLRP readers say that they can do.

The R420 says byte for byte what a real one said (firmware 5.2.1.240, mchesser/llrp-rs, MIT; held by a test), in the
region of that capture or another. The FX9600's general figures are those of a real one (firmware 2.7.19.0,
ajcasagrande/device-rfid-llrp-go, Apache-2.0); that capture has no tables, so its power steps and modes are plausible,
not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from drivers.llrp.elements import Element, element

IMPINJ, ZEBRA = 25882, 161  # IANA private enterprise numbers

_US_KHZ = (
    909250, 908250, 925750, 911250, 910750, 926750, 917750, 905250, 927250, 921250, 925250, 919250, 924750, 916250,
    919750, 913250, 926250, 916750, 918750, 914250, 909750, 917250, 908750, 902750, 921750, 913750, 915750, 923750,
    904250, 903750, 903250, 907750, 915250, 924250, 912750, 918250, 912250, 910250, 922250, 905750, 906750, 920750,
    923250, 906250, 914750, 911750, 920250, 907250, 922750, 904750,
)  # fmt: skip
_AU_KHZ = (921750, 921250, 922750, 920750, 920250, 925750, 924250, 924750, 923250, 923750, 925250, 922250)
_EU_KHZ = (865700, 866300, 866900, 867500)
_KR_KHZ = (917300, 917900, 918500, 919100, 919700, 920300)


@dataclass(frozen=True, slots=True)
class Region:
    """`country` by ISO 3166-1, `standard` as LLRP's CommunicationsStandard; hopping, or fixed channels."""

    country: int
    standard: int
    channels_khz: tuple[int, ...]
    hopping: bool = True


REGIONS: Mapping[str, Region] = MappingProxyType(
    {
        "au": Region(36, 5, _AU_KHZ),
        "us": Region(840, 1, _US_KHZ),
        "eu": Region(276, 2, _EU_KHZ, hopping=False),
        "kr": Region(410, 9, _KR_KHZ),
        "none": Region(0, 0, _US_KHZ),  # a reader nobody set up
    }
)


@dataclass(frozen=True, slots=True)
class Mode:
    """A row of the C1G2 RF mode table: identifier, DR, M, modulation, spectral mask, rate, PIE, Tari (one value)."""

    identifier: int
    divide_ratio: int
    miller: int
    modulation: int
    mask: int
    rate_bps: int
    pie: int
    tari_ns: int


@dataclass(frozen=True, slots=True)
class Profile:
    """`powers` and `sensitivities` are tables from `index_first` on, in the units of LLRP: centi-dBm and dB."""

    name: str
    maker: int
    model: int
    firmware: str
    antennas: int
    gpis: int
    gpos: int
    region: Region
    rospecs_max: int
    access_specs_max: int
    specs_max: int
    state_aware: bool
    rf_survey: bool
    priorities: int
    powers: tuple[int, ...]
    sensitivities: tuple[int, ...]
    index_first: int
    modes: tuple[Mode, ...]
    block_write: bool = True

    def within(self, region: str) -> Profile:
        """Raises KeyError for a region that is not in `REGIONS`."""
        return replace(self, region=REGIONS[region])

    @property
    def power_indices(self) -> range:
        return range(self.index_first, self.index_first + len(self.powers))


R420 = Profile(
    name="r420",
    maker=IMPINJ,
    model=2001002,
    firmware="5.2.1.240",
    antennas=4,
    gpis=4,
    gpos=4,
    region=REGIONS["au"],
    rospecs_max=1,
    access_specs_max=1508,
    specs_max=32,
    state_aware=False,
    rf_survey=False,
    priorities=1,
    powers=tuple(range(1000, 3251, 25)),
    sensitivities=(0, *range(10, 51)),
    index_first=1,
    modes=(
        Mode(0, 1, 0, 2, 2, 640_000, 1500, 6250),
        Mode(1, 1, 1, 2, 2, 640_000, 1500, 6250),
        Mode(2, 1, 2, 0, 3, 274_000, 2000, 20_000),
        Mode(3, 1, 3, 0, 3, 170_600, 2000, 20_000),
        Mode(4, 1, 2, 0, 2, 640_000, 1500, 7140),
        Mode(1000, 0, 0, 0, 0, 40_000, 1500, 6250),
        Mode(1001, 0, 0, 0, 0, 40_000, 1500, 6250),
        Mode(1002, 0, 0, 0, 0, 40_000, 1500, 6250),
    ),
)
FX9600 = Profile(
    name="fx9600",
    maker=ZEBRA,
    model=96004,
    firmware="2.7.19.0",
    antennas=4,
    gpis=4,
    gpos=4,
    region=REGIONS["us"],
    rospecs_max=64,
    access_specs_max=4,
    specs_max=16,
    state_aware=True,
    rf_survey=True,
    priorities=7,
    powers=tuple(range(1000, 3001, 10)),
    sensitivities=(0,),
    index_first=0,
    modes=(
        Mode(1, 1, 3, 0, 2, 64_000, 2000, 25_000),
        Mode(5, 1, 2, 0, 2, 256_000, 1500, 12_500),
        Mode(23, 1, 0, 0, 2, 640_000, 1500, 6250),
    ),
)
PROFILES: Mapping[str, Profile] = MappingProxyType({one.name: one for one in (R420, FX9600)})


def general(profile: Profile) -> Element:
    return element(
        "GeneralDeviceCapabilities",
        {
            "MaxNumberOfAntennaSupported": profile.antennas,
            "CanSetAntennaProperties": False,
            "HasUTCClockCapability": True,
            "DeviceManufacturerName": profile.maker,
            "ModelName": profile.model,
            "ReaderFirmwareVersion": profile.firmware,
        },
        *(
            element("ReceiveSensitivityTableEntry", {"Index": index, "ReceiveSensitivityValue": value})
            for index, value in enumerate(profile.sensitivities, start=profile.index_first)
        ),
        element("GPIOCapabilities", {"NumGPIs": profile.gpis, "NumGPOs": profile.gpos}),
        *(
            element("PerAntennaAirProtocol", {"AntennaID": antenna, "ProtocolID": (1,)})
            for antenna in range(1, profile.antennas + 1)
        ),
    )


def protocol(profile: Profile) -> Element:
    return element(
        "LLRPCapabilities",
        {
            "CanDoRFSurvey": profile.rf_survey,
            "CanReportBufferFillWarning": True,
            "SupportsClientRequestOpSpec": False,
            "CanDoTagInventoryStateAwareSingulation": profile.state_aware,
            "SupportsEventAndReportHolding": True,
            "MaxNumPriorityLevelsSupported": profile.priorities,
            "ClientRequestOpSpecTimeout": 0,
            "MaxNumROSpecs": profile.rospecs_max,
            "MaxNumSpecsPerROSpec": profile.specs_max,
            "MaxNumInventoryParameterSpecsPerAISpec": 1,
            "MaxNumAccessSpecs": profile.access_specs_max,
            "MaxNumOpSpecsPerAccessSpec": 8,
        },
    )


def regulatory(profile: Profile) -> Element:
    region = profile.region
    if region.hopping:
        frequencies = element("FrequencyHopTable", {"HopTableID": 1, "Frequency": region.channels_khz})
    else:
        frequencies = element("FixedFrequencyTable", {"Frequency": region.channels_khz})
    return element(
        "RegulatoryCapabilities",
        {"CountryCode": region.country, "CommunicationsStandard": region.standard},
        element(
            "UHFBandCapabilities",
            {},
            *(
                element("TransmitPowerLevelTableEntry", {"Index": index, "TransmitPowerValue": value})
                for index, value in zip(profile.power_indices, profile.powers, strict=True)
            ),
            element("FrequencyInformation", {"Hopping": region.hopping}, frequencies),
            element("C1G2UHFRFModeTable", {}, *map(_mode, profile.modes)),
        ),
    )


def _mode(mode: Mode) -> Element:
    return element(
        "C1G2UHFRFModeTableEntry",
        {
            "ModeIdentifier": mode.identifier,
            "DRValue": mode.divide_ratio,
            "EPCHAGTCConformance": False,
            "MValue": mode.miller,
            "ForwardLinkModulation": mode.modulation,
            "SpectralMaskIndicator": mode.mask,
            "BDRValue": mode.rate_bps,
            "PIEValue": mode.pie,
            "MinTariValue": mode.tari_ns,
            "MaxTariValue": mode.tari_ns,
            "StepTariValue": 0,
        },
    )


def air(profile: Profile) -> Element:
    return element(
        "C1G2LLRPCapabilities", {"CanSupportBlockWrite": profile.block_write, "MaxNumSelectFiltersPerQuery": 2}
    )


def capabilities(profile: Profile, requested: int = 0) -> list[Element]:
    """What GET_READER_CAPABILITIES asked for: 0 all, 1 to 4 one of the four."""
    found = (general, protocol, regulatory, air)
    return [one(profile) for number, one in enumerate(found, start=1) if requested in {0, number}]
