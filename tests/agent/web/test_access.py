"""Who gets in: tokens, logins, screens of this PC; and everything that must be refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.people import People
from agent.people.people import IDLE_US, WRONG_PINS_FREE
from agent.people.values import Scope
from agent.web.access import KIOSK_S, Access
from agent.web.access_limits import BUCKETS_MAX, Buckets
from agent.web.app import build
from tests.agent.clocks import FakeClock
from tests.agent.web.store import Store

HOST = "http://127.0.0.1:8470"
SAME = {"sec-fetch-site": "same-origin"}
SCAN = "/api/v1/stations/dock-1/scan"
CSRF = re.compile('<meta name="jaego-csrf" content="([^"]+)">')


@dataclass
class Door:
    people: People
    clock: FakeClock
    app: Any
    store: Store

    def client(self, address: str = "127.0.0.1", base: str = HOST, **more: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=base, **more)

    def program(self, *scopes: Scope, address: str = "192.0.2.7") -> httpx.AsyncClient:
        token = self.people.add_client("-".join(scopes), frozenset(scopes))
        return self.client(address, headers={"authorization": f"Bearer {token}"})


def at_the_door(
    folder: Path, talk: Callable[[Door], Awaitable[None]], *, open_screens: bool = True, tls: bool = False
) -> None:
    async def run() -> None:
        clock, store = FakeClock(), Store(language="en")
        people = People(folder, clock)
        store.access = Access(people, clock, open_screens=open_screens, tls=tls)
        app = build(store.view())
        try:
            await talk(Door(people, clock, app, store))
        finally:
            await app.state.room.close()
            people.close()

    asyncio.run(run())


async def log_in(client: httpx.AsyncClient, badge: str, pin: str = "2468", onward: str = "/") -> httpx.Response:
    return await client.post("/login", data={"badge": badge, "pin": pin, "next": onward}, headers=SAME)


async def csrf(client: httpx.AsyncClient) -> str:
    found = CSRF.search((await client.get("/")).text)
    assert found is not None
    return found[1]


def press(client: httpx.AsyncClient, number: int = 1, **headers: str) -> Awaitable[httpx.Response]:
    return client.post(SCAN, json={"code": "8801"}, headers={"x-jaego-press": f"press-{number:06}"} | headers)


# -- nobody ------------------------------------------------------------------------------------------------------------


def test_nobody_gets_nothing_from_elsewhere(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client("192.0.2.7") as client:
            for path in ("/api/v1/stock", "/api/v1/health", "/events", "/events/dock-1", "/api/v1/openapi.json"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["error"]) == (401, "not_logged_in"), path
                assert answer.headers["www-authenticate"] == "Bearer"
                assert answer.json()["hint"]
            assert (await client.get("/metrics")).status_code == 401
            for path in ("/", "/stock", "/station/dock-1", "/print", "/no-such-page"):
                answer = await client.get(path)
                assert answer.status_code == 303, path
                assert answer.headers["location"] == f"/login?next={path}"
                assert "set-cookie" not in answer.headers
            assert (await client.get("/login")).status_code == 200
            assert (await press(client, **SAME)).status_code == 401
            assert door.store.scanned == []

    at_the_door(tmp_path, talk)


def test_metrics_are_open_on_this_pc_and_for_a_token_that_reads(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        for client in (door.client(), door.program("read"), door.program("admin")):
            async with client:
                answer = await client.get("/metrics")
                assert answer.status_code == 200
                assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
                assert answer.text == "jaego_scans_total 0\n"
                assert "set-cookie" not in answer.headers  # a program is no screen
        async with door.program("sales") as client:
            assert (await client.get("/metrics")).status_code == 403

    at_the_door(tmp_path, talk)


def test_health_is_open_on_this_pc_and_nothing_else_of_the_api(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as client:
            assert (await client.get("/api/v1/health")).status_code == 200
            assert (await client.get("/api/v1/stock")).status_code == 401
            assert (await press(client, **SAME)).status_code == 401

    at_the_door(tmp_path, talk)


# -- screens of this PC ------------------------------------------------------------------------------------------------


def test_a_screen_of_this_pc_reads_and_scans_and_no_more(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as client:
            mark = {"x-jaego-csrf": await csrf(client)} | SAME
            assert (await client.get("/api/v1/stock")).status_code == 200
            assert (await press(client, **mark)).status_code == 200
            assert door.store.scanned == [("dock-1", "8801", False)]
            assert (await client.get("/api/v1/settings")).status_code == 403
            refused = await client.post("/api/v1/counts", json={"zone": "dock"}, headers=mark)
            assert (refused.status_code, refused.json()["error"]) == (401, "not_logged_in")

    at_the_door(tmp_path, talk)


def test_screens_are_shut_when_they_are_not_open(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as client:
            assert (await client.get("/")).status_code == 303
            assert (await client.get("/api/v1/stock")).status_code == 401

    at_the_door(tmp_path, talk, open_screens=False)


def test_a_screens_cookie_is_good_on_this_pc_only_and_cannot_be_made(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as client:
            await client.get("/")
            cookie = client.cookies["jaego_session"]
        kind, made, drawn, mark = cookie.split(".")
        younger = ".".join((kind, str(int(made) + 1), drawn, mark))
        for address, held, status in (
            ("127.0.0.1", cookie, 200),
            ("::1", cookie, 200),
            ("192.0.2.7", cookie, 401),
            ("127.0.0.1", younger, 401),
            ("127.0.0.1", cookie[:-1], 401),
            ("127.0.0.1", "k.", 401),
            ("127.0.0.1", "k.x.y", 401),
            ("127.0.0.1", "k." + "x" * 3000, 401),
        ):
            async with door.client(address, cookies={"jaego_session": held}) as client:
                assert (await client.get("/api/v1/stock")).status_code == status, (address, held)
        door.clock.advance(KIOSK_S + 1)
        async with door.client(cookies={"jaego_session": cookie}) as client:
            assert (await client.get("/api/v1/stock")).status_code == 401

    at_the_door(tmp_path, talk)


def test_a_screen_keeps_its_cookie_for_a_day(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as client:
            first = await csrf(client)
            assert await csrf(client) == first
            door.clock.advance(25 * 3600)
            second = await csrf(client)
            assert second != first
            assert (await press(client, **{"x-jaego-csrf": second}, **SAME)).status_code == 200

    at_the_door(tmp_path, talk)


# -- programs ----------------------------------------------------------------------------------------------------------


def test_a_token_does_what_its_scopes_say(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.program("read") as reading, door.program("sales") as selling, door.program("stock") as moving:
            assert (await reading.get("/api/v1/stock")).status_code == 200
            assert (await reading.get("/stock")).status_code == 200
            refused = await press(reading)
            assert (refused.status_code, refused.json()["error"]) == (403, "not_allowed")
            assert (await selling.get("/api/v1/stock")).status_code == 403
            assert (await selling.get("/stock")).status_code == 403
            assert (await moving.get("/api/v1/settings")).status_code == 403
            assert (await press(moving)).status_code == 200  # a token needs no header of pages
        async with door.program("admin") as everything:
            assert (await everything.get("/api/v1/settings")).status_code == 200

    at_the_door(tmp_path, talk)


@pytest.mark.parametrize("given", ["Bearer nonsense", "Bearer ", "Basic YTpi", "nonsense", "Bearer " + "x" * 9000])
def test_a_token_that_is_none_is_refused_even_beside_a_good_cookie(tmp_path: Path, given: str) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as client:
            await client.get("/")
            answer = await client.get("/api/v1/stock", headers={"authorization": given})
            assert answer.status_code == 401

    at_the_door(tmp_path, talk)


def test_a_revoked_token_is_refused_at_once(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.program("read") as client:
            assert (await client.get("/api/v1/stock")).status_code == 200
            door.people.revoke("read")
            assert (await client.get("/api/v1/stock")).status_code == 401

    at_the_door(tmp_path, talk)


# -- clerks ------------------------------------------------------------------------------------------------------------


def test_a_clerk_logs_in_with_a_new_cookie_and_is_named(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        _, badge = door.people.add("Kim Minji", "supervisor", "en", "2468")
        async with door.client() as client:
            await client.get("/")
            before = client.cookies["jaego_session"]
            answer = await log_in(client, badge, onward="/stock")
            assert (answer.status_code, answer.headers["location"]) == (303, "/stock")
            set_cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in set_cookie
            assert "samesite=strict" in set_cookie
            first = client.cookies["jaego_session"]
            assert first != before
            assert "Kim Minji" in (await client.get("/")).text
            await log_in(client, badge)
            assert client.cookies["jaego_session"] != first
        async with door.client("192.0.2.7", cookies={"jaego_session": first}) as thief:
            assert (await thief.get("/api/v1/stock")).status_code == 401  # the second login ended it

    at_the_door(tmp_path, talk)


def test_a_cookie_that_somebody_else_set_is_not_kept_at_login(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        _, badge = door.people.add("A", "clerk", "en", "2468")
        async with door.client("192.0.2.7", cookies={"jaego_session": "chosen-by-a-stranger"}) as client:
            answer = await log_in(client, badge)
            assert "chosen-by-a-stranger" not in answer.headers["set-cookie"]
        async with door.client("192.0.2.8", cookies={"jaego_session": "chosen-by-a-stranger"}) as stranger:
            assert (await stranger.get("/api/v1/stock")).status_code == 401

    at_the_door(tmp_path, talk)


def test_a_cookie_is_dead_after_logout(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        _, badge = door.people.add("A", "clerk", "en", "2468")
        async with door.client("192.0.2.7") as client:
            await log_in(client, badge)
            cookie = client.cookies["jaego_session"]
            assert (await client.get("/api/v1/stock")).status_code == 200
            assert (await client.post("/logout", headers=SAME)).status_code == 303
            assert "jaego_session" not in client.cookies
        async with door.client("192.0.2.7", cookies={"jaego_session": cookie}) as replaying:
            assert (await replaying.get("/api/v1/stock")).status_code == 401
            assert (await replaying.get("/stock")).status_code == 303

    at_the_door(tmp_path, talk)


def test_a_session_that_nobody_uses_ends(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        _, badge = door.people.add("A", "clerk", "en", "2468")
        async with door.client("192.0.2.7") as client:
            await log_in(client, badge)
            door.clock.advance(IDLE_US / 1e6 + 1)
            assert (await client.get("/api/v1/stock")).status_code == 401

    at_the_door(tmp_path, talk)


def test_roles_rise(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        for role, status in (("clerk", 403), ("supervisor", 200), ("admin", 200)):
            _, badge = door.people.add(role, role, "en", "2468")
            async with door.client("192.0.2.7") as client:
                await log_in(client, badge)
                assert (await client.get("/api/v1/settings")).status_code == status, role
        person, badge = door.people.add("B", "admin", "en", "2468")
        async with door.client("192.0.2.7") as client:
            await log_in(client, badge)
            assert (await client.get("/api/v1/settings")).status_code == 200
            door.people.set_role(person.clerk, "clerk")
            assert (await client.get("/api/v1/settings")).status_code == 403

    at_the_door(tmp_path, talk)


def test_who_approves_has_the_role_whoever_is_logged_in(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        _, own = door.people.add("A", "supervisor", "en", "2468")
        _, clerks = door.people.add("B", "clerk", "en", "1357")
        async with door.client("192.0.2.7") as client:
            await log_in(client, own)
            mark = {"x-jaego-csrf": await csrf(client)} | SAME
            for pin in ("1357", "2468"):
                body = {"badge": clerks, "pin": pin}
                answer = await client.post("/api/v1/counts/count-1/approve", json=body, headers=mark)
                assert (answer.status_code, answer.json()["error"]) == (403, "not_allowed")

    at_the_door(tmp_path, talk)


def test_wrong_badge_and_wrong_pin_look_the_same_and_lock_out(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        _, badge = door.people.add("A", "clerk", "en", "2468")
        async with door.client("192.0.2.7") as client:
            one, other = await log_in(client, badge, "0000"), await log_in(client, "NOBODY", "2468")
            assert (one.status_code, one.text) == (other.status_code, other.text)
            assert one.status_code == 403
            assert "jaego_session" not in client.cookies
            for _ in range(WRONG_PINS_FREE):
                await log_in(client, badge, "0000")
            locked = await log_in(client, badge)
            assert locked.status_code == 429
            assert int(locked.headers["retry-after"]) in range(20, 40)
            door.clock.advance(40)
            assert (await log_in(client, badge)).status_code == 303

    at_the_door(tmp_path, talk)


@pytest.mark.parametrize(
    "onward", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a b"]
)
def test_a_login_leads_to_this_store_only(tmp_path: Path, onward: str) -> None:
    async def talk(door: Door) -> None:
        _, badge = door.people.add("A", "clerk", "en", "2468")
        async with door.client() as client:
            assert (await log_in(client, badge, onward=onward)).headers["location"] == "/"

    at_the_door(tmp_path, talk)


# -- other sites -------------------------------------------------------------------------------------------------------


def test_a_post_that_is_not_from_our_page_is_refused(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as client:
            mark = await csrf(client)
            for number, headers in enumerate(
                (
                    {},
                    {"x-jaego-csrf": mark},
                    SAME,
                    SAME | {"x-jaego-csrf": mark[:-1]},
                    SAME | {"x-jaego-csrf": mark, "origin": "http://evil.example"},
                    {"x-jaego-csrf": mark, "sec-fetch-site": "cross-site"},
                    {"x-jaego-csrf": mark, "sec-fetch-site": "same-site", "origin": HOST},
                    {"x-jaego-csrf": mark, "origin": "http://127.0.0.1:9999"},
                    {"x-jaego-csrf": mark, "origin": "https://127.0.0.1:8470"},
                    {"x-jaego-csrf": mark, "origin": "null"},
                    {"x-jaego-csrf": mark, "origin": "http://[bad"},
                )
            ):
                assert (await press(client, number, **headers)).status_code == 403, headers
            assert door.store.scanned == []
            assert (await press(client, 100, **{"x-jaego-csrf": mark, "origin": HOST})).status_code == 200
            assert (await press(client, 101, **{"x-jaego-csrf": mark, "origin": "null"}, **SAME)).status_code == 200

    at_the_door(tmp_path, talk)


def test_another_sites_form_neither_logs_in_nor_out(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        _, badge = door.people.add("A", "clerk", "en", "2468")
        fields = {"badge": badge, "pin": "2468"}
        async with door.client() as client:
            for headers in ({}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
                assert (await client.post("/login", data=fields, headers=headers)).status_code == 403
            await log_in(client, badge)
            assert (await client.post("/logout", headers={"sec-fetch-site": "cross-site"})).status_code == 403
            assert "Log out" in (await client.get("/")).text

    at_the_door(tmp_path, talk)


def test_one_screens_mark_is_not_anothers(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as one, door.client() as other:
            theirs = await csrf(other)
            await csrf(one)
            assert (await press(one, **{"x-jaego-csrf": theirs}, **SAME)).status_code == 403

    at_the_door(tmp_path, talk)


def test_a_strangers_name_is_refused_before_anything_is_given(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client(base="http://evil.example") as client:
            answer = await client.get("/")
            assert answer.status_code == 421
            assert "set-cookie" not in answer.headers

    at_the_door(tmp_path, talk)


# -- too much ----------------------------------------------------------------------------------------------------------


def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.program("stock") as client, door.client("192.0.2.9") as other:
            answers = [await press(client, number) for number in range(201)]
            assert [one.status_code for one in answers] == [200] * 200 + [429]
            assert int(answers[-1].headers["retry-after"]) >= 1
            assert (await other.get("/login")).status_code == 200
            for _ in range(200):
                last = await client.get("/login")
            assert last.status_code == 429
            door.clock.advance(1)
            assert (await press(client, 500)).status_code == 200

    at_the_door(tmp_path, talk)


def test_buckets_are_bounded_and_fill_again() -> None:
    buckets = Buckets(per_s=0.5, burst=2)
    assert [buckets.wait_s("a", 0.0) for _ in range(3)] == [0, 0, 2]
    assert [buckets.wait_s("a", 2.0) for _ in range(2)] == [0, 2]
    for number in range(BUCKETS_MAX):
        buckets.wait_s(str(number), 2.0)
    assert len(buckets._held) == BUCKETS_MAX


def test_forms_are_short_and_forms(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client() as client:
            assert (await client.post("/login", data={"badge": "x" * 5000}, headers=SAME)).status_code == 413
            assert (await client.post("/login", json={}, headers=SAME)).status_code == 415
            many = {f"field{number}": "1" for number in range(20)}
            assert (await client.post("/login", data=many, headers=SAME)).status_code == 400
            raw = {"content-type": "application/x-www-form-urlencoded"} | SAME
            assert (await client.post("/login", content=b"badge=%ff%00&pin=\xff", headers=raw)).status_code == 403

    at_the_door(tmp_path, talk)


# -- TLS ---------------------------------------------------------------------------------------------------------------


def test_with_tls_cookies_are_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    async def talk(door: Door) -> None:
        async with door.client(base="https://127.0.0.1:8470") as client:
            answer = await client.get("/")
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-jaego_session=")
            assert "; Secure" in cookie
            assert "Domain" not in cookie
            assert "; Path=/" in cookie
        async with door.client() as plain:
            assert "strict-transport-security" not in (await plain.get("/login")).headers

    at_the_door(tmp_path, talk, tls=True)
