"""Memory goes back to the system: a store's PC has little, and the agent runs for years."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """What is free on the heap. glibc gives back only what lies at its end; other libraries have no such call.

    A start and each look over the ledger leave some: 0.4 MB with a young log, in milliseconds.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
