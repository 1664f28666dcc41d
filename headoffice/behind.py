"""One call at a time behind the caller's back: a round is stored while the next one is taken in.

The database's time is waiting, for the worker; the thread that waits holds no interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait


class Behind:
    """For one thread; what it starts runs in another, which is made with the first call."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="storing")
        self._running: Future[None] | None = None

    @property
    def busy(self) -> bool:
        """Something was started, and `finish` is due."""
        return self._running is not None

    def start(self, call: Callable[[], None]) -> None:
        """`finish` the one before first."""
        self._running = self._executor.submit(call)

    def wait(self) -> None:
        """Until nothing runs. A failure is kept for `finish`."""
        if self._running is not None:
            wait([self._running])

    def finish(self) -> None:
        """Until nothing runs; raises what the call raised, once."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def close(self) -> None:
        self._executor.shutdown()
