"""`jaego clerk` and `jaego token`: the people's register from the command line; a running agent notices at once."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agent.errors import EXIT_CONFIG, AgentError, ConfigError

if TYPE_CHECKING:
    from agent.people import People

clerk_app = typer.Typer(no_args_is_help=True, help="Clerks: add, list, PIN, badge, role, erase.")
token_app = typer.Typer(no_args_is_help=True, help="Tokens of programs that call the local API.")

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="JAEGO_CONFIG", help="Configuration file.", show_default=True)
]
DEFAULT = Path("/etc/jaego/agent.toml")
Id = Annotated[str, typer.Argument(help="The clerk's id, as `jaego clerk list` shows it.")]
Pdf = Annotated[Path | None, typer.Option(help="Write the badge as a label of 100 x 40 mm, to be printed.")]
RoleName = Literal["clerk", "supervisor", "admin"]


class ScopeName(StrEnum):
    """An enumeration, because Typer takes no list of a Literal."""

    READ = "read"
    SALES = "sales"
    STOCK = "stock"
    ADMIN = "admin"


def register(app: typer.Typer) -> None:
    app.add_typer(clerk_app, name="clerk")
    app.add_typer(token_app, name="token")


@contextmanager
def _people(config: Path) -> Generator[People]:
    """The register of the store; errors that people can mend, as everywhere."""
    from agent.clock import SystemClock
    from agent.config import load
    from agent.people import People

    try:
        people = People(load(config).store.state_dir, SystemClock())
        try:
            yield people
        finally:
            people.close()
    except ConfigError as error:
        for line in error.mistakes:
            print(line, file=sys.stderr)
        print(f"hint: {error.hint}", file=sys.stderr)
        raise typer.Exit(EXIT_CONFIG) from error
    except AgentError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(1) from error


def _ask_pin() -> str:
    """Never an argument: those stand in the list of processes and in the shell's history."""
    if sys.stdin.isatty():
        return getpass.getpass("PIN: ")
    return sys.stdin.readline().rstrip("\r\n")


def _print_badge(badge: str, name: str, pdf: Path | None) -> None:
    from agent.print_cli import write
    from agent.printing.sheet import badges

    if pdf is not None:
        write(badges([(badge, name)]), pdf, "label", "both")


@clerk_app.command("add")
def clerk_add(
    name: Annotated[str, typer.Argument(help="As screens show it; it can be erased later.")],
    role: Annotated[RoleName, typer.Option(help="What the clerk may do.")] = "clerk",
    language: Annotated[Literal["ko", "en"], typer.Option(help="Of the clerk's screens.")] = "ko",
    pin: Annotated[bool, typer.Option("--pin", help="Ask for a PIN too; a pipe gives it unasked.")] = False,
    pdf: Pdf = None,
    config: ConfigFile = DEFAULT,
) -> None:
    """A new clerk. Prints the id, and the code of the badge, which is never shown again."""
    with _people(config) as people:
        person, badge = people.add(name, role, language, _ask_pin() if pin else None)
        print(f"{person.clerk}\n{badge}")
        _print_badge(badge, name, pdf)


@clerk_app.command("list")
def clerk_list(config: ConfigFile = DEFAULT) -> None:
    """Every clerk, also the erased, whose ids stand in the log."""
    with _people(config) as people:
        for one in people.persons():
            pin = "PIN" if one.pin_hash is not None else "no PIN"
            print(f"{one.clerk}  {one.role:10} {one.language}  {pin:6}  {one.name if one.active else '(erased)'}")


@clerk_app.command("pin")
def clerk_pin(clerk: Id, config: ConfigFile = DEFAULT) -> None:
    """Ask for a new PIN; from standard input if that is piped. The clerk's sessions end."""
    with _people(config) as people:
        people.set_pin(clerk, _ask_pin())


@clerk_app.command("badge")
def clerk_badge(clerk: Id, pdf: Pdf = None, config: ConfigFile = DEFAULT) -> None:
    """A new badge, for a lost one: prints its code, which is never shown again. The old one is void."""
    with _people(config) as people:
        badge = people.new_badge(clerk)
        print(badge)
        _print_badge(badge, next(one.name for one in people.persons() if one.clerk == clerk), pdf)


@clerk_app.command("role")
def clerk_role(clerk: Id, role: Annotated[RoleName, typer.Argument()], config: ConfigFile = DEFAULT) -> None:
    """What the clerk may do from now on."""
    with _people(config) as people:
        people.set_role(clerk, role)


@clerk_app.command("erase")
def clerk_erase(clerk: Id, config: ConfigFile = DEFAULT) -> None:
    """Name, badge and PIN are gone for good. The id stays, as the log has it."""
    with _people(config) as people:
        people.erase(clerk)


@token_app.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="Of the program.")],
    scope: Annotated[list[ScopeName], typer.Option(help="What it may do; may be given often.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """A new token. Prints it, once."""
    with _people(config) as people:
        print(people.add_client(name, frozenset(one.value for one in scope)))


@token_app.command("list")
def token_list(config: ConfigFile = DEFAULT) -> None:
    """Every token: name, scopes, last use in seconds since 1970, 0 if never."""
    with _people(config) as people:
        for one in people.clients():
            print(f"{one.name:24} {','.join(sorted(one.scopes)):24} {one.used_us // 1_000_000}")


@token_app.command("revoke")
def token_revoke(name: Annotated[str, typer.Argument()], config: ConfigFile = DEFAULT) -> None:
    """The token is refused from now on."""
    with _people(config) as people:
        people.revoke(name)
