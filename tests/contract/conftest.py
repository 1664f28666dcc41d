"""How many EPCIS events were held against the official schema is said at the end."""

from __future__ import annotations

from tests import totals
from tests.contract import epcis_scores

totals.COUNTED["EPCIS 2.0"] = lambda: epcis_scores.lines() if epcis_scores.EVENTS or epcis_scores.INVALID else []
