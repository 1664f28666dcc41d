"""`jaego-sim reader …`: the other end of RFID readers, one command a kind."""

from __future__ import annotations

import typer

from simulators import module_cli, reader_json_cli, reader_llrp_cli

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Simulated RFID readers.")
reader_llrp_cli.register(app)
reader_json_cli.register(app)
module_cli.register(app)
