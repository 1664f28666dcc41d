"""Errors of the agent. Each carries a hint: what a person can do.

AgentError
+-- ConfigError         exit 78 (EX_CONFIG), systemd does not restart
+-- LedgerError
|   +-- LedgerFull      no room to write; scanning stops visibly
|   +-- LedgerBusy      more waits than the queue may hold
|   +-- LedgerCorrupt   exit 65 (EX_DATAERR) at the start: somebody must decide, systemd does not restart
|   +-- LedgerUnusable  cannot be opened: missing folder, permission, read-only, held by another process
+-- UplinkUnreachable   no connection to the broker
+-- UplinkRefused       the broker answers, and says no
"""

from __future__ import annotations

EXIT_CONFIG = 78
EXIT_LEDGER = 74  # EX_IOERR
EXIT_DAMAGED = 65  # EX_DATAERR


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


def exit_code(error: AgentError) -> int:
    """Of a command that ends with it."""
    if isinstance(error, ConfigError):
        return EXIT_CONFIG
    if isinstance(error, LedgerCorrupt):
        return EXIT_DAMAGED
    return EXIT_LEDGER if isinstance(error, LedgerError) else 1
