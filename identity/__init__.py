"""What a code means: barcodes, GS1 element strings, Digital Link, in-store codes, control codes and EPC tags.

Pure: bytes and texts in, values out. The parts that need a table load it at their first use.
"""

from __future__ import annotations

from identity.control import Control, ControlError
from identity.front import identify
from identity.in_store import DocumentTemplate, InStoreTemplate, Template, TemplateError
from identity.tags import identify_epc
from identity.values import Identity, Kind, Lookup

__all__ = [
    "Control",
    "ControlError",
    "DocumentTemplate",
    "Identity",
    "InStoreTemplate",
    "Kind",
    "Lookup",
    "Template",
    "TemplateError",
    "identify",
    "identify_epc",
]
