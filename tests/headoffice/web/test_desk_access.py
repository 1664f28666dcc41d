"""Who is let in: nobody, a token, a browser's login, whoever is on this machine; and what each may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from headoffice.web import access, limits, origin, tokens
from headoffice.web.access import COOKIE, KNOWN_S, Gate
from headoffice.web.app import Desk
from tests.headoffice.web.office import Client, Office

OPEN = {
    ("GET", "/api/v1/health"),
    ("POST", "/api/v1/login"),
    ("GET", "/api/v1/enrol/authority"),
    ("GET", "/api/v1/enrol/challenge"),
    ("POST", "/api/v1/enrol"),
    ("POST", "/api/v1/enrol/renew"),
}
ENTRY = {
    "/api/v1/health": 200,
    "/api/v1/enrol": 422,
    "/api/v1/enrol/renew": 422,
    "/api/v1/enrol/authority": 404,
    "/api/v1/enrol/challenge": 404,
}
SAMPLES = {"sku": "COLA", "store": "S1", "seq": "1", "alert": "1"}


def operations(app: Desk) -> Iterator[tuple[str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path


def address(path: str) -> str:
    for part in path.split("{")[1:]:
        name = part.partition("}")[0]
        path = path.replace(f"{{{name}}}", SAMPLES.get(name, "X"))
    return path


def paths_of(routes: Iterable[Any]) -> Iterator[str]:
    """Of routes, and of routers that were taken in whole."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from paths_of(inner.routes)
        elif getattr(route, "path", None):
            yield route.path


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def cookie_from(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def test_nobody_reaches_an_endpoint_but_health_and_login(small: Office) -> None:
    client = small.client(Gate())
    tried = list(operations(client.app))
    assert len(tried) > 30
    for method, path in tried:
        answer = client.request(method, address(path), **({"json": {"token": "x"}} if path.endswith("/login") else {}))
        # Who wants to be enrolled, or renews, is let in to say so: test_desk_enrol.py, test_desk_renew.py.
        expected = ENTRY.get(path, 401)
        assert answer.status_code == expected, path
        assert {"error", "hint"} <= answer.json().keys() or path == "/api/v1/health"


def test_nobody_reaches_a_page_but_the_login(small: Office) -> None:
    client = small.client(Gate())
    pages = {path for path in paths_of(client.app.routes) if not path.startswith(("/api/", "/static/"))}
    assert {"/", "/stock", "/stores/{store}", "/alerts", "/login"} <= pages
    for path in pages - {"/login"}:
        answer = client.get(address(path))
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={address(path)}"), path
    assert client.get("/login").status_code == 200


def test_openness_is_for_this_machine_alone(small: Office) -> None:
    assert small.client(address="192.0.2.7").get("/api/v1/me").status_code == 401
    assert small.client().get("/api/v1/me").json() == {"name": "local", "role": "act"}
    assert small.client(Gate()).get("/api/v1/me").status_code == 401
    wrong = small.client().get("/api/v1/me", headers=bearer("jhq_wrong"))
    assert wrong.status_code == 401


def test_a_token_that_views_changes_nothing(small: Office) -> None:
    client = small.client(Gate(), "192.0.2.7", **bearer(small.token("reader", "view")))
    assert client.get("/api/v1/me").json() == {"name": "reader", "role": "view"}
    writing = [
        (method, path)
        for method, path in operations(client.app)
        if method != "GET" and "/log" not in path and (method, path) not in OPEN
    ]
    assert writing
    for method, path in writing:
        answer = client.request(method, address(path))
        assert (answer.status_code, answer.json()["error"]) == (403, "not_allowed"), path


def test_a_token_is_kept_as_a_hash_and_can_be_taken_back(office: Office) -> None:
    secret = office.token("till", "act")
    client = office.client(Gate(), **bearer(secret))
    assert client.get("/api/v1/me").json()["role"] == "act"
    for row in office.database.rows("SELECT * FROM token"):
        assert secret not in map(str, row)
    with pytest.raises(Exception, match="already"):
        office.token("till", "view")
    assert tokens.remove(office.database, "till")
    assert not tokens.remove(office.database, "till")
    assert client.get("/api/v1/me").status_code == 200
    office.clock.now_us += int(KNOWN_S * 1e6) + 1
    assert client.get("/api/v1/me").status_code == 401


def logged_in(office: Office, client: Client, role: tokens.Role = "act") -> str:
    answer = client.post("/api/v1/login", json={"token": office.token(f"person-{role}", role)})
    assert answer.status_code == 200
    told = answer.headers["set-cookie"].lower()
    assert all(word in told for word in ("httponly", "samesite=strict", "path=/"))
    return cookie_from(answer)


def test_a_browser_logs_in_with_a_token_and_out_again(office: Office) -> None:
    client = office.client(Gate())
    held = logged_in(office, client)
    assert held.startswith(f"{COOKIE}=")
    assert client.get("/api/v1/me", headers={"cookie": held}).json() == {"name": "person-act", "role": "act"}
    assert held.partition("=")[2] not in str(office.database.rows("SELECT * FROM login"))
    assert client.post("/api/v1/logout", headers={"cookie": held}).status_code == 204
    assert client.get("/api/v1/me", headers={"cookie": held}).status_code == 401


def test_a_login_ends_with_the_day_and_with_its_token(small: Office) -> None:
    client = small.client(Gate())
    held = logged_in(small, client)
    small.clock.now_us += tokens.LOGIN_US
    assert client.get("/api/v1/me", headers={"cookie": held}).status_code == 401
    second = cookie_from(client.post("/api/v1/login", json={"token": small.token("other", "view")}))
    assert small.database.rows("SELECT COUNT(*) FROM login")[0][0] == 1, "what is over is forgotten"
    tokens.remove(small.database, "other")
    assert client.get("/api/v1/me", headers={"cookie": second}).status_code == 401


FOREIGN: list[dict[str, str]] = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9999"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "http://[broken"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_of_another_site_writes_nothing(small: Office, headers: dict[str, str]) -> None:
    client = small.client()
    held = logged_in(small, client)
    answer = client.post("/api/v1/logout", headers={"cookie": held, **headers})
    assert (answer.status_code, answer.json()["error"]) == (403, "foreign_page")


def test_what_a_browser_writes_has_our_header(small: Office) -> None:
    client = small.client()
    del client.headers["x-jaego-desk"]
    own = {"origin": "http://127.0.0.1:8480", "sec-fetch-site": "same-origin"}
    proxied = {"origin": "https://127.0.0.1:8480", "sec-fetch-site": "same-origin"}
    for headers in (own, proxied, {}):
        answer = client.post("/api/v1/alerts/1/close", headers=headers, json={})
        assert (answer.status_code, answer.json()["error"]) == (403, "no_header")
        answer = client.post("/api/v1/alerts/1/close", headers={**headers, "x-jaego-desk": "1"}, json={})
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:8480", True), ("localhost", True), ("[::1]:8480", True), ("desk.example:443", True),
        ("evil.example", False), ("", False), ("127.0.0.1:8480@evil.example", False), ("desk.example.evil", False),
        ("192.0.2.9", False), ("127.0.0.1:port", False),
    ],
)  # fmt: skip
def test_it_answers_to_its_own_names_alone(small: Office, host: str, ours: bool) -> None:
    client = small.client(Gate(frozenset({"desk.example"}), open=True))
    assert client.get("/api/v1/me", headers={"host": host}).status_code == (200 if ours else 421)


