"""A ledger of whose past nothing is left but its state: everything before an opening is pruned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.ledger import pruning
from agent.ledger.checkpoints import Checkpoints, Rule
from agent.ledger.log import Ledger


def prune_all(ledger: Ledger, folder: Path) -> int:
    """The opening with which the log begins now. The ledger needs no rule of its own."""

    def job(tx: Any) -> int:
        below = Checkpoints(tx.settle(), folder, Rule(), 0).state(tx, "synced")
        pruning.shut(tx, below, (), forced=False)
        return below

    below = int(ledger.call(job))
    while ledger.call(pruning.sweep):
        continue
    return below
