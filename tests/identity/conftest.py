"""The score of every vector file behind the tests is said at the end."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from gs1_vectors import SCORES

from tests import totals

totals.COUNTED["GS1 and EPC vectors"] = lambda: [line for name in sorted(SCORES) for line in SCORES[name].lines()]
