"""Errors of the agent. Each carries a hint: what a person can do.

AgentError
+-- ConfigError         exit 78 (EX_CONFIG), systemd does not restart
+-- LedgerError
|   +-- LedgerFull      no room to write; scanning stops visibly
|   +-- LedgerBusy      more waits than the queue may hold
|   +-- LedgerCorrupt   the file is not what we wrote
|   +-- LedgerUnusable  cannot be opened: missing folder, permission, read-only, held by another process
+-- UplinkUnreachable   no connection to the broker
+-- UplinkRefused       the broker answers, and says no
"""

from __future__ import annotations

EXIT_CONFIG = 78
EXIT_LEDGER = 74  # EX_IOERR


class AgentError(Exception):
    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(AgentError):
    """`mistakes` are lines for people, each with file, key, what was found and what is expected."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes), hint="config/agent.example.toml documents every setting")
        self.mistakes = mistakes


class LedgerError(AgentError):
    pass


class LedgerFull(LedgerError):
    pass


class LedgerBusy(LedgerError):
    pass


class LedgerCorrupt(LedgerError):
    pass


class LedgerUnusable(LedgerError):
    pass


class UplinkUnreachable(AgentError):
    pass


class UplinkRefused(AgentError):
    pass
