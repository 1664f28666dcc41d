"""Reads the vector files and keeps the score: every vector ends as agree, refused, out of scope, or wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[1] / "fixtures" / "gs1" / "vectors"


def load(name: str) -> list[dict[str, Any]]:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))["vectors"]


@dataclass
class Tally:
    """`refused` counts vectors that must be refused and were, by our reason; `out` those outside our scope, by why."""

    name: str
    agree: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    out: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, found: Any, wanted: Any, vector: dict[str, Any]) -> None:
        if found == wanted:
            self.agree += 1
        else:
            self.fail(vector, f"found {found!r}, wanted {wanted!r}")

    def expect_refused(self, reason: str | None, vector: dict[str, Any]) -> None:
        """`reason` is ours for refusing, or None if we took it."""
        if reason is None:
            self.fail(vector, "taken, although it must be refused")
        else:
            self.refused[reason] = self.refused.get(reason, 0) + 1

    def leave_out(self, why: str) -> None:
        self.out[why] = self.out.get(why, 0) + 1

    def fail(self, vector: dict[str, Any], what: str) -> None:
        self.wrong.append(f"{what}: {json.dumps(vector, ensure_ascii=False)[:300]}")

    @property
    def total(self) -> int:
        return self.agree + sum(self.refused.values()) + sum(self.out.values()) + len(self.wrong)

    def lines(self) -> list[str]:
        refused, out = sum(self.refused.values()), sum(self.out.values())
        head = f"{self.name:34} {self.total:5} vectors: {self.agree:5} agree, {refused:4} refused, {out:3} out of scope"
        lines = [head + (f", {len(self.wrong)} WRONG" if self.wrong else "")]
        if self.refused:
            most = sorted(self.refused.items(), key=lambda item: -item[1])
            words = ", ".join(f"{reason} {count}" for reason, count in most[:6])
            lines.append(f"    refused for {words}{f', and {len(most) - 6} more reasons' if len(most) > 6 else ''}")
        lines += [f"    out of scope {count}: {why}" for why, count in sorted(self.out.items())]
        return lines

    def finish(self) -> None:
        """Records the score for the summary and fails on any wrong vector or any that was passed over."""
        SCORES[self.name] = self
        assert self.total == len(load(self.name)), f"{self.name}: {self.total} of {len(load(self.name))} were judged"
        assert not self.wrong, "\n".join(self.wrong)


SCORES: dict[str, Tally] = {}
