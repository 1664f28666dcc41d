"""`jaego-sim reader …`: the other end of RFID readers, one command a kind."""

from __future__ import annotations

import typer

from simulators import reader_json_cli

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Simulated RFID readers.")
reader_json_cli.register(app)
