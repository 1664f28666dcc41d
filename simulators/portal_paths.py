"""Where the goods of a scene are at each moment, and what truly happened at the door.

A group's path is a list of corners in time; its tags keep their places in its box, its people walk behind and beside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulators.portal_physics import ITEM_DB, Floats
from simulators.portal_scene import Group, Range, Scene, Shelf

EPC_PREFIX = "3034257BF7194E4000"  # an SGTIN-96; six digits of serial follow
STEP_S = 0.01


@dataclass(frozen=True, slots=True)
class Crossing:
    """The group's middle went through the door's plane."""

    t_s: float
    origin: str
    target: str


@dataclass(frozen=True, slots=True)
class Path:
    """Corners `t_s` (c,), `x_m`, `y_m`; straight between them, at rest before and after."""

    t_s: Floats
    x_m: Floats
    y_m: Floats

    def at(self, t_s: float) -> tuple[float, float]:
        return float(np.interp(t_s, self.t_s, self.x_m)), float(np.interp(t_s, self.t_s, self.y_m))

    def crossings(self) -> list[Crossing]:
        """Changes of side. Standing on the line is none."""
        times = np.arange(self.t_s[0], self.t_s[-1] + STEP_S, STEP_S)
        side = np.sign(np.interp(times, self.t_s, self.x_m))
        known = side != 0
        times, side = times[known], side[known]
        changes = np.nonzero(np.diff(side))[0]
        return [
            Crossing(float(times[i]), "A" if side[i] < 0 else "B", "A" if side[i + 1] < 0 else "B") for i in changes
        ]


@dataclass(frozen=True, slots=True)
class Moving:
    """One group under way. `offsets_m` (n, 3) from its middle, `people_m` (m, 2) likewise."""

    name: str
    behaviour: str
    path: Path
    epcs: list[str]
    offsets_m: Floats
    people_m: Floats
    body_db: Floats


@dataclass(frozen=True, slots=True)
class World:
    """All tags: of `moving` first, group by group, then of the shelves, which stand at `shelf_at` (s, 3)."""

    moving: list[Moving]
    shelf_epcs: list[str]
    shelf_at: Floats
    item_db: Floats
    axes: Floats

    @property
    def epcs(self) -> list[str]:
        return [epc for group in self.moving for epc in group.epcs] + self.shelf_epcs


def build(scene: Scene, chance: np.random.Generator) -> World:
    moving: list[Moving] = []
    items: list[Floats] = []
    serial = 0
    for plan in scene.groups:
        start_s = scene.quiet_s + _draw(chance, plan.start_s)
        for _ in range(plan.repeats):
            if start_s >= scene.quiet_s + scene.seconds:
                break
            group = _group(plan, f"g{len(moving) + 1}", serial, start_s, chance)
            serial += plan.tags
            moving.append(group)
            items.append(_item_db(plan, chance))
            start_s += _draw(chance, plan.every_s)
    shelf_at = [_shelf_places(shelf, chance) for shelf in scene.shelves]
    items += [chance.normal(*ITEM_DB[shelf.item], shelf.tags) for shelf in scene.shelves]
    shelf_tags = sum(shelf.tags for shelf in scene.shelves)
    return World(
        moving,
        [epc_of(serial + number) for number in range(shelf_tags)],
        np.concatenate(shelf_at) if shelf_at else np.zeros((0, 3)),
        np.maximum(np.concatenate(items), 0.0) if items else np.zeros(0),
        _axes(serial + shelf_tags, chance),
    )


def epc_of(serial: int) -> str:
    return f"{EPC_PREFIX}{serial:06X}"


def _draw(chance: np.random.Generator, between: Range) -> float:
    return float(chance.uniform(*between))


def _item_db(plan: Group, chance: np.random.Generator) -> Floats:
    losses = chance.normal(*ITEM_DB[plan.item], plan.tags)
    wet = chance.random(plan.tags) < plan.liquid_share
    return np.where(wet, losses + chance.uniform(6, 14, plan.tags), losses)


def _axes(tags: int, chance: np.random.Generator) -> Floats:
    axes = chance.normal(size=(tags, 3))
    unit: Floats = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    return unit


def _shelf_places(shelf: Shelf, chance: np.random.Generator) -> Floats:
    return np.column_stack([chance.uniform(*span, shelf.tags) for span in (shelf.x_m, shelf.y_m, shelf.z_m)])


def _group(plan: Group, name: str, serial: int, start_s: float, chance: np.random.Generator) -> Moving:
    box = np.array(plan.box_m)
    offsets = chance.uniform(-0.5, 0.5, (plan.tags, 3)) * box
    offsets[:, 2] += box[2] / 2 + plan.floor_m
    side = {"A>B": -1.0, "B>A": 1.0}.get(plan.direction, float(chance.choice([-1.0, 1.0])))
    people = chance.uniform(-0.4, 0.4, (plan.persons, 2))
    # The first pushes from behind, others walk beside.
    for number in range(plan.persons):
        people[number] += (side * (box[0] / 2 + 0.4), 0.0) if number == 0 else (0.0, (-1) ** number * (box[1] + 0.3))
    return Moving(
        name,
        plan.behaviour,
        _path(plan, side, start_s, chance),
        [epc_of(serial + number) for number in range(plan.tags)],
        offsets,
        people,
        chance.uniform(4, 12, plan.persons),
    )


def _path(plan: Group, side: float, start_s: float, chance: np.random.Generator) -> Path:
    """Corners of one behaviour, begun at `side * reach_m`."""
    reach, lane, turn = side * plan.reach_m, _draw(chance, plan.lane_y_m), side * _draw(chance, plan.turn_m)
    speed, stay = _draw(chance, plan.speed_mps), _draw(chance, plan.stay_s)
    if plan.behaviour == "drive_by":
        return _walk([(turn, -8.0 * side, 0.0), (turn, 8.0 * side, 0.0)], speed, start_s)
    if plan.behaviour == "pass":
        return _walk([(reach, lane, 0.0), (-reach, lane, 0.0)], speed, start_s)
    if plan.behaviour == "in_out":
        inside = -side * abs(_draw(chance, (2.0, 4.0)))
        return _walk([(reach, lane, 0.0), (inside, lane, stay), (reach, lane, 0.0)], speed, start_s)
    if plan.behaviour == "shuttle":
        return _walk([(reach * (-1) ** number, lane, stay) for number in range(21)], speed, start_s)
    corners = [(reach, lane, 0.0), (turn, lane, stay if plan.behaviour == "u_turn" else 0.0)]
    if plan.behaviour == "loiter":
        for _ in range(max(2, int(stay / 2))):
            x = side * max(abs(turn) + float(chance.normal(0, 0.3)), plan.turn_m[0])
            corners.append((x, lane + float(chance.normal(0, 0.4)), float(chance.uniform(0.5, 2.5))))
    return _walk([*corners, (reach, lane, 0.0)], speed, start_s)


def _walk(corners: list[tuple[float, float, float]], speed_mps: float, start_s: float) -> Path:
    """(x, y, seconds of rest there), at one speed between them."""
    times, xs, ys = [start_s], [corners[0][0]], [corners[0][1]]
    t_s = start_s + corners[0][2]
    times.append(t_s)
    xs.append(xs[0])
    ys.append(ys[0])
    for x, y, rest_s in corners[1:]:
        t_s += max(math.hypot(x - xs[-1], y - ys[-1]) / speed_mps, 1e-3)
        for at_s in (t_s, t_s + rest_s):
            times.append(at_s)
            xs.append(x)
            ys.append(y)
        t_s += rest_s
    return Path(np.array(times), np.array(xs), np.array(ys))
