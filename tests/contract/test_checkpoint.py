"""A checkpoint is signed for one place of one log, by one key."""

from __future__ import annotations

from typing import Any

import pytest

from contract.chain import ChainError
from contract.checkpoint import check_signed, read_checkpoint, statement
from contract.events import EVENT
from tests.headoffice.logs import KEY, OTHER_KEY, Log, parsed

PUBLIC = KEY.public_key().public_bytes_raw().hex()
EVENTS = Log().open().receive_many(3)
EVENTS.checkpoint()
OPENED, *_MOVED, POINT = parsed(EVENTS.events)


def test_what_is_signed() -> None:
    assert statement(
        "S1", "L1", {"kind": "checkpoint", "upto": 4, "hash": "h", "at": "t", "key": "k", "signature": "s"}
    ) == (b'{"at":"t","hash":"h","key":"k","kind":"checkpoint","log":"L1","store":"S1","upto":4}')


def test_it_is_read_and_is_an_event_of_the_contract() -> None:
    found = read_checkpoint(POINT, PUBLIC)
    assert found is not None
    assert (found.upto, found.hash) == (4, POINT["prev"])
    EVENT.validate_python(POINT)
    assert read_checkpoint(OPENED, PUBLIC) is None


@pytest.mark.parametrize("change", [{"store": "S2"}, {"log": "L2"}, {"seq": 6}, {"prev": "0" * 64}])
def test_it_holds_at_no_other_place(change: dict[str, Any]) -> None:
    with pytest.raises(ChainError) as caught:
        read_checkpoint({**POINT, **change}, PUBLIC)
    assert caught.value.code == "signature"


def test_the_key_is_that_of_the_opening() -> None:
    assert check_signed(OPENED, None, 0) == (PUBLIC, 1)
    assert check_signed(_MOVED[0], PUBLIC, 1) == (PUBLIC, 1)
    assert check_signed(POINT, PUBLIC, 1) == (PUBLIC, 5)
    with pytest.raises(ChainError, match="newest signature that holds is event 1") as caught:
        check_signed(POINT, OTHER_KEY.public_key().public_bytes_raw().hex(), 1)
    assert caught.value.code == "key"
