"""Run by the peers' own Python: sllurp inventories a reader for some seconds and prints what it saw, as JSON.

sllurp_client.py PORT SECONDS [impinj]
"""

import json
import sys
import threading
from collections import Counter

from sllurp.llrp import LLRPReaderClient, LLRPReaderConfig


def settings(*, impinj: bool) -> dict[str, object]:
    wanted: dict[str, object] = {
        "antennas": [1, 2, 3, 4],
        "report_every_n_tags": 10,
        "report_timeout_ms": 200,
        "session": 1,
        "tag_content_selector": {
            "EnableAntennaID": True,
            "EnablePeakRSSI": True,
            "EnableFirstSeenTimestamp": True,
            "EnableLastSeenTimestamp": True,
            "EnableTagSeenCount": True,
        },
        "keepalive_interval": 1000,
    }
    if impinj:
        wanted["impinj_extended_configuration"] = True
        wanted["impinj_reports"] = True
        wanted["impinj_tag_content_selector"] = {
            "EnableRFPhaseAngle": True,
            "EnablePeakRSSI": True,
            "EnableRFDopplerFrequency": True,
        }
    return wanted


def main() -> None:
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    fields: set[str] = set()

    def told(_reader: object, tags: list[dict[str, object]]) -> None:
        for tag in tags:
            epc = tag.get("EPC") or tag.get("EPC-96")
            seen[epc.decode() if isinstance(epc, bytes) else str(epc)] += int(tag["TagSeenCount"])
            fields.update(tag)

    reader = LLRPReaderClient("127.0.0.1", port, LLRPReaderConfig(settings(impinj="impinj" in sys.argv[3:])))
    reader.add_tag_report_callback(told)
    reader.add_message_callback("ERROR_MESSAGE", lambda _reader, message: wrong.append(str(message)))
    reader.connect()
    threading.Event().wait(seconds)
    reader.disconnect(timeout=3)
    sys.stdout.write(json.dumps({"seen": seen, "wrong": wrong, "fields": sorted(fields)}))


main()
