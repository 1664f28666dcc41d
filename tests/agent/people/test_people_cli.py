"""`jaego clerk` and `jaego token` against a store's register."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import app
from agent.operations.values import Clerk
from agent.people import People
from tests.agent.clocks import FakeClock

BADGE = re.compile(r"STK-LOGIN-[0-9A-Z]{12}-[0-9A-Z]")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text('[store]\nid = "S001"\nzones = ["dock"]\nstate_dir = "state"\n')
    (tmp_path / "state").mkdir()
    return file


def jaego(config: Path, *words: str, said: str | None = None, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*words, "--config", str(config)], input=said)
    assert result.exit_code == code, result.output
    return result.output


def test_a_clerk_from_hiring_to_erasing(config: Path) -> None:
    clerk, badge = jaego(config, "clerk", "add", "김민지", "--role", "supervisor", "--pin", said="2468\n").split()
    assert BADGE.fullmatch(badge)
    running = People(config.parent / "state", FakeClock())  # an agent that runs meanwhile
    assert running.check(badge, "2468", "") == Clerk(clerk, "supervisor", "김민지")
    listed = jaego(config, "clerk", "list")
    assert f"{clerk}  supervisor ko  PIN     김민지\n" == listed
    jaego(config, "clerk", "pin", clerk, said="13579\n")
    assert running.check(badge, "13579", "") == Clerk(clerk, "supervisor", "김민지")
    jaego(config, "clerk", "role", clerk, "clerk")
    assert running.by_badge(badge) == Clerk(clerk, "clerk", "김민지")
    new = jaego(config, "clerk", "badge", clerk).strip()
    assert running.by_badge(badge) is None
    assert running.by_badge(new) is not None
    jaego(config, "clerk", "erase", clerk)
    assert running.by_badge(new) is None
    assert f"{clerk}  clerk      ko  no PIN  (erased)\n" == jaego(config, "clerk", "list")
    running.close()


def test_a_token_from_making_to_revoking(config: Path) -> None:
    token = jaego(config, "token", "add", "till", "--scope", "sales", "--scope", "read").strip()
    running = People(config.parent / "state", FakeClock())
    found = running.client(token)
    assert found is not None
    assert found.scopes == {"sales", "read"}
    listed = jaego(config, "token", "list")
    assert listed.split() == ["till", "read,sales", str(FakeClock().wall_us // 1_000_000)]
    assert token not in listed
    jaego(config, "token", "revoke", "till")
    assert running.client(token) is None
    running.close()


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("clerk", "add", "A", "--pin"), "12\n", "a PIN has 4 to 12 digits"),
        (("clerk", "add", " "), None, "a name has 1 to 100 printable characters"),
        (("clerk", "badge", "nobody"), None, "jaego clerk list shows all of them"),
        (("token", "revoke", "nothing"), None, "jaego token list shows all of them"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_hint(config: Path, words: tuple[str, ...], said: str, hint: str) -> None:
    assert f"hint: {hint}" in jaego(config, *words, said=said, code=1)


def test_a_role_that_is_none_is_refused(config: Path) -> None:
    jaego(config, "clerk", "add", "A", "--role", "king", code=2)


def test_a_configuration_with_mistakes_is_said(config: Path) -> None:
    config.write_text("[store]\n")
    assert "store.id" in jaego(config, "clerk", "list", code=78)
