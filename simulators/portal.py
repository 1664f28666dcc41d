"""The portal simulator: a scene and a seed become tag reads, and the truth beside them.

The reader goes round its antennas. In each dwell the tags that have power and are not silenced by their session answer
in rounds; a round of n tags lasts 12 ms + n / rate (M). In session S1 a tag that was read keeps quiet for 0.5-5 s,
median 1.4 s (M), wherever it is by then; in S0 it is read again in the next round.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import NamedTuple

import numpy as np

from simulators.clock import generator
from simulators.portal_paths import World, build
from simulators.portal_physics import (
    READER_FLOOR_DBM,
    TAG_THRESHOLD_DBM,
    Channel,
    Complexes,
    Floats,
    body_losses_db,
    heard_dbm,
    tag_power_dbm,
)
from simulators.portal_scene import Antenna, Scene

ROUND_S = 0.012
# Read again after 1.4 s: silence, then the wait for a turn.
QUIET_MEDIAN_S, QUIET_SPREAD, QUIET_S = 1.0, 0.5, (0.5, 5.0)
FLICKER_DB, FLICKER_S = 2.1, 1.25  # what moves elsewhere in the room changes a little
NOISE_DB, STEP_DB = 0.35, 0.5
FAR_M = 12.0
PHASE_NOISE_STRONG, PHASE_NOISE_60_DBM = 0.02, 0.066


Told = dict[str, str | float]


class TagObservation(NamedTuple):
    t_s: float
    epc: str
    antenna: int
    rssi_dbm: float
    phase_rad: float
    freq_mhz: float


@dataclass(frozen=True, slots=True)
class Recording:
    scene: Scene
    seed: int
    reads: list[TagObservation]
    truth: list[Told]


def record(scene: Scene, seed: int) -> Recording:
    """Play a scene. One seed gives one recording, byte for byte."""
    chance = generator(f"{scene.name} {seed}")
    world = build(scene, chance)
    return Recording(scene, seed, list(_Inventory(scene, world, chance).reads()), _truth(world))


def _truth(world: World) -> list[Told]:
    """One line a tag and crossing; one line with `none` for a tag that never crossed."""
    lines: list[Told] = []
    for group in world.moving:
        crossings = group.path.crossings()
        for epc in group.epcs:
            lines += [
                {"epc": epc, "from": one.origin, "to": one.target, "t_cross_s": round(one.t_s, 2), "group": group.name}
                for one in crossings
            ]
            if not crossings:
                lines.append({"epc": epc, "none": group.behaviour, "group": group.name})
    lines.extend({"epc": epc, "none": "static"} for epc in world.shelf_epcs)
    return lines


class _Inventory:
    def __init__(self, scene: Scene, world: World, chance: np.random.Generator) -> None:
        self._scene, self._world, self._chance = scene, world, chance
        self._channels = [Channel(antenna, scene.door, chance) for antenna in scene.antennas]
        self._epcs = world.epcs
        self._movers = len(self._epcs) - len(world.shelf_epcs)
        self._quiet_until_s = np.zeros(len(self._epcs))
        self._flicker_db = np.zeros((len(scene.antennas), len(self._epcs)))
        self._shelves: dict[tuple[int, float], Complexes] = {}

    def reads(self) -> Iterator[TagObservation]:
        t_s, number = 0.0, 0
        reader = self._scene.reader
        while t_s < self._scene.quiet_s + self._scene.seconds:
            which = number % len(self._scene.antennas)
            antenna = self._scene.antennas[which]
            mhz = float(self._chance.choice(np.array(reader.channels_mhz)))
            # An antenna without tags is left sooner; the reader stays two rounds to be sure.
            if antenna.failed_after_s is not None and t_s >= antenna.failed_after_s:
                t_s += 2 * ROUND_S
            else:
                response = self._responses(which, mhz, t_s)
                yield from self._dwell(antenna, which, response, mhz, t_s)
                t_s += reader.dwell_s * float(self._chance.uniform(0.8, 1.2))
            number += 1

    def _responses(self, which: int, mhz: float, t_s: float) -> Complexes:
        """All tags' responses at this moment; zero for those out of sight."""
        channel, world = self._channels[which], self._world
        bodies, losses = self._bodies(t_s)
        response = np.zeros(len(self._epcs), dtype=np.complex128)
        first = 0
        for group in world.moving:
            last = first + len(group.epcs)
            x, y = group.path.at(t_s)
            if group.path.t_s[0] - 1 <= t_s <= group.path.t_s[-1] + 60 and math.hypot(x, y) < FAR_M:
                at = group.offsets_m + np.array([x, y, 0.0])
                loss = body_losses_db(channel.position, at, bodies, losses)
                response[first:last] = channel.response(at, world.axes[first:last], mhz, loss)
            first = last
        if len(world.shelf_at):
            response[self._movers :] = self._shelf(which, mhz, bodies, losses)
        return response

    def _shelf(self, which: int, mhz: float, bodies: Floats, losses: Floats) -> Complexes:
        """Shelves do not move: their field is computed once, what stands in the way each time."""
        channel, world = self._channels[which], self._world
        known = self._shelves.get((which, mhz))
        if known is None:
            known = channel.response(
                world.shelf_at, world.axes[self._movers :], mhz, np.zeros(len(world.shelf_at), dtype=np.float64)
            )
            self._shelves[which, mhz] = known
        if not len(bodies):
            return known
        loss = body_losses_db(channel.position, world.shelf_at, bodies, losses)
        return known * 10 ** (-loss / 20)

    def _bodies(self, t_s: float) -> tuple[Floats, Floats]:
        """People near the door: places (m, 2) and what each takes, dB."""
        places, losses = [np.zeros((0, 2))], [np.zeros(0)]
        for group in self._world.moving:
            if group.path.t_s[0] <= t_s <= group.path.t_s[-1] and len(group.people_m):
                places.append(group.people_m + np.array(group.path.at(t_s)))
                losses.append(group.body_db)
        return np.concatenate(places), np.concatenate(losses)

    def _dwell(
        self, antenna: Antenna, which: int, response: Complexes, mhz: float, t_s: float
    ) -> Iterator[TagObservation]:
        reader, chance = self._scene.reader, self._chance
        decay = math.exp(-reader.dwell_s * len(self._channels) / FLICKER_S)
        fresh = chance.normal(0, FLICKER_DB * math.sqrt(1 - decay * decay), len(self._epcs))
        self._flicker_db[which] = self._flicker_db[which] * decay + fresh
        h_db = 20 * np.log10(np.maximum(np.abs(response), 1e-9)) + self._flicker_db[which]
        powered = tag_power_dbm(reader, h_db, self._world.item_db) > TAG_THRESHOLD_DBM
        heard = heard_dbm(reader, h_db, self._world.item_db)
        able = np.nonzero(powered & (heard > READER_FLOOR_DBM))[0]
        end_s = t_s + reader.dwell_s
        while t_s < end_s:
            answering = able[self._quiet_until_s[able] <= t_s]
            t_s += ROUND_S
            for tag in chance.permutation(answering):
                t_s += float(chance.exponential(1 / reader.rate_per_s))
                if t_s >= end_s:
                    return
                if reader.session == "S1":
                    quiet = QUIET_MEDIAN_S * math.exp(QUIET_SPREAD * float(chance.normal()))
                    self._quiet_until_s[tag] = t_s + min(max(quiet, QUIET_S[0]), QUIET_S[1])
                yield self._observed(t_s, int(tag), antenna.port, float(heard[tag]), response, mhz)

    def _observed(
        self, t_s: float, tag: int, port: int, heard_dbm_: float, response: Complexes, mhz: float
    ) -> TagObservation:
        noise = PHASE_NOISE_STRONG + (PHASE_NOISE_60_DBM - PHASE_NOISE_STRONG) * 10 ** ((heard_dbm_ + 60) / -20)
        phase = (2 * float(np.angle(response[tag])) + float(self._chance.normal(0, min(noise, 1.0)))) % (2 * math.pi)
        rssi = round((heard_dbm_ + float(self._chance.normal(0, NOISE_DB))) / STEP_DB) * STEP_DB
        return TagObservation(round(t_s, 4), self._epcs[tag], port, rssi, round(phase, 4), mhz)


def write(recording: Recording, folder: FilePath) -> None:
    """reads.csv, truth.jsonl and portal.toml into an existing folder. Raises OSError."""
    with (folder / "reads.csv").open("w", encoding="utf-8") as output:
        output.write("t,epc,antenna,rssi_dbm,phase_rad,freq_mhz\n")
        output.writelines(
            f"{one.t_s:.4f},{one.epc},{one.antenna},{one.rssi_dbm},{one.phase_rad},{one.freq_mhz}\n"
            for one in recording.reads
        )
    with (folder / "truth.jsonl").open("w", encoding="utf-8") as output:
        output.writelines(json.dumps(line) + "\n" for line in recording.truth)
    antennas = "".join(f'{antenna.port} = "{antenna.zone}"\n' for antenna in recording.scene.antennas)
    (folder / "portal.toml").write_text(
        f'[portal]\nname = "{recording.scene.name}"\nzones = ["A", "B"]\n[portal.antennas]\n{antennas}',
        encoding="utf-8",
    )
