"""A store exchanges its certificate for the next one at the desk: its own key must sign, and once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from contract.renewal import proof
from headoffice import enrolling
from headoffice.authority import STORE_DAYS, Authority, begin, check_store
from headoffice.errors import ConfigError
from headoffice.web.access import Gate
from tests.access.stores import request_of
from tests.headoffice.web.office import NOW_US, Client, Office

DAY_US = 86_400_000_000


@pytest.fixture
def signer(tmp_path: Path) -> Authority:
    return begin(tmp_path / "authority", "Test", NOW_US)


@pytest.fixture
def desk(small: Office, signer: Authority) -> Office:
    small.room.authority = signer
    return small


@pytest.fixture
def books(office: Office, signer: Authority) -> Office:
    """On both databases."""
    office.room.authority = signer
    return office


class Held:
    """What a store has: a certificate and its key."""

    def __init__(self, desk: Office, store: str = "S001", authority: Authority | None = None) -> None:
        request, self.key = request_of(store)
        by = authority or desk.room.authority
        assert by is not None
        issued = enrolling.issue(desk.database, by, store, request, desk.clock)
        self.chain, self.serial, self.ends_us = issued.chain, issued.serial, issued.ends_us


def signed(key: bytes, challenge: str, request: bytes) -> str:
    made = load_pem_private_key(key, None)
    assert isinstance(made, ec.EllipticCurvePrivateKey)
    return made.sign(proof(challenge, request), ec.ECDSA(hashes.SHA256())).hex()


def body_of(client: Client, held: Held, request: bytes, key: bytes | None = None) -> dict[str, str]:
    challenge = client.get("/api/v1/enrol/challenge").json()["challenge"]
    signature = signed(key or held.key, challenge, request)
    told = {"certificate": held.chain.decode(), "request": request.decode()}
    return {**told, "challenge": challenge, "signature": signature}


def ask(client: Client, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    answer = client.post("/api/v1/enrol/renew", json=body)
    return answer.status_code, answer.json()


def refused(client: Client, body: dict[str, str]) -> str:
    status, found = ask(client, body)
    assert (status, found["error"], found["field"]) == (403, "not_renewed", "certificate")
    return str(found["hint"])


def certificates(desk: Office) -> int:
    return len(enrolling.issued(desk.database))


def test_a_certificate_becomes_the_next_one(
    books: Office, signer: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    client, held, (request, key) = books.client(Gate()), Held(books), request_of("S001")
    books.clock.now_us = held.ends_us - 10 * DAY_US
    status, found = ask(client, body_of(client, held, request))
    assert (status, found["store"], found["authority"].encode()) == (200, "S001", signer.pem)
    made = x509.load_pem_x509_certificate(found["certificate"].encode())
    made.verify_directly_issued_by(x509.load_pem_x509_certificate(signer.pem))
    assert made.public_key() == load_pem_private_key(key, None).public_key()
    assert made.subject.rfc4514_string() == "CN=S001"
    [(newest, standing), (former, gone)] = enrolling.standings(enrolling.issued(books.database), books.clock.now_us)
    assert (newest.ends_us - books.clock.now_us, standing) == (STORE_DAYS * DAY_US, "good")
    assert (former.serial, former.revoked_us, gone) == (held.serial, None, "replaced")
    said = capsys.readouterr().err
    assert f"desk: enrol: S001 has renewed {held.serial}: certificate {newest.serial}, from 127.0.0.1" in said


def test_the_answer_may_be_lost_and_no_other_key_gets_it(books: Office) -> None:
    client, held, request = books.client(Gate()), Held(books), request_of("S001")[0]
    for _ in range(2):
        assert ask(client, body_of(client, held, request))[0] == 200
        books.clock.now_us += 1
    other = body_of(client, held, request_of("S001")[0])
    assert "renewed for another key already" in refused(client, other)
    assert certificates(books) == 3


def test_a_proof_is_good_once_and_for_its_request_and_for_minutes(desk: Office) -> None:
    client, held, request = desk.client(Gate()), Held(desk), request_of("S001")[0]
    body = body_of(client, held, request)
    assert "has not signed" in refused(client, body | {"request": request_of("S001")[0].decode()})
    assert ask(client, body)[0] == 200
    assert "used already" in refused(client, body)
    late = body_of(client, held, request)
    desk.clock.now_us += 300_000_001
    assert "challenge is over" in refused(client, late)
    assert certificates(desk) == 2


def test_a_challenge_that_the_desk_did_not_make(desk: Office) -> None:
    client, held, request = desk.client(Gate()), Held(desk), request_of("S001")[0]
    for text in ("", "5", "5.ab", f"{NOW_US}.{'0' * 64}", "٣.ab", "-1.ab"):
        body = body_of(client, held, request)
        body |= {"challenge": text, "signature": signed(held.key, text, request)}
        assert "is not this desk's" in refused(client, body)


def test_another_authoritys_challenge_and_certificate_are_nothing_here(desk: Office, tmp_path: Path) -> None:
    client, request = desk.client(Gate()), request_of("S001")[0]
    foreign = begin(tmp_path / "other", "Test", NOW_US)
    held = Held(desk, authority=foreign)
    assert "no certificate of this authority" in refused(client, body_of(client, held, request))
    mine, desk.room.authority = desk.room.authority, foreign
    body = body_of(client, Held(desk), request)
    desk.room.authority = mine
    assert "is not this desk's" in refused(client, body)


def test_only_the_certificates_own_key_and_name_will_do(desk: Office) -> None:
    client, held, other = desk.client(Gate()), Held(desk), Held(desk, "S002")
    request = request_of("S001")[0]
    assert "has not signed" in refused(client, body_of(client, held, request, key=other.key))
    status, found = ask(client, body_of(client, held, request_of("S002")[0]))
    assert (status, found["error"]) == (422, "not_signed")
    assert certificates(desk) == 2


def test_a_certificate_that_is_no_stores_or_not_in_the_books(desk: Office, signer: Authority) -> None:
    client, held = desk.client(Gate()), Held(desk)
    request, key = request_of("S001")
    server, server_key = signer.server(["S001"], NOW_US)
    office, office_key = signer.office(NOW_US)
    unnoted = signer.store("S001", request, NOW_US)
    for shown, own, why in (
        (server.chain, server_key, "is no store's"),
        (office.chain, office_key, "is no store"),
        (signer.pem, key, "no certificate of this authority"),
        (b"no", key, "no certificate of this authority"),
        (unnoted.chain, key, "no note of this certificate"),
    ):
        held.chain, held.key = shown, own
        assert why in refused(client, body_of(client, held, request))


def test_what_was_taken_back_is_not_renewed_even_when_it_has_ended(books: Office, signer: Authority) -> None:
    client, held, request = books.client(Gate()), Held(books), request_of("S001")[0]
    assert ask(client, body_of(client, held, request))[0] == 200
    books.clock.now_us = held.ends_us + DAY_US
    assert enrolling.take_back(books.database, signer, "S001", books.clock.now_us) == 2
    assert "was taken back" in refused(client, body_of(client, held, request))


def test_a_certificate_that_ended_is_renewed_for_thirty_days(desk: Office) -> None:
    client, held, request = desk.client(Gate()), Held(desk), request_of("S001")[0]
    desk.clock.now_us = held.ends_us + 30 * DAY_US
    assert "ended too long ago" in refused(client, body_of(client, held, request))
    desk.clock.now_us -= 1
    assert ask(client, body_of(client, held, request))[0] == 200


def test_it_is_tried_a_few_times_only_by_an_address_and_by_a_store(desk: Office) -> None:
    client, held, request = desk.client(Gate()), Held(desk), request_of("S001")[0]
    answers: list[int] = []
    for _ in range(7):
        answers.append(ask(client, body_of(client, held, request))[0])
        desk.clock.now_us += 10_000_000  # what an address may
    assert answers == [200] * 5 + [429] * 2
    assert ask(client, body_of(client, Held(desk, "S002"), request_of("S002")[0]))[0] == 200
    wrong = body_of(client, Held(desk, "S003"), request) | {"challenge": "5.0"}
    assert [ask(client, wrong)[0] for _ in range(11)] == [403] * 9 + [429] * 2


def test_nothing_is_sent_over_a_network_in_the_clear_and_a_desk_without_an_authority_signs_nothing(
    desk: Office,
) -> None:
    client, held = desk.client(Gate()), Held(desk)
    body = body_of(client, held, request_of("S001")[0])
    assert ask(desk.client(Gate(), address="192.0.2.7"), body)[1]["error"] == "not_https"
    desk.room.authority = None
    assert ask(client, body)[1]["error"] == "no_authority"
    assert client.get("/api/v1/enrol/challenge").json()["error"] == "no_authority"


def test_a_brokers_certificate_is_noted_under_no_stores_name() -> None:
    with pytest.raises(ConfigError):
        check_store(enrolling.server_of(["S001"]))
