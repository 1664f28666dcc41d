"""Keyboards, gadgets and serial lines under the installed agent: real evdev, real USB, real udev."""

from __future__ import annotations

from collections.abc import Callable

from tests.machine.devices import plug_keyboard, type_keys
from tests.machine.store import StorePc, gtin


def test_the_first_scan_is_at_the_broker(pc: StorePc, tell: Callable[[str], None]) -> None:
    plug_keyboard(pc.vm, "SCAN-1", 0, 1)
    pc.works("usb-1")
    type_keys(pc.vm, 0, gtin(1) + "\n")
    pc.until(pc.moved, lambda: pc.heard.messages[-5:])
    [event] = pc.moved()
    assert event["source"]["device"] == "usb-1"
    assert event["data"]["lines"][0]["sku"] == "SKU-0001"
    tell(f"{event['data']['lines'][0]['sku']} of {event['source']['device']}")
