"""Stops one thread of a process, the others live on: stop_thread.py TID. Until it is killed, or the process ends.

By ptrace(2), which stops what it is told to; a signal stops the whole process.
"""

from __future__ import annotations

import ctypes
import os
import sys

SEIZE, INTERRUPT, ALL = 0x4206, 0x4207, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def main() -> None:
    thread = int(sys.argv[1])
    for request in (SEIZE, INTERRUPT):
        if libc.ptrace(request, thread, None, None):
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {thread}")
    while os.WIFSTOPPED(os.waitpid(thread, ALL)[1]):
        sys.stdout.write("stopped\n")  # and whatever else it stops for: it stays so


main()
