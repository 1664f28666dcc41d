"""Recordings of a device's raw bytes: JSON Lines, a head and then `{"t_us", "dir", "hex"}` a piece."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from agent.control import ControlError
from agent.errors import AgentError

RECORDING_BYTES_MAX = 4 * 1024**3


def keep(pieces: Generator[Any], file: Path, seconds: float | None) -> int:
    """Write what comes, until Ctrl-C, for `seconds`, or up to 4 GiB. How many pieces there were. Raises AgentError."""
    count = size = 0
    limit_us = None if seconds is None else int(seconds * 1_000_000)
    with _opened(file) as output:
        try:
            for piece in pieces:
                line = json.dumps(piece) + "\n"
                size += len(line)
                if (limit_us is not None and piece.get("t_us", 0) > limit_us) or size > RECORDING_BYTES_MAX:
                    break
                output.write(line)
                output.flush()
                count += "hex" in piece
        except KeyboardInterrupt:
            pass
        except ControlError as error:
            if seconds is None or error.code != "unreachable":
                raise  # with a limit, silence is the end of it
    return count


@contextmanager
def _opened(file: Path) -> Generator[IO[str]]:
    if str(file) == "-":
        yield sys.stdout
        return
    try:
        with file.open("w", encoding="utf-8") as output:
            yield output
    except OSError as error:
        raise AgentError(f"{file}: {error.strerror}", hint="check the path, its permissions and free space") from error
