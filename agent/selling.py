"""Tills, their drop folder and online orders, as the configuration has them."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from agent.capture.office import Office
from agent.capture.sales_files import SalesFiles
from agent.capture.tills import TillDesk
from agent.catalogue import Catalogue
from agent.clock import Clock
from agent.config import Config, rules_of
from agent.operations.reservations import Orders
from agent.operations.sales import Tills
from agent.stationing import epc_of
from identity import Identity


def orders_of(config: Config) -> Orders:
    return Orders(config.orders.pickup_zone, config.orders.safety_buffer)


def till_desk(config: Config, catalogue: Catalogue, office: Office) -> TillDesk:
    damaged = frozenset(one.code for one in rules_of(config).reasons if one.kind == "damage")
    epc = epc_of(config)

    def identified(identity: Identity) -> str | None:
        return epc(identity.gtin, identity.serial) if identity.gtin and identity.serial else None

    return TillDesk(
        items=catalogue,
        office=office,
        tills=Tills(config.sales.tills, config.sales.zone, damaged),
        templates=[one.template() for one in config.in_store],
        epc_of=identified,
    )


def sales_files(
    config: Config,
    tills: TillDesk,
    office: Office,
    clock: Clock,
    say: Callable[[str, str], None],
    on_failure: Callable[[BaseException], None],
) -> SalesFiles | None:
    """None without a folder."""
    settings = config.sales
    if settings.folder is None:
        return None
    return SalesFiles(
        settings.folder,
        sells=tills,
        office=office,
        clock=clock,
        zone=ZoneInfo(config.store.time_zone),
        settle_s=settings.settle_s,
        keep_days=settings.keep_days,
        say=say,
        on_failure=on_failure,
    )
