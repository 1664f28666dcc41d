"""Who works here and which programs may call: badges, PINs, tokens, sessions of screens. Apart from the ledger, so that
names can be erased while the log keeps its opaque ids."""

from agent.people.errors import PeopleError
from agent.people.people import People
from agent.people.values import SCOPES, Client, Login, Person, Refused, Scope

__all__ = ["SCOPES", "Client", "Login", "People", "PeopleError", "Person", "Refused", "Scope"]
