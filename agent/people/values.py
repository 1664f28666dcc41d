"""Values of the people's register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent.operations.values import Clerk, Language, Role

Scope = Literal["read", "sales", "stock", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "sales", "stock", "admin")


@dataclass(frozen=True, slots=True)
class Person:
    """A clerk of the register. Erased: `name` is empty, no badge, no PIN, not `active`."""

    clerk: str
    name: str
    role: Role
    language: Language
    active: bool
    badge_hash: bytes | None
    pin_hash: str | None

    def as_clerk(self) -> Clerk:
        return Clerk(self.clerk, self.role, self.name)


@dataclass(frozen=True, slots=True)
class Client:
    """A program that calls the API. `used_us` is 0 before its first call, and exact to a minute."""

    name: str
    token_hash: bytes
    scopes: frozenset[Scope]
    created_us: int
    used_us: int = 0


@dataclass(frozen=True, slots=True)
class Login:
    """A session of a clerk at a screen; the cookie's value itself is nowhere kept."""

    cookie_hash: bytes
    clerk: str
    created_us: int
    seen_us: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Badge and PIN do not go together, or it was tried too often. Which of both was wrong is never said."""

    why: Literal["wrong", "wait"]
    wait_s: int = 0
