"""A store has lost its key: a new log with a new key, which head office takes once a person has said so there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from agent.cli import app
from agent.errors import EXIT_LEDGER
from agent.ledger import files, keys
from agent.ledger.checking import check_whole
from agent.ledger.reader import Reader, verify
from contract.chain import Sealed
from headoffice import keys_cli
from tests.agent.doctor.shop import Shop
from tests.agent.ledger.test_checkpoints import open_ledger
from tests.agent.ledger.test_ledger import append, movement
from tests.headoffice.logs import Log
from tests.headoffice.test_service import Desk


class Chain:
    """A store's ledger and head office, with nothing between them but the events."""

    def __init__(self, folder: Path) -> None:
        self.shop, self.desk = Shop(folder), Desk(folder)
        self.works(12)

    def works(self, count: int, folder: Path | None = None) -> None:
        ledger = open_ledger(folder or self.shop.state)
        append(ledger, *(movement(number + 1) for number in range(count)))
        ledger.close()

    def sends(self, folder: Path | None = None) -> str:
        """All that is in a ledger: its log."""
        log = Log()
        with closing(Reader(folder or self.shop.state)) as reader:
            log.name = reader.log
            rows = list(reader.all_events())
        log.events = [Sealed(*row, orjson.loads(row[2])["hash"]) for row in rows]
        state = {"state": "online", "boot": "b", "log": log.name, "head": rows[-1][0], "first": rows[0][0]}
        self.desk.get("S1/state", {**state, "version": "1"})
        self.desk.events(log)
        return log.name

    def key(self, *command: str) -> Result:
        return CliRunner().invoke(app, ["key", *command, "--config", str(self.shop.config)])

    def refused(self) -> set[str]:
        return {one.code for one in self.desk.store.quarantined("S1")}


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    made = Chain(tmp_path)
    yield made
    made.desk.store.close()


def head(folder: Path) -> int:
    with closing(Reader(folder)) as reader:
        assert verify(reader, known=keys.known(folder))["signed"] == reader.head()
        return reader.head()


def test_a_store_without_its_key_goes_on_signed_and_the_old_key_counts_no_more(chain: Chain, tmp_path: Path) -> None:
    state, desk = chain.shop.state, chain.desk
    old = chain.sends()
    end = head(state)
    assert desk.position() == (old, end)
    stock = desk.store.stock("S1")
    thief = shutil.copytree(state, tmp_path / "thief")
    (state / files.KEY).unlink()

    done = chain.key("lost")
    assert done.exit_code == 0, done.output
    key = done.stdout.strip()
    assert key == files.read_key(state)[1] != files.read_key(thief)[1]
    assert f"jaego-hq key enrol S1 {key}" in done.stderr
    chain.works(5)
    check_whole(state)

    new = chain.sends()
    assert desk.position() == (old, end), "nobody has said yet that the key is another one"
    assert chain.refused() == {"key"}
    said = CliRunner().invoke(keys_cli.app, ["enrol", "S1", key, "--db", str(desk.path)])
    assert said.exit_code == 0, said.output
    chain.sends()
    assert desk.position() == (new, head(state))
    assert {row.sku: row.quantity for row in desk.store.stock("S1")}.keys() == {row.sku for row in stock}
    with closing(Reader(state)) as reader:
        assert reader.stock() == desk.store.stock("S1")

    chain.works(3, thief)
    chain.sends(thief)
    forged = Log("L9", key=Ed25519PrivateKey.from_private_bytes((thief / files.KEY).read_bytes()))
    with closing(Reader(state)) as reader:
        parent = {"log": new, "seq": reader.head(), "hash": reader.hash_of(reader.head())}
    desk.events(forged.open(parent=parent))
    assert desk.position() == (new, head(state))
    assert chain.refused() == {"key", "fork"}


def test_head_office_follows_an_exchange_by_itself_and_the_old_key_signs_nothing_more(chain: Chain) -> None:
    state, desk = chain.shop.state, chain.desk
    chain.sends()
    old = b""
    for _ in range(2):
        old = (state / files.KEY).read_bytes()
        assert chain.key("rotate").exit_code == 0
        chain.works(12)
    log = chain.sends()
    assert (desk.position(), chain.refused()) == ((log, head(state)), set())
    with closing(Reader(state)) as reader:
        parent = {"log": log, "seq": reader.head(), "hash": reader.hash_of(reader.head())}
    desk.events(Log("L9", key=Ed25519PrivateKey.from_private_bytes(old)).open(parent=parent))
    assert chain.refused() == {"key"}
    assert desk.position() == (log, head(state))


def test_a_key_that_is_there_or_may_be_is_not_given_up(chain: Chain) -> None:
    state = chain.shop.state
    before = {path.name: path.read_bytes() for path in state.iterdir()}
    for spoil in (None, "next"):
        if spoil:
            (state / files.KEY).rename(state / keys.NEXT)
        there = chain.key("lost")
        assert (there.exit_code, "jaego key rotate" in there.stderr) == (EXIT_LEDGER, True)
    (state / keys.NEXT).rename(state / files.KEY)
    with chain.shop.agent():
        assert "in use" in chain.key("lost").stderr
    assert (state / files.KEY).read_bytes() == before[files.KEY]


def test_a_wrong_key_is_set_aside(chain: Chain) -> None:
    state = chain.shop.state
    for number in (1, 2):
        (state / files.KEY).write_bytes(bytes([number]) * 32)
        assert chain.key("lost").exit_code == 0
        assert (state / f"{keys.OTHER}-{number}").read_bytes() == bytes([number]) * 32
    check_whole(state)
    chain.works(1)
    head(state)
