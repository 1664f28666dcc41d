"""Who looks after the ledger: a thread of its own that takes snapshots when they are due, checks and prunes the ledger.

What a snapshot holds is checked whole, so each one is a check of the ledger too. A start with a fresh snapshot checks
the ledger itself, once: an unclean end may have damaged it since. The agent is open meanwhile.
"""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol

from agent.clock import Clock
from agent.errors import LedgerCorrupt, LedgerError
from agent.ledger import marks
from agent.ledger.checking import check_whole
from agent.ledger.pruning import Pruner
from agent.ledger.reader import Reader
from agent.ledger.snapshots import snapshots, take
from agent.memory import give_back
from contract.times import Stamper

LOOK_S = 60.0  # between two looks whether something is due
AGAIN_S = 3600.0  # after one that failed
PAUSE_S = 0.02  # behind each step of a check: a third of one core at most


class Say(Protocol):
    def __call__(self, subject: str, text: str, *, hint: str = "", level: int = 5) -> None: ...


class Keeper:
    """`into` is the folder of snapshots; `every_s` and `keep` are as the configuration says.

    The `pruner` has its turn once the ledger was found whole: of a damaged one nothing is deleted.
    """

    def __init__(
        self,
        folder: Path,
        into: Path,
        *,
        every_s: float,
        keep: int,
        clock: Clock,
        say: Say,
        pruner: Pruner | None = None,
    ) -> None:
        self._folder, self._into = folder, into
        self._every_s, self._keep = every_s, keep
        self._pruner = pruner
        self._clock, self._say = clock, say
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-keeper", daemon=True)
        self._checked = False
        self._failed_ns: int | None = None
        self.damage = marks.told(folder, marks.DAMAGED)
        self._log = ""  # that is written; where it cannot be read, any
        with suppress(LedgerError), closing(Reader(folder)) as reader:
            self._log = reader.log

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """A check ends at its next pause, a copy with its end."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def told(self, stamper: Stamper) -> dict[str, Any]:
        """Members of the `health` message."""
        newest_us = self._newest_us()
        found = {} if newest_us is None else {"last_backup": stamper.text(newest_us)}
        found |= {} if self._pruner is None else self._pruner.told()
        damage = self.damage or marks.told(self._folder, marks.BEHIND)
        return {**found, "ledger_damage": damage} if damage else found

    def look(self) -> None:
        """A snapshot if one is due, else a check if there was none yet; then what may go. Raises nothing that a disk
        can do."""
        self._check()
        if self._pruner is not None and self._checked and not self.damage:
            self._prune(self._pruner)

    def _prune(self, pruner: Pruner) -> None:
        try:
            pruner.look(self._pause)
        except LedgerError as error:
            self._say("retention", str(error), hint=error.hint, level=4)
        except _Ended:
            return

    def _check(self) -> None:
        try:
            if self._due():
                self._failed_ns = self._clock.now().monotonic_ns  # until it is whole
                found = take(self._folder, self._into, keep=self._keep, pause=self._pause)
                self._failed_ns = None
            elif not self._checked:
                found = check_whole(self._folder, self._pause)
            else:
                return
        except LedgerCorrupt as error:
            self._damaged(error)
            self._checked = True
        except (LedgerError, OSError) as error:
            self._say("snapshot", str(error), hint=getattr(error, "hint", ""), level=4)
        except _Ended:
            return
        else:
            self._mark("")
            self._checked = True
            self._say("snapshot", f"the ledger is whole up to event {found.seq}", level=6)

    def _damaged(self, error: LedgerCorrupt) -> None:
        """Whether it is the ledger or only its copy, the ledger itself says."""
        try:
            check_whole(self._folder, self._pause)
        except LedgerCorrupt as found:
            self._mark(str(found))
            self._say("ledger", f"DAMAGED: {found}", hint=found.hint, level=2)
        except (LedgerError, OSError):
            self._say("snapshot", str(error), hint=error.hint, level=3)
        else:
            self._mark("")
            hint = f"is the disk of {self._into} failing?"
            self._say("snapshot", f"the ledger is whole, and its copy is not: {error}", hint=hint, level=3)

    def _mark(self, damage: str) -> None:
        """What is found wrong is there at the next start too, which makes it whole where nothing can be lost."""
        self.damage = damage
        if damage:
            marks.put(self._folder, marks.DAMAGED, {"what": damage})
        else:
            marks.forget(self._folder, marks.DAMAGED)

    def _due(self) -> bool:
        now = self._clock.now()
        if self._failed_ns is not None and now.monotonic_ns - self._failed_ns < AGAIN_S * 1e9:
            return False
        newest_us = self._newest_us()
        # One of tomorrow was made before the clock went back: nobody knows how old it is.
        return newest_us is None or not 0 <= now.wall_us - newest_us < self._every_s * 1e6

    def _newest_us(self) -> int | None:
        ours = [one for one in snapshots(self._into) if one.name.startswith(f"ledger-{self._log}")]
        times_us = [one.stat().st_mtime_ns // 1000 for one in ours]
        return max(times_us, default=None)

    def _pause(self) -> None:
        if self._ended.wait(PAUSE_S):
            raise _Ended

    def _run(self) -> None:
        while not self._ended.is_set():
            self.look()
            give_back()
            self._ended.wait(LOOK_S)


class _Ended(Exception):
    pass
