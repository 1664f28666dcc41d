"""What of the captured LLRP was compared is said at the end."""

from __future__ import annotations

from tests import totals
from tests.drivers.llrp_vectors import SCORES

totals.COUNTED["LLRP captures"] = lambda: [
    f"{origin:14} " + ", ".join(f"{count:,} {what}" for what, count in score.items())
    for origin, score in sorted(SCORES.items())
]
