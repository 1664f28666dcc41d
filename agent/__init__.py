"""The daemon of a store's PC: reads devices, keeps the log, syncs to head office."""

from __future__ import annotations

VERSION = "0.1.0"
