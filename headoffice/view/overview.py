"""All stores together: the figures of the first page."""

from __future__ import annotations

from pydantic import Field

from headoffice.database import Database
from headoffice.view.figures import Figures
from headoffice.view.paging import Told
from headoffice.view.stores import HEARD_US, KNOWN, ONLINE, SILENT_US


class Overview(Told):
    """Sums of what each store's figures say; `summed` of `stores` are in them."""

    at_us: int
    stores: int
    online: int
    offline: int
    oldest_heard_us: int | None = Field(
        description="of the stores that are offline: how long ago the first fell silent"
    )
    behind_events: int = Field(description="that stores have told of and head office has not taken in")
    newest_us: int | None = Field(description="when the newest event was stored")
    summed: int
    summed_oldest_us: int | None = Field(description="the oldest of these figures is as of then")
    skus: int = Field(description="in the item master")
    units: int = Field(description="pieces, and kilograms of goods by weight")
    sellable: int
    reserved: int
    value_minor: int
    currency: str | None
    negative_rows: int
    events_today: int
    sales_today: int
    returns_today: int
    accuracy_permille: int | None = Field(description="mean of the stores that counted")
    exceptions_open: int
    alerts_open: int
    alerts_critical: int
    refused: int = Field(description="messages in quarantine")


def overview(database: Database, now_us: int, figures: Figures) -> Overview:
    since_us = now_us - SILENT_US
    stores, online, oldest_us, behind, newest_us = database.rows(
        f"SELECT COUNT(*), CAST(COALESCE(SUM(online), 0) AS INTEGER), MIN(CASE WHEN online = 0 THEN heard_us END), "
        "CAST(COALESCE(SUM(CASE WHEN same = 1 AND head > seq THEN head - seq ELSE 0 END), 0) AS INTEGER), MAX(at_us) "
        f"FROM (SELECT {ONLINE} AS online, {HEARD_US} AS heard_us, st.head, p.seq, p.at_us, "
        "CASE WHEN st.log = p.log THEN 1 ELSE 0 END AS same "
        f"FROM {KNOWN}) AS s",
        (since_us,),
    )[0]
    alerts: dict[str, int] = dict(
        database.rows("SELECT severity, COUNT(*) FROM alert WHERE state <> 'closed' GROUP BY severity")
    )
    held = figures.all()
    counted = [one.accuracy_permille for one in held if one.accuracy_permille is not None]
    return Overview(
        at_us=now_us, stores=stores, online=online, offline=stores - online, oldest_heard_us=oldest_us,
        behind_events=behind, newest_us=newest_us, summed=len(held),
        summed_oldest_us=min((one.as_of_us for one in held), default=None),
        skus=_count(database, "item WHERE deleted = 0"), units=sum(one.units for one in held),
        sellable=sum(one.sellable for one in held), reserved=sum(one.reserved for one in held),
        value_minor=sum(one.value_minor for one in held), currency=figures.currency,
        negative_rows=sum(one.negative_rows for one in held), events_today=sum(one.events_today for one in held),
        sales_today=sum(one.sales_today for one in held), returns_today=sum(one.returns_today for one in held),
        accuracy_permille=sum(counted) // len(counted) if counted else None,
        exceptions_open=_count(database, "exception WHERE resolution IS NULL"), alerts_open=sum(alerts.values()),
        alerts_critical=alerts.get("critical", 0), refused=_count(database, "quarantine"),
    )  # fmt: skip


def _count(database: Database, table: str) -> int:
    found: int = database.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
    return found
