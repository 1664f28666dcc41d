"""What screens and API ask of ledger and catalogue, put together from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from agent.capture.office import Office
from agent.capture.tills import TillDesk
from agent.catalogue import Catalogue
from agent.clock import Clock
from agent.config import Config, rules_of
from agent.ledger.moment import Moments
from agent.selling import orders_of
from agent.uplink.link import Link
from agent.uplink.traffic import StoreTraffic
from agent.web.back import Back


def back_of(
    config: Config,
    moments: Moments,
    office: Office,
    catalogue: Catalogue,
    tills: TillDesk,
    clock: Clock,
    uplink: tuple[Link | None, StoreTraffic | None],
) -> Back:
    link, traffic = uplink

    def ask_about(code: Mapping[str, Any], sku: str) -> None:
        if link is not None and traffic is not None:
            link.post(partial(traffic.ask_about, code, sku))

    return Back(
        look=moments.look,
        do=office.do,
        sell=tills.sell,
        after=moments.after,
        before=moments.before,
        now_us=lambda: clock.now().wall_us,
        by_code=catalogue.by_code,
        search=catalogue.search,
        settings=config.model_dump(mode="json"),
        rules=rules_of(config),
        orders=orders_of(config),
        ask_about=ask_about,
    )
