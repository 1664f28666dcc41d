"""What runs behind a broker connection: messages in, messages out, at its own pace.

The worker (`service.py`) takes in events. The desk (`desk.py`) has the other parts, each in its own module: alerts,
checks, commands. A part is driven by one thread, has its own database connection, and does little at a time: `tick`
returns within about a tenth of a second and goes on at the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Message(NamedTuple):
    topic: str
    payload: bytes
    retained: bool = False  # from the broker's memory: it may be old


class Publish(NamedTuple):
    topic: str
    payload: bytes
    retain: bool


class Part(Protocol):
    @property
    def topics(self) -> Sequence[str]:
        """Filters below the prefix that it wants to hear, as `+/response/+`."""
        ...

    def receive(self, message: Message) -> list[Publish]: ...

    def connected(self) -> list[Publish]:
        """After every connect of the broker."""
        ...

    def tick(self) -> list[Publish]:
        """Four times a second, whether something came or not."""
        ...
