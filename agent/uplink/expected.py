"""What head office expects of this store: `expected/{document}`, retained, written down before it is used.

The newest revision counts; an empty payload withdraws a document. After a connect the store asks for what changed,
since not every broker hands retained messages to a wildcard: everything at first, then since the revision that it has.
What could not be written comes again that way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from agent.errors import LedgerError
from agent.ledger.transaction import Transaction
from agent.uplink.link import Inbound
from agent.uplink.master import Counts
from agent.uplink.pages import Pages
from contract.documents import DocumentRefused, parse_document

DOCUMENTS_MAX = 2000  # open ones
Submit = Callable[[Callable[[Transaction], Any], Callable[[Any, Exception | None], None]], None]


class ExpectedDocuments:
    """In the link's thread; the ledger's writer does the writing."""

    def __init__(self, submit: Submit, pages: Pages, *, say: Callable[[str, str], None], counts: Counts) -> None:
        self._submit = submit
        self._pages = pages
        self._say = say
        self._counts = counts
        self._synced = 0
        self._unwritten = False

    def ask(self) -> None:
        if self._unwritten:
            self._synced, self._unwritten = 0, False
        self._pages.begin(self._synced)

    def answered(self, ask_id: str, one: Inbound) -> None:
        """`{"documents": [...], "withdrawn": [names], "page": n, "more": bool, "revision": n, "since": n}`."""
        if not self._pages.is_mine(ask_id):
            return
        try:
            answer, more, revision = self._pages.parsed(one)
            documents, withdrawn = list(answer["documents"]), list(answer.get("withdrawn") or ())
        except (KeyError, TypeError, ValueError) as error:
            self._counts.inbound_ignored += 1
            self._say("expected", f"head office's answer to ask/expected is no page of documents: {error}")
            return
        for raw in documents:
            name = raw.get("document") if isinstance(raw, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            self.take(str(name), Inbound(one.topic, orjson.dumps(raw), retained=False))  # pyright: ignore[reportUnknownArgumentType]
        for name in withdrawn:
            self.take(str(name), Inbound(one.topic, b"", retained=False))
        if more:
            self._pages.next()
        else:
            self._synced = revision

    def take(self, name: str, one: Inbound) -> None:
        if not one.payload:
            self._write(name, lambda tx: tx.withdraw(name))
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
                self._unwritten = True
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
