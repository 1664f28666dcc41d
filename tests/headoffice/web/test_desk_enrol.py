"""A store exchanges its token for a certificate at the desk: once, for one key, over https, not by guessing."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from headoffice import enrolling, keys
from headoffice.authority import Authority, begin
from headoffice.errors import ConfigError
from headoffice.web.access import Gate
from tests.access.stores import request_of
from tests.headoffice.web.office import NOW_US, Client, Office

KEY = "ab" * 32


@pytest.fixture
def signer(tmp_path: Path) -> Authority:
    return begin(tmp_path / "authority", "Test", NOW_US)


@pytest.fixture
def desk(office: Office, signer: Authority) -> Office:
    office.room.authority = signer
    return office


def ask(client: Client, token: str, request: bytes, **more: str) -> tuple[int, dict[str, str]]:
    body = {"token": token, "request": request.decode(), **more}
    answer = client.post("/api/v1/enrol", json=body)
    return answer.status_code, answer.json()


def invited(desk: Office, signer: Authority, store: str = "S001", hours: float = 1) -> str:
    return enrolling.invite(desk.database, signer, store, hours, desk.clock)


def test_a_token_becomes_a_certificate_and_the_stores_key_is_known(
    desk: Office, signer: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    client, token, (request, _key) = desk.client(Gate()), invited(desk, signer), request_of("S001")
    status, found = ask(client, token, request, key=KEY)
    assert (status, found["store"], found["authority"].encode()) == (200, "S001", signer.pem)
    made = x509.load_pem_x509_certificate(found["certificate"].encode())
    made.verify_directly_issued_by(x509.load_pem_x509_certificate(signer.pem))
    assert [one.value for one in made.subject] == ["S001"]
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert keys.newest(desk.database, "S001") == KEY
    [noted] = enrolling.issued(desk.database)
    assert (noted.name, int(noted.serial, 16)) == ("S001", made.serial_number)
    said = capsys.readouterr().err
    assert f"desk: enrol: S001 has certificate {noted.serial}, from 127.0.0.1, key {KEY}" in said
    assert token.partition(".")[0] not in said


def test_a_token_is_good_for_one_key_whose_answer_may_be_lost(desk: Office, signer: Authority) -> None:
    client, token, (request, _key) = desk.client(Gate()), invited(desk, signer), request_of("S001")
    assert ask(client, token, request)[0] == 200
    assert ask(client, token, request)[0] == 200
    status, found = ask(client, token, request_of("S001")[0])
    assert (status, found["error"], found["field"]) == (403, "not_invited", "token")


def test_a_token_ends_and_a_newer_one_replaces_it(desk: Office, signer: Authority) -> None:
    client, (request, _key) = desk.client(Gate()), request_of("S001")
    first, second = invited(desk, signer), invited(desk, signer)
    assert ask(client, first, request)[1]["error"] == "not_invited"
    desk.clock.now_us += 3_600_000_001
    assert ask(client, second, request)[1]["error"] == "not_invited"
    assert ask(client, "jse_guessed.x", request)[1]["error"] == "not_invited"
    assert desk.database.rows("SELECT COUNT(*) FROM certificate")[0][0] == 0


def test_the_database_does_not_have_the_token(desk: Office, signer: Authority) -> None:
    token = invited(desk, signer).removeprefix("jse_").partition(".")[0]
    assert token not in str(desk.database.rows("SELECT * FROM enrolment"))


def test_a_request_that_is_not_the_stores_uses_no_token_up(desk: Office, signer: Authority) -> None:
    client, token = desk.client(Gate()), invited(desk, signer)
    weak = rsa.generate_private_key(65537, 1024)
    good = request_of("S001")[0]
    forged = good[:120] + (b"A" if good[120:121] != b"A" else b"B") + good[121:]
    for wrong in (request_of("S002")[0], request_of("@headoffice")[0], request_of("S001", weak)[0], forged, b"no"):
        status, found = ask(client, token, wrong)
        assert (status, found["error"], found["field"]) == (422, "not_signed", "request")
    assert ask(client, token, good)[0] == 200


def test_it_is_tried_a_few_times_only(desk: Office, signer: Authority) -> None:
    client, request = desk.client(Gate()), request_of("S001")[0]
    answers = [ask(client, "jse_guess", request)[1]["error"] for _ in range(12)]
    assert answers == ["not_invited"] * 10 + ["too_often"] * 2
    token = invited(desk, signer)
    assert ask(client, token, request)[0] == 429
    desk.clock.now_us += 60_000_000
    assert ask(client, token, request)[0] == 200


def test_a_token_is_not_taken_over_a_network_in_the_clear(desk: Office, signer: Authority) -> None:
    token = invited(desk, signer)
    status, found = ask(desk.client(Gate(), address="192.0.2.7"), token, request_of("S001")[0])
    assert (status, found["error"]) == (403, "not_secret")


def test_a_desk_without_an_authority_signs_nothing(small: Office) -> None:
    client = small.client(Gate())
    assert ask(client, "jse_x", b"x")[1]["error"] == "no_authority"
    assert client.get("/api/v1/enrol/authority").json()["error"] == "no_authority"


def test_whoever_comes_sees_the_authority(desk: Office, signer: Authority) -> None:
    assert desk.client(Gate()).get("/api/v1/enrol/authority").json() == {"certificate": signer.pem.decode()}


# -- the authority itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["catalog", "headoffice", "@headoffice", "", "a/b", "+", "S" * 65])
def test_nobody_gets_a_name_that_is_no_stores(signer: Authority, name: str) -> None:
    with pytest.raises(ConfigError):
        signer.store(name, request_of("x")[0], NOW_US)


def test_a_request_with_two_names_is_refused(signer: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    both = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in ("S001", "S002")]
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(both)).sign(key, hashes.SHA256())
    with pytest.raises(ConfigError, match="S001, S002"):
        signer.store("S001", made.public_bytes(serialization.Encoding.PEM), NOW_US)


def test_its_key_is_for_its_owner_alone_and_a_second_one_is_not_made(signer: Authority) -> None:
    assert (signer.folder / "ca.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="has an authority already"):
        begin(signer.folder, "Other", NOW_US)


def test_what_is_taken_back_is_in_the_list(desk: Office, signer: Authority) -> None:
    for store in ("S001", "S001", "S002"):
        enrolling.issue(desk.database, signer, store, request_of(store)[0], desk.clock)
    assert enrolling.take_back(desk.database, signer, "S001", desk.clock.wall_us()) == 2
    assert enrolling.take_back(desk.database, signer, "S001", desk.clock.wall_us()) == 0
    told = x509.load_pem_x509_crl((signer.folder / "ca.crl").read_bytes())
    ours = x509.load_pem_x509_certificate(signer.pem).public_key()
    assert isinstance(ours, ec.EllipticCurvePublicKey)
    assert told.is_signature_valid(ours)
    gone = {int(one.serial, 16) for one in enrolling.issued(desk.database) if one.name == "S001"}
    assert {one.serial_number for one in told} == gone


def test_a_password_file_has_one_line_for_each_store() -> None:
    text = enrolling.with_entry("S002:$7$x\n", "S001:$7$a")
    text = enrolling.with_entry(text, "S001:$7$b")
    assert text == "S002:$7$x\nS001:$7$b\n"
    with pytest.raises(ConfigError, match="no password file"):
        enrolling.with_entry("listener 1883\n", "S001:$7$b")
