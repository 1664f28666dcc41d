"""The configuration as it is, to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field

from agent.web.endpoint import Call, Endpoint, Told

# A member whose name says so holds a secret, or says where one is.
SECRET = ("password", "secret", "token", "key_file", "pin", "badge", "credential")


class SettingsTold(Told):
    settings: dict[str, Any] = Field(description="sections of the configuration file; secrets are null")


class ReasonTold(Told):
    code: str
    kind: Literal["in", "out", "scrap", "damage", "return"]
    ko: str
    en: str


class ReasonsTold(Told):
    reasons: list[ReasonTold]


def shown(value: Any) -> Any:
    """Without secrets: they are neither told nor shown to be set."""
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        return {name: None if _is_secret(name) else shown(one) for name, one in held.items()}
    if isinstance(value, list | tuple):
        return [shown(one) for one in cast("list[Any]", value)]
    return value


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRET)


async def settings(call: Call) -> Any:
    return {"settings": shown(call.back.settings)}


async def reasons(call: Call) -> Any:
    return {"reasons": [one._asdict() for one in call.back.rules.reasons]}


ENDPOINTS = (
    Endpoint(method="GET", path="/reasons", does="Words for why", tells=ReasonsTold, handler=reasons),
    Endpoint(
        method="GET",
        path="/settings",
        does="The configuration, without secrets",
        tells=SettingsTold,
        handler=settings,
        role="supervisor",
        scope="admin",
    ),
)
