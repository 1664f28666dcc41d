"""Stations, and what their desk asks of the configuration."""

from __future__ import annotations

from collections.abc import Callable

from agent.capture.sgtin import sgtin
from agent.config import Config, rules_of
from agent.operations.values import Station


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
