"""Stations, devices and antennas as the configuration has them, and what their desk asks of it."""

from __future__ import annotations

from collections.abc import Callable

from agent.capture.sgtin import sgtin
from agent.capture.supervisor import Device
from agent.clock import Clock
from agent.config import Config, rules_of
from agent.operations.values import Station
from drivers import registry


def stations_of(config: Config) -> dict[str, Station]:
    zones, rules = frozenset(config.store.zones), rules_of(config)
    return {
        one.name: Station(one.name, one.mode, one.zone, one.language or config.store.language, zones, rules)
        for one in config.station
    }


def epc_of(config: Config) -> Callable[[str, str], str | None]:
    """From GTIN and serial number to the EPC that the store's own tags carry."""
    settings = config.tags
    return lambda gtin, serial: sgtin(gtin, serial, settings.prefix_digits(gtin), settings.filter_value)


def devices_of(config: Config, clock: Clock) -> list[Device]:
    found: list[Device] = []
    for one in config.device:
        path = registry.watched(one.settings)
        make = registry.factory(one.name, one.settings, clock.now)
        found.append(Device(one.name, make, path, network=path is None))
    return found


def zones_of(config: Config) -> dict[tuple[str, int], str]:
    """The zone that each antenna of a reader without a door looks at."""
    return {(one.device, int(number)): zone for one in config.zone_reader for number, zone in one.antennas.items()}
