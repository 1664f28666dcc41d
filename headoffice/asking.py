"""One message to a store, and its answer: for tools that run once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

from pydantic import ValidationError

from contract.documents import ExpectedDocument
from contract.ids import uuid7
from contract.messages import Release, Request, Reserve, Response
from contract.times import Stamper
from contract.topics import Topics
from headoffice.clock import SystemClock
from headoffice.compose import await_connection, say
from headoffice.documents import wire
from headoffice.errors import ConfigError, NotComparable
from headoffice.mqtt import Broker, Connected, Shell
from headoffice.storages import open_storage

CONNECT_S = 10.0
_SHAPES: dict[str, type[Request]] = {"reserve": Reserve, "release": Release}


def expect(
    broker: Broker, database: str, store: str, documents: list[ExpectedDocument], *, withdraw: bool, prefix: str
) -> None:
    """Keep the documents, then publish each, retained; a store that is away asks for them when it comes.

    Raises HeadOfficeError.
    """
    topics = _topics(store, prefix)
    bodies = {one.document: None if withdraw else wire(one) for one in documents}
    held = open_storage(database)
    try:
        held.expect(store, bodies)
    finally:
        held.close()
    shell, clock = _shell(broker, [])
    shell.open()
    try:
        await_connection(shell, clock, CONNECT_S)
        for name, body in bodies.items():
            shell.publish(topics.expected(name), body or b"", retain=True)
    finally:
        shell.close()


def request(
    broker: Broker, store: str, verb: str, members: dict[str, Any], *, prefix: str, timeout_s: float
) -> dict[str, Any]:
    """The store's response. The request is sent once and has one effect. Raises `NotComparable` without an answer."""
    topics, clock = _topics(store, prefix), SystemClock()
    now_us = clock.wall_us()
    request_id = uuid7(now_us // 1000, clock.entropy(10))
    given = {name: value for name, value in members.items() if value is not None}
    expires_at = Stamper(UTC).text(now_us + int(timeout_s * 1_000_000))
    try:
        asked = _SHAPES[verb].model_validate({"id": request_id, "expires_at": expires_at, **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", hint="see docs/contract.md") from error
    shell, clock = _shell(broker, [topics.response(request_id)])
    shell.open()
    try:
        await_connection(shell, clock, timeout_s)
        shell.publish(topics.request(verb), asked.model_dump_json(exclude_none=True).encode(), retain=False)
        end_s = clock.now_s() + timeout_s
        while clock.now_s() < end_s:
            for one in shell.take(10, 0.1):
                if not isinstance(one, Connected) and one.topic == topics.response(request_id):
                    answer: dict[str, Any] = Response.model_validate_json(bytes(one.payload)).model_dump(
                        exclude_none=True
                    )
                    return answer
    finally:
        shell.close()
    raise NotComparable(f"store {store} does not answer within {timeout_s:.0f} s", hint="is its agent running?")


def _topics(store: str, prefix: str) -> Topics:
    try:
        return Topics(store, prefix)
    except ValueError as error:
        raise ConfigError(str(error), hint="write --store S001") from error


def _shell(broker: Broker, topics: list[str]) -> tuple[Shell, SystemClock]:
    clock = SystemClock()
    name = f"{broker.client_id}-{clock.entropy(6).hex()}"
    return Shell(replace(broker, client_id=name, keep_session=False), topics, say, clock.chance), clock
