"""The agent's own door for its tools: a Unix socket in the state folder, which only the agent's user can open.

A request is one line of JSON, `{"verb": …, …}`; the answer is lines of JSON: `{"value": …}` as often as there is one,
then `{"done": true}` or `{"error", "hint", "code"}`. A connection serves one request; when the tool goes away, what it
asked for ends. Nothing here trusts the caller's arguments: each verb has a model, unknown members are refused.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.errors import AgentError

SOCKET = "agent.sock"
LINE_BYTES_MAX = 65_536
CONNECTIONS_MAX = 16
REQUEST_S_MAX = 5.0
SEND_S_MAX = 30.0


class Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Values = AsyncGenerator[Any]


@dataclass(frozen=True, slots=True)
class Verb:
    """`call` gives values; it may raise an error that carries a `hint`, KeyError for a name that is not known."""

    arguments: type[Arguments]
    call: Callable[[Any], Values]


class ControlError(AgentError):
    """The agent does not run here, or answers with an error. `code` is its word for machines."""

    def __init__(self, message: str, *, hint: str, code: str = "unreachable") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Control:
    """`start` in the loop that serves; what a verb does runs there."""

    def __init__(self, folder: Path, verbs: Mapping[str, Verb]) -> None:
        self._folder = folder
        self._verbs = verbs
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises OSError. A socket file that an ended agent left is replaced: the ledger's lock says who runs."""
        with _short(self._folder) as folder:
            path = folder / SOCKET
            with suppress(FileNotFoundError):
                if stat.S_ISSOCK(path.lstat().st_mode):
                    path.unlink()
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            old = os.umask(0o177)
            try:
                listener.bind(str(path))
            except OSError:
                listener.close()
                raise
            finally:
                os.umask(old)
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=LINE_BYTES_MAX)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(OSError):
            (self._folder / SOCKET).unlink()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) > CONNECTIONS_MAX:
                await _send(writer, _error("busy", "too many tools are connected", "try again in a moment"))
                return
            await self._serve(reader, writer)
        except (OSError, TimeoutError):
            return  # the tool is gone
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(REQUEST_S_MAX):
            try:
                line = await reader.readuntil(b"\n")
            except (asyncio.LimitOverrunError, asyncio.IncompleteReadError):
                return await _send(writer, _error("request", "no whole line of JSON came", "one request is one line"))
        found = self._parse(line)
        if isinstance(found, dict):
            return await _send(writer, found)
        verb, arguments = found
        answering = asyncio.ensure_future(_answer(verb, arguments, writer))
        leaving = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    def _parse(self, line: bytes) -> tuple[Verb, Arguments] | dict[str, Any]:
        known = ", ".join(sorted(self._verbs))
        try:
            request = orjson.loads(line)
            verb = self._verbs[request.pop("verb")]
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            return _error("request", "the request has no known verb", f"known are {known}")
        try:
            return verb, verb.arguments.model_validate(request)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "request"
            return _error("arguments", f"{where}: {first['msg']}", f"found {str(first['input'])[:80]!r}")


async def _answer(verb: Verb, arguments: Arguments, writer: asyncio.StreamWriter) -> None:
    try:
        async with aclosing(verb.call(arguments)) as values:
            async for value in values:
                await _send(writer, {"value": value})
    except KeyError as error:
        await _send(writer, _error("unknown", f"there is no {error.args[0]}", "jaego device list names the devices"))
    except Exception as error:
        hint = getattr(error, "hint", None)
        if hint is None and not isinstance(error, ValueError):
            await _send(writer, _error("bug", f"{type(error).__name__}: {error}", "report it with the agent's log"))
            raise
        await _send(writer, _error(str(getattr(error, "reason", "refused")), str(error), hint or "check the arguments"))
    else:
        await _send(writer, {"done": True})


def _error(code: str, text: str, hint: str) -> dict[str, Any]:
    return {"error": text, "hint": hint, "code": code}


async def _send(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    async with asyncio.timeout(SEND_S_MAX):
        writer.write(orjson.dumps(answer) + b"\n")
        await writer.drain()


def request(folder: Path, verb: str, *, wait_s: float | None = 60.0, **arguments: Any) -> Generator[Any]:
    """The values that the agent of a state folder answers with. Raises ControlError.

    `wait_s` is how long the next line may take; None waits as long as the agent lives.
    """
    with _connected(folder, wait_s) as connection, connection.makefile("rb") as lines:
        wanted = {name: value for name, value in arguments.items() if value is not None}
        connection.sendall(orjson.dumps({"verb": verb, **wanted}) + b"\n")
        try:
            for line in lines:
                answer = orjson.loads(line)
                if "error" in answer:
                    raise ControlError(answer["error"], hint=answer["hint"], code=answer["code"])
                if answer.get("done"):
                    return
                yield answer["value"]
        except TimeoutError as error:
            raise ControlError(f"the agent says nothing for {wait_s:.0f} s", hint="look at its log") from error
    raise ControlError("the agent has ended meanwhile", hint="look at its log")


@contextmanager
def _connected(folder: Path, wait_s: float | None) -> Generator[socket.socket]:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(wait_s)
    try:
        try:
            with _short(folder) as short:
                connection.connect(str(short / SOCKET))
        except PermissionError as error:
            hint = "use the agent's user: sudo -u jaego jaego …"
            raise ControlError(f"{folder / SOCKET}: {error.strerror}", hint=hint) from error
        except OSError as error:
            hint = "start it: systemctl start jaego-agent, or jaego run"
            raise ControlError(f"no agent runs on {folder}", hint=hint) from error
        yield connection
    finally:
        connection.close()


@contextmanager
def _short(folder: Path) -> Generator[Path]:
    """The folder by a short name: the path of a Unix socket has 107 bytes at most."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
