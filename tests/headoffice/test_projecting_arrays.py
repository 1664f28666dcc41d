"""Columns of a round as PostgreSQL's arrays: what is written in them is what is read."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headoffice.database import open_database
from headoffice.projecting import _array
from tests.postgres import Postgres

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=5)


@given(
    st.lists(texts | st.sampled_from(["NULL", "", '"', "\\", "a,b", "{x}", " "]), min_size=1, max_size=4)
    | st.lists(st.none() | st.sampled_from(["COLA", '","']), min_size=1, max_size=4)
)
def test_texts(postgres_server: Postgres, column: list[Any]) -> None:
    database = open_database(postgres_server.address())
    assert database.rows("SELECT ?::text[]", (_array(column),)) == [(column,)]
    database.close()


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4))
def test_numbers(postgres_server: Postgres, column: list[Any]) -> None:
    database = open_database(postgres_server.address())
    assert database.rows("SELECT ?::bigint[]", (_array(column),)) == [(column,)]
    database.close()


def test_a_column_of_names_is_one_text() -> None:
    assert _array(("COLA", "A-1")) == '{"COLA","A-1"}'
    assert _array((1, -2)) == "{1,-2}"