@pytest.mark.parametrize(
    ("host", "counted", "here"),
    [
        ("192.0.2.7", "192.0.2.7", False), ("127.8.8.8", "127.8.8.8", True), ("::1", "::1", True),
        ("::ffff:192.0.2.7", "192.0.2.7", False), ("2001:db8::1:2", "2001:0db8:0000:0000", False),
        ("fe80::1%eth0", "fe80:0000:0000:0000", False), ("a socket", "a socket", False),
    ],
)  # fmt: skip
def test_an_address_counts_as_one_peer(host: str, counted: str, here: bool) -> None:
    scope = {"client": (host, 1)}
    assert (origin.address_of(scope), origin.is_loopback(scope)) == (counted, here)


def test_wrong_tokens_are_slowed_down_and_right_ones_are_not(small: Office) -> None:
    client, right = small.client(Gate()), small.token("till", "view")
    codes = [client.get("/api/v1/me", headers=bearer(f"wrong{number}")).status_code for number in range(25)]
    assert codes == [401] * 20 + [429] * 5
    assert client.post("/api/v1/login", json={"token": "wrong"}).status_code == 429
    assert client.get("/api/v1/me", headers=bearer(right)).status_code == 200
    assert small.client(Gate(), "192.0.2.7").get("/api/v1/me", headers=bearer("wrong")).status_code == 401
    small.clock.now_us += 6_000_001
    assert client.get("/api/v1/me", headers=bearer("another")).status_code == 401


def test_an_address_that_asks_without_end_waits_whoever_it_is(small: Office) -> None:
    client, headers = small.client(Gate()), bearer(small.token("till", "view"))
    codes = [client.get("/api/v1/me", headers=headers).status_code for _ in range(1_010)]
    assert codes == [200] * 1_000 + [429] * 10
    assert client.get("/api/v1/health").headers["retry-after"] == "1"
    assert small.client(Gate(), "192.0.2.7").get("/api/v1/me", headers=headers).status_code == 200
    small.clock.now_us += 5_001
    assert client.get("/api/v1/me", headers=headers).status_code == 200


def test_addresses_that_tried_are_remembered_up_to_a_number() -> None:
    held = limits.Buckets(per_s=1, burst=1)
    for number in range(limits.BUCKETS_MAX + 10):
        held.wait_s(str(number), 0)
    assert len(held._held) == limits.BUCKETS_MAX
    assert held.wait_s("0", 0) == 0
    assert held.wait_s(str(limits.BUCKETS_MAX), 0) == 1


def test_what_is_too_long_is_not_read(small: Office) -> None:
    client = small.client()
    long: list[tuple[dict[str, Any], int]] = [
        ({"headers": {"x-long": "x" * 20_000}}, 431),
        ({"content": b"x" * (access.BODY_BYTES_MAX + 1)}, 413),
        ({"headers": {"transfer-encoding": "chunked"}}, 411),
    ]
    for more, status in long:
        assert client.post("/api/v1/login", **more).status_code == status
    assert client.get("/api/v1/me", headers=bearer("x" * 5_000)).status_code == 401


def test_every_answer_tells_the_browser_what_to_refuse(small: Office) -> None:
    client = small.client(Gate())
    for path in ("/api/v1/health", "/api/v1/me", "/nothing", "/login"):
        headers = client.get(path).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert client.get("/api/v1/me").headers["cache-control"] == "no-store"


def test_a_page_without_a_login_leads_to_the_login(small: Office) -> None:
    answer = small.client(Gate()).get("/stock")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/stock")


def test_a_database_that_is_gone_is_said_as_such(small: Office) -> None:
    client = small.client(Gate())
    small.room.reading.target += ".gone"
    answer = client.get("/api/v1/me", headers=bearer("any"))
    assert (answer.status_code, answer.json()["error"]) == (503, "database")
    answer = client.get("/api/v1/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
