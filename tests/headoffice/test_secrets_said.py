"""A password that stands in the database's address, though it should not, is said by no command that fails with it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from headoffice.cli import whole
from tests.brokers import free_port

PASSWORD = "database-MARKED-4714"


@pytest.mark.parametrize("path", ["x", "x?bogus=1", "x?sslmode=perhaps"])
@pytest.mark.parametrize(
    "words", ["stock", "workers", "token list", "alerts list", "rules show", "key list", "command list", "rebuild"]
)
def test_no_command_says_the_databases_password(words: str, path: str) -> None:
    pytest.importorskip("psycopg")
    url = f"postgresql://u:{PASSWORD}@127.0.0.1:{free_port()}/{path}"
    result = CliRunner().invoke(whole(), [*words.split(), "--db", url])
    assert result.exit_code != 0
    assert "hint: " in result.output
    assert PASSWORD not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
