"""`jaego doctor` and `jaego bundle`: what is wrong with this store, for people and for whoever helps them."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.device_cli import DEFAULT, ConfigFile

if TYPE_CHECKING:
    from agent.doctor.judge import Finding
    from agent.doctor.texts import Language

COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "failure": typer.colors.RED}


class LanguageName(StrEnum):
    KO = "ko"
    EN = "en"


Lang = Annotated[LanguageName | None, typer.Option(help="Language; absent: the store's.")]


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
    app.command("bundle")(bundle)


def doctor(
    config: ConfigFile = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="Findings in both languages, for programs.")] = False,
    lang: Lang = None,
) -> None:
    """Look for what is wrong, and say what to do. Exit 0 good, 1 something to do, 2 something does not work."""
    from agent.doctor.judge import worst
    from agent.doctor.run import examine, told

    findings, language = examine(config)
    if as_json:
        print(json.dumps({"worst": worst(findings), "findings": told(findings)}, ensure_ascii=False, indent=1))
    else:
        _show(findings, lang.value if lang is not None else language or _spoken())
    raise typer.Exit(worst(findings))


def _spoken() -> Language:
    """The shell's, where no configuration tells the store's."""
    return "ko" if os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("ko") else "en"


def _show(findings: list[Finding], language: Language) -> None:
    from agent.doctor.texts import LEVELS, hint_of, text_of

    for one in findings:
        word = LEVELS[one.level][language == "en"]
        subject = f"{one.subject}: " if one.subject else ""
        typer.echo(f"{typer.style(f'{word:8}', fg=COLOURS[one.level])} {subject}{text_of(one, language)}")
        hint = hint_of(one, language)
        if hint:
            typer.echo(f"{'':8} -> {hint}")


def bundle(
    file: Annotated[Path, typer.Argument(help="The archive to write: .tar.gz.")], config: ConfigFile = DEFAULT
) -> None:
    """Findings, configuration, versions, sizes, devices and log in one file for support, without secrets."""
    from agent.bundle import write

    try:
        parts = write(file, config)
    except OSError as error:
        print(f"{file}: {error.strerror}\nhint: check the path, its permissions and free space", file=sys.stderr)
        raise typer.Exit(1) from error
    for name, size_bytes in parts.items():
        print(f"{name:24} {size_bytes:>12,} bytes")
    print(f"{file}: look at what it holds before you send it")
