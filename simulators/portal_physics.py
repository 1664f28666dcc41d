"""How well an antenna sees a tag: a sum of rays, and what a tag and a reader make of it.

The direct ray, its images in the floor and two walls, and twelve scattered waves are added with their phases, so that
fading in space, between channels and between antennas comes out by itself. Figures marked M were measured (the
portal's design notes): losses of goods, reflection, thresholds.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from simulators.portal_scene import Antenna, Door, Item, Reader

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

ANTENNA_DBIC = 8.0
BEAM_DEG = 70.0  # half power
POLARISATION_DB = 3.0  # circular reader antenna, linear tag
MODULATION_DB = 4.5
TAG_THRESHOLD_DBM = -18.5
READER_FLOOR_DBM = -79.0
WAVES = 12
LIGHT_M_PER_US = 299.792458
BODY_RADIUS_M = 0.25
# One way, mean and deviation (M).
ITEM_DB: dict[Item, tuple[float, float]] = {
    "free": (0.0, 1.0),
    "garment": (9.0, 3.5),
    "carton": (15.5, 3.0),
    "liquid": (25.0, 4.0),
}


class Channel:
    """The field of one antenna. `at` of `response` has shape (n, 3), metres."""

    def __init__(self, antenna: Antenna, door: Door, chance: np.random.Generator) -> None:
        self._door = door
        self.position = np.array(antenna.at_m, dtype=np.float64)
        yaw, tilt = math.radians(antenna.yaw_deg), math.radians(antenna.tilt_deg)
        self._looks = np.array(
            [math.cos(yaw) * math.cos(tilt), math.sin(yaw) * math.cos(tilt), -math.sin(tilt)], dtype=np.float64
        )
        directions = chance.normal(size=(WAVES, 3))
        self._waves = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        self._wave_phases = chance.uniform(0, 2 * math.pi, WAVES)

    def response(self, at: Floats, axes: Floats, mhz: float, direct_loss_db: Floats) -> Complexes:
        """One-way response of tags whose dipoles lie along `axes` (n, 3): |h|**2 is received over sent power.

        `direct_loss_db` (n,) is what bodies in the way take from the direct ray.
        """
        wave_m = LIGHT_M_PER_US / mhz
        total: Complexes = self._ray(self.position, self._looks, at, axes, wave_m) * 10 ** (-direct_loss_db / 20)
        mirrors = (
            (2, 0.0, self._door.floor_reflection),
            (1, self._door.walls_y_m[0], self._door.wall_reflection),
            (1, self._door.walls_y_m[1], self._door.wall_reflection),
        )
        for axis, plane, reflection in mirrors:
            source, looks = self.position.copy(), self._looks.copy()
            source[axis] = 2 * plane - source[axis]
            looks[axis] = -looks[axis]
            total += reflection * self._ray(source, looks, at, axes, wave_m)
        total += self._scattered(at, wave_m)
        return total

    def _ray(self, source: Floats, looks: Floats, at: Floats, axes: Floats, wave_m: float) -> Complexes:
        way = at - source
        distance = np.maximum(np.linalg.norm(way, axis=1), 0.15)
        unit = way / distance[:, None]
        off_deg = np.degrees(np.arccos(np.clip(unit @ looks, -1, 1)))
        gain_db = ANTENNA_DBIC - np.minimum(12 * (off_deg / BEAM_DEG) ** 2, self._door.back_lobe_db)
        across = 1.0 - np.einsum("ij,ij->i", unit, axes) ** 2  # a dipole hears nothing from its ends
        amplitude = 10 ** (gain_db / 20) * np.sqrt(np.maximum(across, 0.1)) * wave_m / (4 * math.pi * distance)
        ray: Complexes = amplitude * np.exp(-2j * math.pi / wave_m * distance)
        return ray

    def _scattered(self, at: Floats, wave_m: float) -> Complexes:
        distance = np.maximum(np.linalg.norm(at - self.position, axis=1), 0.5)
        phases = 2 * math.pi / wave_m * (at @ self._waves.T) + self._wave_phases
        field: Complexes = np.exp(1j * phases).sum(axis=1) / math.sqrt(WAVES)
        whole: Complexes = field * (10 ** (self._door.diffuse_db / 20) * wave_m / (4 * math.pi * distance))
        return whole


def tag_power_dbm(reader: Reader, h_db: Floats, item_db: Floats) -> Floats:
    """What arrives at the chip; `h_db` is 20 log10 of the one-way response."""
    return reader.power_dbm - reader.cable_db + h_db - POLARISATION_DB - item_db


def heard_dbm(reader: Reader, h_db: Floats, item_db: Floats) -> Floats:
    """What the reader hears: the way back loses what the way there lost."""
    return reader.power_dbm - 2 * reader.cable_db + 2 * h_db - 2 * (POLARISATION_DB + item_db) - MODULATION_DB


def body_losses_db(antenna: Floats, at: Floats, bodies: Floats, losses_db: Floats) -> Floats:
    """What people standing in the way take from the direct ray to each tag (n,); `bodies` (m, 2) are x and y."""
    total = np.zeros(len(at))
    way = at[:, :2] - antenna[:2]
    length = np.maximum(np.einsum("ij,ij->i", way, way), 1e-6)
    for body, loss_db in zip(bodies, losses_db, strict=True):
        along = np.clip(((body - antenna[:2]) @ way.T) / length, 0.02, 0.98)
        nearest = antenna[:2] + along[:, None] * way
        total += np.where(np.linalg.norm(nearest - body, axis=1) < BODY_RADIUS_M, loss_db, 0.0)
    return np.minimum(total, 20.0)
