"""Certificates that end soon: a store's and its screens', as it says; the brokers', as stores see it; head office's."""

from __future__ import annotations

from contract.times import Stamper, parse_us
from headoffice.alerts.engine import Facts, Found
from headoffice.alerts.figures import StoreFigures
from headoffice.alerts.judging import judged
from headoffice.alerts.rules import DAY_US, Rules
from headoffice.authority import OFFICE
from headoffice.database import Database
from headoffice.enrolling import server_of

REASON_CHARACTERS_MAX = 300
NEVER_US = 250_000_000_000_000_000  # in the year 9892


class CertificateLooks:
    """One look over all stores after the other. Every store sees the broker's: that is one alert, of no one store."""

    def __init__(self, database: Database, stamper: Stamper) -> None:
        self._database = database
        self._stamper = stamper
        self._broker_us: int | None = None

    def of_store(self, one: StoreFigures, rules: Rules, now_us: int) -> list[Found]:
        """One that a store has no more is good."""
        broker_us = _us(one.certificates.get("broker"))
        if broker_us is not None and one.state == "online":
            self._broker_us = min(broker_us, self._broker_us or broker_us)
        found: list[Found] = []
        for what, why in (("store", one.not_renewed), ("screens", None)):
            ends_us = _us(one.certificates.get(what))
            found.append(self._found(one.store, what, NEVER_US if ends_us is None else ends_us, rules, now_us, why))
        return found

    def of_all(self, rules: Rules, now_us: int) -> list[Found]:
        """At the end of a look. Of head office's own the newest counts that was not taken back."""
        rows = self._database.rows(
            "SELECT name, MAX(ends_us) FROM certificate WHERE revoked_us IS NULL AND (name = ? OR name LIKE ?) "
            "GROUP BY name",
            (OFFICE, server_of(["%"])),
        )
        seen, self._broker_us = self._broker_us, None
        named = [*rows, *([("broker", seen)] if seen is not None else [])]
        return [self._found("", name, ends_us, rules, now_us) for name, ends_us in named]

    def _found(self, store: str, what: str, ends_us: int, rules: Rules, now_us: int, why: str | None = None) -> Found:
        days = (ends_us - now_us) // DAY_US
        facts: Facts = {"what": what, "ends": self._stamper.text(ends_us), "days": days}
        facts |= {"why": (why or "-")[:REASON_CHARACTERS_MAX]}
        return judged("certificate_ends", store, what, rules, days, facts, below=True)


def _us(at: str | None) -> int | None:
    try:
        return None if at is None else parse_us(at)
    except ValueError:
        return None
