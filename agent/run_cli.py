"""`jaego run`: what runs for years is started without the tools' command line, which would stay 2 MB of its memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.errors import AgentError, exit_code

DEFAULT = Path("/etc/jaego/agent.toml")


def main() -> None:
    """`jaego`: a plain `run` here, everything else in `cli.py`."""
    match sys.argv[1:]:
        case ["run", *given] if len(given) <= 1 and not any(one.startswith("-") for one in given):
            sys.exit(run(Path(given[0] if given else os.environ.get("JAEGO_CONFIG", DEFAULT))))
        case _:
            from agent import cli

            cli.main()


def run(file: Path) -> int:
    """The agent until SIGTERM. Says what people can mend, with a hint; the exit code of it is the answer."""
    from agent import compose, config
    from agent.catalogue.errors import CatalogueError

    try:
        return compose.run(config.load(file))
    except (AgentError, CatalogueError) as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        return exit_code(error) if isinstance(error, AgentError) else 1
