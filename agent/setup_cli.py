"""`jaego setup`: from a fresh installation to a store that works; `jaego renew` (docs/setup.md)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.device_cli import DEFAULT, ConfigFile
from agent.doctor_cli import Lang
from agent.errors import AgentError, exit_code

if TYPE_CHECKING:
    from agent.setup.texts import Language

SHEET = Path("setup-sheet.pdf")


def register(app: typer.Typer) -> None:
    app.command("setup")(setup)
    app.command("renew")(renew)


def setup(
    config: ConfigFile = DEFAULT,
    answers: Annotated[Path | None, typer.Option(help="Answers (TOML) instead of questions; docs/setup.md.")] = None,
    secret: Annotated[
        Path | None, typer.Option("--token", "--secret", help="File with the token or password; - is standard input.")
    ] = None,
    scanner: Annotated[
        list[str] | None, typer.Option(help="Listen at this device alone; may repeat. Else at all of this machine.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Only write the sheet that scanners scan: a PDF.")] = None,
    wait: Annotated[float, typer.Option(min=1, max=3600, help="Seconds to wait for a scan of the sheet.")] = 60.0,
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Start the service at the end, or leave it stopped.")
    ] = True,
    lang: Lang = None,
) -> None:
    """Ask what this store is, fetch its certificate, learn its scanners, write the configuration, try the broker.

    Can be repeated: what is not asked about stays. Exit 0 good, 1 something to do.
    """
    try:
        if sheet is not None:
            _sheet(sheet)
            return
        raise typer.Exit(
            _install(config, answers, secret, scanner or [], wait, lang.value if lang else None, start=start)
        )
    except AgentError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(exit_code(error)) from error


def renew(
    config: ConfigFile = DEFAULT,
    early: Annotated[bool, typer.Option("--early", help="Also while more than a third of its life is left.")] = False,
) -> None:
    """Exchange this store's certificate for the next one, once less than a third of its life is left.

    jaego-renew.timer does it every day. Exit 0 renewed or nothing to do, 1 not renewed: jaego doctor says so too.
    """
    try:
        from agent.clock import SystemClock
        from agent.config import load
        from agent.setup import renewing

        _tell(renewing.renew(load(config), SystemClock(), early=early))
    except AgentError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(exit_code(error)) from error


def _sheet(path: Path) -> None:
    from agent.print_cli import write
    from agent.printing.sheet import setup as sheet_of
    from agent.setup.learning import CODE

    write(sheet_of(CODE), path, "a4", "both")


def _install(
    config: Path,
    answers: Path | None,
    secret: Path | None,
    places: list[str],
    wait_s: float,
    language: Language | None,
    *,
    start: bool,
) -> int:
    from agent.clock import SystemClock
    from agent.setup import installing
    from agent.setup.answers import read

    typed = _typed(secret)
    if answers is not None:
        table, where = installing.former(answers), str(answers)
        if not table:
            raise AgentError(f"{answers} is not there, or empty", hint="docs/setup.md has an example")
        folder = answers.absolute().parent
    else:
        table, asked = _asked(config, language)
        typed, where, folder = typed or asked, "answers", Path.cwd()
    given = read({**table, **({"language": language} if language else {})}, where)
    if any(one.learn for one in given.device) and answers is None:
        _sheet(SHEET)
    plan = installing.Plan(
        config.absolute(), given, folder, SystemClock(), _tell, typed, tuple(places), str(SHEET), wait_s, start
    )
    return installing.install(plan)


def _asked(config: Path, language: Language | None) -> tuple[dict[str, Any], str | None]:
    from agent.setup.asking import Voice, ask
    from agent.setup.installing import former

    before = former(config)
    if language is None:
        spoken = os.environ.get("LC_ALL", os.environ.get("LANG", ""))
        proposal = before.get("store", {}).get("language") or ("ko" if spoken.startswith("ko") else "en")
        language = "ko" if typer.prompt("언어 · Language (ko, en)", proposal).strip() == "ko" else "en"

    def line(text: str, proposal: str) -> str:
        return str(typer.prompt(text, proposal or None))

    def agree(text: str, proposal: bool) -> bool:
        return typer.confirm(text, default=proposal)

    def hidden(text: str) -> str:
        return str(typer.prompt(text, hide_input=True))

    return ask(Voice(line, agree, hidden), before, language)


def _typed(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AgentError(f"{file}: {error}", hint="a readable file with the token or password in it") from error
    return text.strip()


def _tell(line: str) -> None:
    print(line, flush=True)
