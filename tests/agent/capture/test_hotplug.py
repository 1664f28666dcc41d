"""Hotplug on real directories."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.capture.hotplug import Hotplug, Place, place_of

Told = asyncio.Queue[str]


def watch(paths: dict[str, str], work: Callable[[Told], Awaitable[None]]) -> None:
    async def body() -> None:
        told: Told = asyncio.Queue()
        hotplug = Hotplug(paths, told.put_nowait)
        hotplug.open()
        try:
            async with asyncio.timeout(10):
                await work(told)
        finally:
            hotplug.close()

    asyncio.run(body())


def test_place_of(tmp_path: Path) -> None:
    assert place_of(tmp_path / "tty") == Place(tmp_path, "tty", True)
    assert place_of(tmp_path / "serial" / "by-id" / "usb-1") == Place(tmp_path, "serial", False)
    assert place_of(tmp_path / "event*") == Place(tmp_path, "event*", True)


def test_a_node_that_appears_changes_permission_or_is_moved_in(tmp_path: Path) -> None:
    async def work(told: Told) -> None:
        node = tmp_path / "tty"
        node.touch()
        assert await told.get() == "dock"
        node.chmod(0o600)
        assert await told.get() == "dock"
        (tmp_path / ".new").symlink_to("/dev/null")
        (tmp_path / ".new").replace(node)
        assert await told.get() == "dock"

    watch({"dock": str(tmp_path / "tty")}, work)


def test_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    async def work(told: Told) -> None:
        for _ in range(2):
            (tmp_path / "serial" / "by-id").mkdir(parents=True)
            (tmp_path / "serial" / "by-id" / "usb-1").touch()
            assert await told.get() == "dock"
            (tmp_path / "serial" / "by-id" / "usb-1").unlink()
            (tmp_path / "serial" / "by-id").rmdir()
            (tmp_path / "serial").rmdir()
            await asyncio.sleep(0.05)
            while not told.empty():
                told.get_nowait()

    watch({"dock": str(tmp_path / "serial" / "by-id" / "usb-1")}, work)


def test_neighbours_do_not_count_and_two_devices_share_a_folder(tmp_path: Path) -> None:
    async def work(told: Told) -> None:
        (tmp_path / "other").touch()
        (tmp_path / "event12").touch()
        assert await told.get() == "keys"
        (tmp_path / "tty").touch()
        while (name := await told.get()) != "dock":
            assert name == "keys"

    watch({"dock": str(tmp_path / "tty"), "keys": str(tmp_path / "event*")}, work)


def test_no_inotify_left_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        hotplug = Hotplug({"dock": str(tmp_path / "tty")}, lambda _: None)
        monkeypatch.setattr(hotplug, "_call", _full)
        with pytest.raises(OSError, match="too many"):
            hotplug.open()

    asyncio.run(body())


def _full(*_: object) -> int:
    raise OSError(24, "too many")


def test_descriptors_are_closed(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    async def work(told: Told) -> None:
        assert told.empty()

    for _ in range(3):
        watch({"dock": str(tmp_path / "tty")}, work)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
