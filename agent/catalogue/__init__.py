"""What the store sells: SKUs and their codes, indexed in SQLite, from head office or from a file."""

from __future__ import annotations

from agent.catalogue.errors import CatalogueCorrupt, CatalogueError, CatalogueFileError, CatalogueUnavailable
from agent.catalogue.importer import Progress, import_file
from agent.catalogue.report import Reason, Refusal, Report
from agent.catalogue.store import Catalogue, Hit, set_aside
from contract.catalog import Gtin, GtinError, Item, ItemRefused, Name, Price, Thresholds, gtin14, parse_item

__all__ = [
    "Catalogue",
    "CatalogueCorrupt",
    "CatalogueError",
    "CatalogueFileError",
    "CatalogueUnavailable",
    "Gtin",
    "GtinError",
    "Hit",
    "Item",
    "ItemRefused",
    "Name",
    "Price",
    "Progress",
    "Reason",
    "Refusal",
    "Report",
    "Thresholds",
    "gtin14",
    "import_file",
    "parse_item",
    "set_aside",
]
