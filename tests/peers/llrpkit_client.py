"""Run by the peers' own Python: llrpkit inventories a reader and does access operations; prints JSON.

llrpkit_client.py PORT SECONDS [EPC NEW_EPC]
"""

import asyncio
import json
import sys
from collections import Counter

from llrpkit import Reader


async def main() -> None:
    port, seconds, epcs = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    seen: Counter[str] = Counter()
    found: dict[str, object] = {}
    async with Reader("127.0.0.1", port) as reader:
        found["model"], found["firmware"], found["antennas"] = reader.model_number, reader.firmware, reader.max_antennas
        found["impinj"] = reader.is_impinj
        if epcs:
            found["read"] = repr(await reader.read_memory(bank="tid", word_count=6, target_epc=epcs[0]))
            found["write"] = repr(await reader.write_epc(epcs[1], target_epc=epcs[0]))
        async for report in reader.inventory(duration=seconds):
            seen[report.epc_hex] += report.seen_count or 1
    sys.stdout.write(json.dumps({"seen": seen, **found}))


asyncio.run(main())
