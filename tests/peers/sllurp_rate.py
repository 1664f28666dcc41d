"""Run by the peers' own Python: sllurp decodes messages; bench/llrp.py asks and times nothing itself.

Each line of standard input is a number of rounds and a stream of whole frames in hexadecimal; the answer is a line:
tags a second, tags found in one round, and EPC and antenna of the first.
"""

import logging
import sys
from time import perf_counter

from sllurp.llrp import LLRPMessage

logging.disable(logging.CRITICAL)


def frames(wire: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(wire):
        size = int.from_bytes(wire[at + 2 : at + 6], "big")
        found.append(wire[at : at + size])
        at += size
    return found


def main() -> None:
    for line in sys.stdin:
        rounds, wire = line.split()
        whole = frames(bytes.fromhex(wire))
        tags = [tag for one in whole for tag in LLRPMessage(msgbytes=one).msgdict["RO_ACCESS_REPORT"]["TagReportData"]]
        began = perf_counter()
        for _ in range(int(rounds)):
            for one in whole:
                LLRPMessage(msgbytes=one).msgdict["RO_ACCESS_REPORT"]["TagReportData"]
        rate = int(rounds) * len(tags) / (perf_counter() - began)
        sys.stdout.write(f"{rate} {len(tags)} {repr(tags[0]).encode().hex()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
