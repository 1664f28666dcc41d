"""What head office expects of this store: `expected/{document}`, retained, written down before it is used.

The newest revision counts; an empty payload withdraws a document. What could not be written comes again with the next
connection, since it is retained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.errors import LedgerError
from agent.ledger.transaction import Transaction
from agent.uplink.link import Inbound
from agent.uplink.master import Counts
from contract.documents import DocumentRefused, parse_document

DOCUMENTS_MAX = 2000  # open ones
Submit = Callable[[Callable[[Transaction], Any], Callable[[Any, Exception | None], None]], None]


class ExpectedDocuments:
    """In the link's thread; the ledger's writer does the writing."""

    def __init__(self, submit: Submit, *, say: Callable[[str, str], None], counts: Counts) -> None:
        self._submit = submit
        self._say = say
        self._counts = counts

    def take(self, name: str, one: Inbound) -> None:
        if not one.payload:
            self._write(name, lambda tx: tx.places.withdraw(name))
            return
        try:
            document = parse_document(one.payload, name)
        except DocumentRefused as error:
            self._refuse(name, str(error))
            return

        def job(tx: Transaction) -> bool:
            count = tx.execute("SELECT COUNT(*) FROM expected").fetchone()[0]
            return count < DOCUMENTS_MAX and (tx.places.expect(document, one.payload) or True)

        self._write(name, job)

    def _write(self, name: str, job: Callable[[Transaction], Any]) -> None:
        def done(result: Any, error: Exception | None) -> None:
            if error is not None:
                self._say(f"expected {name}", f"document {name} could not be written: {error}")
            elif result is False:
                self._say(f"expected {name}", f"document {name} is one more than {DOCUMENTS_MAX} open ones")

        try:
            self._submit(job, done)
        except LedgerError as error:
            done(None, error)

    def _refuse(self, name: str, why: str) -> None:
        self._counts.documents_refused += 1
        self._say(f"expected {name}", f"document {name} from head office is refused: {why}")
