"""Portal scenes: a door with its antennas, a reader, goods that move and goods that stand beside it.

Metres and seconds. x is the way through the door (zone A at x < 0, zone B at x > 0), y along the wall, z up; the
door's plane is x = 0 and its middle y = 0. A pair of numbers is a range that each group draws from.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Range = tuple[float, float]
Item = Literal["free", "garment", "carton", "liquid"]
Direction = Literal["A>B", "B>A", "any"]
Behaviour = Literal["pass", "in_out", "shuttle", "u_turn", "drive_by", "loiter"]
SCENES = Path(__file__).parent / "scenes"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Antenna(_Part):
    """`yaw_deg` 0 looks along +x, 90 along +y; `tilt_deg` is downwards. The beam is that of an 8 dBic panel."""

    port: int = Field(ge=1, le=32)
    zone: Literal["A", "B"]
    at_m: tuple[float, float, float]
    yaw_deg: float
    tilt_deg: float = 0.0
    failed_after_s: float | None = Field(None, ge=0)


class Reader(_Part):
    """`dwell_s` is the time between antenna changes; `rate_per_s` how fast a round singulates its tags."""

    power_dbm: float = 30.0
    cable_db: float = Field(1.0, ge=0)
    session: Literal["S0", "S1"] = "S1"
    rate_per_s: float = Field(420.0, ge=50, le=1000)
    dwell_s: float = Field(0.06, gt=0, le=5)
    channels_mhz: tuple[float, ...] = (865.7, 866.3, 866.9, 867.5)


class Group(_Part):
    """Goods that move together: a cart, a pallet, a person with a bag.

    `reach_m` is how far from the door they begin and end, or turn (`shuttle`); `turn_m` where a U-turn turns, a
    drive-by passes or a loiterer stands: metres before the door's plane, on the side they came from.
    """

    behaviour: Behaviour = "pass"
    tags: int = Field(ge=1, le=2000)
    item: Item = "carton"
    liquid_share: float = Field(0.0, ge=0, le=1)
    speed_mps: Range = (0.8, 1.5)
    direction: Direction = "any"
    start_s: Range = (3.0, 3.0)
    lane_y_m: Range = (-0.4, 0.4)
    reach_m: float = Field(6.0, gt=0, le=20)
    turn_m: Range = (0.8, 2.0)
    stay_s: Range = (4.0, 10.0)
    box_m: tuple[float, float, float] = (0.8, 0.6, 1.0)
    floor_m: float = 0.3
    persons: int = Field(1, ge=0, le=8)
    repeats: int = Field(1, ge=1, le=1000)
    every_s: Range = (15.0, 25.0)


class Shelf(_Part):
    """Tags that stay where they are. `x_m` may have a minus; the tags stand in the middle of each metre or between."""

    tags: int = Field(ge=1, le=20_000)
    x_m: Range
    y_m: Range = (-2.0, 2.0)
    z_m: Range = (0.3, 1.8)
    item: Item = "carton"


class Door(_Part):
    """What reflects: the floor's coefficient, two side walls, and `diffuse_db`, the power of twelve scattered waves
    against an isotropic direct ray."""

    floor_reflection: float = Field(-0.4, ge=-1, le=0)
    wall_reflection: float = Field(0.5, ge=0, le=1)
    walls_y_m: tuple[float, float] = (-4.0, 4.0)
    diffuse_db: float = 0.0
    back_lobe_db: float = Field(22.0, ge=0, le=40)


class Scene(_Part):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    about: str
    seconds: float = Field(gt=0, le=90_000)
    quiet_s: float = Field(32.0, ge=0)  # before the groups begin to come; the portal gets to know its shelves
    door: Door = Door.model_validate({})
    reader: Reader = Reader.model_validate({})
    antennas: tuple[Antenna, ...] = Field(min_length=1)
    groups: tuple[Group, ...] = ()
    shelves: tuple[Shelf, ...] = ()

    @model_validator(mode="after")
    def _own_ports(self) -> Self:
        ports = [antenna.port for antenna in self.antennas]
        if len(set(ports)) != len(ports):
            raise ValueError("two antennas have the same port")
        return self


Name = Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]


def load(path: Path) -> Scene:
    """The scene of a TOML file; `layout = "dock4"` in it takes door, reader and antennas from that scene's file.

    Raises OSError, tomllib.TOMLDecodeError, pydantic.ValidationError.
    """
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    layout = raw.pop("layout", None)
    if layout is not None:
        base = tomllib.loads((path.parent / "layouts" / f"{layout}.toml").read_text(encoding="utf-8"))
        for part in ("door", "reader"):
            base[part] = base.get(part, {}) | raw.pop(part, {})
        failures = raw.pop("failed", {})
        for antenna in base["antennas"]:
            if str(antenna["port"]) in failures:
                antenna["failed_after_s"] = failures[str(antenna["port"])]
        raw = base | raw
    return Scene.model_validate(raw)


def builtin() -> dict[str, Path]:
    """The scenes that come with Jaego, by name."""
    return {path.stem: path for path in sorted(SCENES.glob("*.toml"))}
