"""The digest of many long rows."""

from __future__ import annotations

from agent.operations.values import Draft
from contract.messages import MESSAGE_SIZE_BYTES_MAX
from contract.stock import line_deltas
from tests.agent.uplink.test_traffic import Rig, rig

__all__ = ["rig"]


def test_rows_that_do_not_fit_into_a_message_are_not_listed(rig: Rig) -> None:
    rig.connect()
    zone, drafts = "z" * 64, list[Draft]()
    for number in range(500):
        line = {"sku": f"{number:064}", "quantity": 1, "from": "supplier", "to": zone, "disposition": "sellable"}
        data = {"kind": "received", "lines": [line]}
        drafts.append(Draft("movement", data, {"device": "d"}, rig.clock.wall_us, "synced", line_deltas(line)))
    rig.ledger.call(lambda tx: tx.append(drafts))
    rig.traffic.head_boxed[0] = rig.ledger.head
    whole = rig.request("digest", of="stock", rows_max=500)
    half = rig.request("digest", "r2", of="stock", sku_to=f"{249:064}", rows_max=500)
    assert whole is not None
    assert half is not None
    assert (whole["result"]["rows"], "list" in whole["result"]) == (500, False)
    assert len(half["result"]["list"]) == 250
    assert all(len(raw) <= MESSAGE_SIZE_BYTES_MAX for _topic, raw, _retain in rig.line.of("response"))
