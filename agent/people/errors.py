"""What can go wrong with people.db."""

from __future__ import annotations

from agent.errors import AgentError


class PeopleError(AgentError):
    """The file cannot be used, or what was asked of it cannot be done."""
