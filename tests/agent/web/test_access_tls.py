"""Screens over TLS with a test authority's certificate, and certificates that are none."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest

from agent.people import People
from agent.web.access import Access
from agent.web.app import build
from agent.web.server import Tls, WebServer, WebUnavailable
from tests.agent.clocks import FakeClock
from tests.agent.uplink.test_link_brokers import Authority
from tests.agent.web.store import Store


def test_a_round_trip_over_tls_that_trusts_one_authority_only(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path, "ours"), Authority(tmp_path, "stranger")
    people, store = People(tmp_path, FakeClock()), Store()
    store.access = Access(people, FakeClock(), open_screens=True, tls=True)
    server = WebServer(build(store.view()), "127.0.0.1", 0, Tls(*authority.issue("screens")))

    async def run() -> None:
        async with asyncio.timeout(20):
            host, port = await server.start()
            try:
                trust = ssl.create_default_context(cafile=authority.file)
                async with httpx.AsyncClient(verify=trust, base_url=f"https://{host}:{port}") as client:
                    page = await client.get("/")
                    assert page.status_code == 200
                    assert "strict-transport-security" in page.headers
                    assert "__Host-jaego_session" in client.cookies
                    assert (await client.get("/api/v1/stock")).status_code == 200
                wary = ssl.create_default_context(cafile=stranger.file)
                async with httpx.AsyncClient(verify=wary, base_url=f"https://{host}:{port}") as client:
                    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                        await client.get("/")
                async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
                    with pytest.raises(httpx.TransportError):
                        await client.get("/")
            finally:
                await server.stop()

    try:
        asyncio.run(run())
    finally:
        people.close()


@pytest.mark.parametrize("broken", ["missing", "no PEM", "another's key"])
def test_a_certificate_that_is_none_is_said_with_a_hint(tmp_path: Path, broken: str) -> None:
    authority = Authority(tmp_path, "ours")
    certificate, key = authority.issue("screens")
    match broken:
        case "missing":
            certificate.unlink()
        case "no PEM":
            certificate.write_text("nothing")
        case _:
            key = authority.issue("other")[1]
    server = WebServer(build(Store().view()), "127.0.0.1", 0, Tls(certificate, key))
    with pytest.raises(WebUnavailable, match=r"screens\.crt") as caught:
        asyncio.run(server.start())
    assert "PEM" in caught.value.hint
