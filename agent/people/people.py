"""The register of a store: clerks by badge and PIN, programs by token, sessions of screens by cookie.

Secrets are never kept: badges and cookies as keyed hashes (a stolen file gives none), tokens of 256 random bits as
SHA-256, PINs under argon2id. What is made here is told once, to whoever made it.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from agent.clock import Clock
from agent.operations.values import Clerk, Language, Role
from agent.people import pins
from agent.people.errors import PeopleError
from agent.people.lockout import Lockout
from agent.people.store import KEY_BYTES, Store, key
from agent.people.values import Client, Login, Person, Refused, Scope
from identity.control import PREFIX, ControlError, encode, parse

BADGE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 of the control alphabet; none is mistaken for another
BADGE_CHARACTERS = 12  # 60 bits
PIN_DIGITS_MIN, PIN_DIGITS_MAX = 4, 12
NAME_CHARACTERS_MAX = 100
SECRET_CHARACTERS_MAX = 128  # of what is handed in: badge, PIN, token, cookie
WRONG_PINS_FREE = 5
WRONG_PINS_FREE_ADDRESS = 20  # a store's clerks share one screen
IDLE_US = 30 * 60 * 1_000_000
LIFE_US = 12 * 3600 * 1_000_000
NOTED_US = 60 * 1_000_000  # last use is written this often at most


class People:
    """Any thread may call. `check` takes some 50 ms: call it in a thread. Raises `PeopleError` for a bad file."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._key = key(folder, clock.entropy(KEY_BYTES))
        self._store = Store(folder)
        self._hashing = threading.Lock()
        self._counting = threading.Lock()
        self._badges = Lockout(WRONG_PINS_FREE)
        self._addresses = Lockout(WRONG_PINS_FREE_ADDRESS)

    def close(self) -> None:
        self._store.close()

    # -- clerks -----------------------------------------------------------------------------------------------------

    def by_badge(self, badge: str) -> Clerk | None:
        """Of the text after `LOGIN-`, or of the whole code on the badge."""
        self._store.refresh()
        person = self._store.by_badge.get(self._badge_hash(badge))
        return person.as_clerk() if person is not None and person.active else None

    def clerk(self, clerk: str) -> Clerk | None:
        """An active one by id."""
        self._store.refresh()
        person = self._store.clerks.get(clerk)
        return person.as_clerk() if person is not None and person.active else None

    def persons(self) -> list[Person]:
        self._store.refresh()
        return sorted(self._store.clerks.values(), key=lambda one: (not one.active, one.name, one.clerk))

    def language(self, clerk: str) -> Language | None:
        person = self._store.clerks.get(clerk)
        return person.language if person is not None else None

    def check(self, badge: str, pin: str, address: str) -> Clerk | Refused:
        """Blocks while it computes. Wrong attempts cost pauses that grow, for the badge and for the address."""
        self._store.refresh()
        badge_hash, where = self._badge_hash(badge), address.encode()
        with self._counting:
            now_s = self._clock.now().monotonic_ns / 1e9
            wait_s = max(self._badges.wait_s(badge_hash, now_s), self._addresses.wait_s(where, now_s))
            if wait_s > 0:
                return Refused("wait", int(wait_s) + 1)
            self._badges.begin(badge_hash, now_s)
            self._addresses.begin(where, now_s)
        person = self._store.by_badge.get(badge_hash)
        held = person.pin_hash if person is not None and person.active else None
        if not self._verify(held or pins.NOBODY, pin) or held is None or person is None:
            return Refused("wrong")
        with self._counting:
            self._badges.right(badge_hash)
            self._addresses.take_back(where)
        return person.as_clerk()

    def _verify(self, held: str, pin: str) -> bool:
        with self._hashing:
            return pins.fits(pin[:SECRET_CHARACTERS_MAX], held)

    def add(self, name: str, role: Role, language: Language, pin: str | None = None) -> tuple[Person, str]:
        """The new clerk, and the code of the badge, which nothing can tell again."""
        if not name.strip() or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
            hint = f"a name has 1 to {NAME_CHARACTERS_MAX} printable characters"
            raise PeopleError(f"{name!r} is no name", hint=hint)
        badge, hashed = self._new_badge()
        pin_hash = _pin_hash(pin) if pin is not None else None
        one = Person(str(UUID(bytes=self._clock.entropy(16), version=4)), name, role, language, True, hashed, pin_hash)
        self._store.put_clerk(one)
        return one, badge

    def new_badge(self, clerk: str) -> str:
        """The code of a new badge; the old one is void, and sessions begun with it end."""
        badge, hashed = self._new_badge()
        self._store.put_clerk(replace(self._known(clerk), badge_hash=hashed))
        self._store.end_logins(clerk)
        return badge

    def set_pin(self, clerk: str, pin: str) -> None:
        self._store.put_clerk(replace(self._known(clerk), pin_hash=_pin_hash(pin)))
        self._store.end_logins(clerk)

    def set_role(self, clerk: str, role: Role) -> None:
        self._store.put_clerk(replace(self._known(clerk), role=role))

    def erase(self, clerk: str) -> None:
        """Name, badge and PIN are gone from the file; the id stays, as the log has it."""
        person = self._known(clerk)
        self._store.put_clerk(replace(person, name="", active=False, badge_hash=None, pin_hash=None))
        self._store.fold()

    def _known(self, clerk: str) -> Person:
        self._store.refresh()
        person = self._store.clerks.get(clerk)
        if person is None or not person.active:
            raise PeopleError(f"no clerk has the id {clerk}", hint="jaego clerk list shows all of them")
        return person

    def _new_badge(self) -> tuple[str, bytes]:
        drawn = self._clock.entropy(BADGE_CHARACTERS)
        text = "".join(BADGE_ALPHABET[byte % len(BADGE_ALPHABET)] for byte in drawn)
        return encode("LOGIN", text), self._badge_hash(text)

    def _badge_hash(self, text: str) -> bytes:
        return self._keyed("badge", _badge(text))

    def _keyed(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}:{text}".encode(errors="replace"), "sha256")

    def sign(self, purpose: str, text: str) -> str:
        """A mark that only this store can make: letters, digits, hyphen and underscore."""
        return urlsafe_b64encode(self._keyed(f"sign {purpose}", text)).decode().rstrip("=")

    # -- programs ---------------------------------------------------------------------------------------------------

    def add_client(self, name: str, scopes: frozenset[Scope]) -> str:
        """The new token, which nothing can tell again."""
        self._store.refresh()
        if any(one.name == name for one in self._store.clients.values()):
            raise PeopleError(f"there is a token called {name} already", hint="choose another name, or revoke it first")
        token = self.draw()
        self._store.add_client(Client(name, _token_hash(token), scopes, self._clock.now().wall_us))
        return token

    def clients(self) -> list[Client]:
        self._store.refresh()
        return sorted(self._store.clients.values(), key=lambda one: one.name)

    def revoke(self, name: str) -> None:
        if all(one.name != name for one in self.clients()):
            raise PeopleError(f"no token is called {name}", hint="jaego token list shows all of them")
        self._store.drop_client(name)

    def client(self, token: str) -> Client | None:
        self._store.refresh()
        found = self._store.clients.get(_token_hash(token))
        now_us = self._clock.now().wall_us
        if found is not None and abs(now_us - found.used_us) >= NOTED_US:
            self._store.used_client(found, now_us)
        return found

    def draw(self) -> str:
        """256 random bits as 43 letters, digits, hyphens and underscores."""
        return urlsafe_b64encode(self._clock.entropy(32)).decode().rstrip("=")

    # -- sessions of screens ----------------------------------------------------------------------------------------

    def open_login(self, clerk: str) -> str:
        """The value of a new cookie."""
        cookie, now_us = self.draw(), self._clock.now().wall_us
        self._store.put_login(Login(self._keyed("cookie", cookie), clerk, now_us, now_us), now_us - IDLE_US)
        return cookie

    def login(self, cookie: str) -> Clerk | None:
        """Whose session it is. None: closed, idle for `IDLE_US`, older than `LIFE_US`, or never opened."""
        self._store.refresh()
        held = self._store.logins.get(self._keyed("cookie", cookie[:SECRET_CHARACTERS_MAX]))
        now_us = self._clock.now().wall_us
        if held is None or now_us - held.seen_us > IDLE_US or now_us - held.created_us > LIFE_US:
            return None
        if now_us - held.seen_us >= NOTED_US:
            self._store.seen_login(held, now_us)
        return self.clerk(held.clerk)

    def close_login(self, cookie: str) -> None:
        self._store.drop_login(self._keyed("cookie", cookie[:SECRET_CHARACTERS_MAX]))


def _badge(text: str) -> str:
    """What stands after LOGIN: of the whole code, or typed by hand."""
    held = text[:SECRET_CHARACTERS_MAX].strip().upper()
    if held.startswith(PREFIX):
        try:
            control = parse(held)
        except ControlError:
            return ""  # nobody has this badge
        return (control.argument or "") if control.verb == "LOGIN" else ""
    return held


def _pin_hash(pin: str) -> str:
    if not (pin.isascii() and pin.isdigit() and PIN_DIGITS_MIN <= len(pin) <= PIN_DIGITS_MAX):
        raise PeopleError("that is no PIN", hint=f"a PIN has {PIN_DIGITS_MIN} to {PIN_DIGITS_MAX} digits")
    return pins.hashed(pin)


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token[:SECRET_CHARACTERS_MAX].encode(errors="replace")).digest()
