"""The whole examination: the configuration, then everything that it names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent.clock import SystemClock
from agent.config import load
from agent.doctor.judge import Finding, judge, wrong_configuration
from agent.doctor.look import look
from agent.doctor.texts import Language, hint_of, text_of
from agent.errors import ConfigError


def examine(config: Path) -> tuple[list[Finding], Language | None]:
    """The findings, and the store's language where the configuration tells it."""
    try:
        loaded = load(config)
    except ConfigError as error:
        return wrong_configuration(error.mistakes), None
    return judge(look(loaded, SystemClock())), loaded.store.language


def told(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """For programs and for support: each in both languages."""
    languages: tuple[Language, ...] = ("ko", "en")
    return [
        {
            "level": one.level,
            "code": one.code,
            "subject": one.subject,
            "text": {language: text_of(one, language) for language in languages},
            "hint": {language: hint_of(one, language) for language in languages},
        }
        for one in findings
    ]
