"""Run by the peers' own Python: llrpkit's emulated reader, until standard input ends.

llrpkit_emulator.py READS_PER_S: prints its port; for a line of input it stops to report and prints what it sent (JSON).
"""

import asyncio
import json
import sys
from collections import Counter

from llrpkit.emulator import LLRPEmulator
from llrpkit.protocol import enums, messages


class Counting(LLRPEmulator):
    """Counts the tags of each report that was written.

    One mend: 0.3.0 answers GET_ROSPECS by looking up a state "Enabled", which LLRP calls Inactive, and falls over it.
    """

    def __init__(self, reads_per_s: float) -> None:
        super().__init__(reads_per_sec=reads_per_s)
        self.sent: Counter[str] = Counter()

    async def _send(self, msg: object, **kwargs: object) -> None:
        await super()._send(msg, **kwargs)
        if isinstance(msg, messages.RO_ACCESS_REPORT):
            for tag in msg.tag_report_datas:
                self.sent[tag.epc_parameter.epc.hex()] += tag.tag_seen_count.tag_count

    async def _handle_message(self, msg: object) -> None:
        if not isinstance(msg, messages.GET_ROSPECS):
            await super()._handle_message(msg)
            return
        found = []
        for spec, state in self._rospecs.values():
            spec.current_state = enums.ROSpecState["Inactive" if state == "Enabled" else state]
            found.append(spec)
        answer = messages.GET_ROSPECS_RESPONSE(llrp_status=self._status_ok(), ro_specs=found)
        await self._send(answer, message_id=msg.message_id)


def told(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main() -> None:
    emulator = Counting(float(sys.argv[1]))
    async with emulator:
        told(str(emulator.port))
        read = asyncio.get_running_loop().run_in_executor
        if await read(None, sys.stdin.readline):
            emulator._stop_reporting()
            told(json.dumps(emulator.sent))
            await read(None, sys.stdin.read)


asyncio.run(main())
