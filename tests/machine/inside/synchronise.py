"""Tells the kernel that its clock is synchronised, as a time service does (adjtimex(2), struct timex)."""

from __future__ import annotations

import ctypes
import struct

ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS = 0x0004, 0x0008, 0x0010
buffer = ctypes.create_string_buffer(208)
# modes and padding; offset, freq, maxerror, esterror; status 0: not STA_UNSYNC
struct.pack_into("=IIqqqqi", buffer, 0, ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS, 0, 0, 0, 0, 0, 0)
if ctypes.CDLL(None, use_errno=True).adjtimex(buffer) != 0:  # TIME_OK
    raise SystemExit("the kernel does not believe it")
