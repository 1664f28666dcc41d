"""One line for each thing that begins or ends: fields for journald where it listens, else readable text."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

from agent.capture.supervisor import Outage
from agent.clock import Clock
from agent.logs import Journal, is_journal
from contract.times import Stamper
from drivers.reads import Notice

SUBJECTS_MAX = 1000
_STDERR = 2


class Announcer:
    """Says a line once until something else is said of the same subject: an outage is no flood."""

    def __init__(self, clock: Clock, stamper: Stamper, journal: Journal | None = None) -> None:
        self._clock = clock
        self._stamper = stamper
        self._journal = journal or (Journal() if is_journal(os.environ.get("JOURNAL_STREAM"), _STDERR) else None)
        self._last: dict[str, str] = {}
        self._lock = threading.Lock()

    def say(self, subject: str, text: str, *, hint: str = "", level: int = 5) -> None:
        """`level` is syslog's: 3 error, 4 warning, 5 notice, 6 information."""
        subject, text, hint = map(_plain, (subject, text, hint))
        line = f"{subject}: {text}" + (f" ({hint})" if hint else "")
        with self._lock:
            if self._last.get(subject) == line:
                return
            if len(self._last) >= SUBJECTS_MAX:
                self._last.clear()
            self._last[subject] = line
            if self._journal is not None and self._journal.send(_fields(subject, text, hint, level)):
                return
            head = f"<{level}>" if self._journal else f"{self._stamper.text(self._clock.now().wall_us)[11:23]} "
            with suppress(OSError):  # nobody reads any more: no reason to close the store
                sys.stderr.write(f"{head}{line}\n".replace("\n", "\n  ", line.count("\n")))  # no line of ours
                sys.stderr.flush()

    def outage(self, outage: Outage) -> None:
        """A device's, once when it begins and once when it ends."""
        if outage.began:
            self.say(outage.device, outage.message, hint=outage.hint, level=4)
        else:
            self.say(outage.device, f"up again after {outage.down_for_s or 0:.1f} s")

    def notice(self, notice: Notice) -> None:
        subject = f"{notice.device} {notice.code} {notice.subject}".rstrip()
        if notice.active:
            self.say(subject, notice.message, hint=notice.hint, level=4)
        else:
            self.say(subject, notice.message or "over")


def _plain(text: str) -> str:
    """What a device or a peer said moves no terminal's cursor."""
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in text)


def _fields(subject: str, text: str, hint: str, level: int) -> dict[str, str]:
    return {
        "MESSAGE": f"{subject}: {text}" + (f" ({hint})" if hint else ""),
        "PRIORITY": str(level),
        "SYSLOG_IDENTIFIER": "jaego",
        "JAEGO_SUBJECT": subject,
        "JAEGO_TEXT": text,
        "JAEGO_HINT": hint,
    }
