"""`config/agent.example.toml` documents every setting, with the default and range that the code has."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from agent.config import Config, load
from drivers.registry import KINDS
from tests.config_example import document, limits, toml

EXAMPLE = Path(__file__).parent.parent / "config" / "agent.example.toml"
_LINE = re.compile(r"^(?:# )?([a-z][a-z0-9_]*) = (.+)$", re.MULTILINE)


def settings() -> Iterator[tuple[str, str, type[BaseModel], FieldInfo]]:
    """Table or kind of device, name, model and field of every setting there is."""
    for table, field in Config.model_fields.items():
        many = get_args(field.annotation)
        model = many[0] if many else field.annotation
        assert model is not None
        yield from ((table, name, model, one) for name, one in model.model_fields.items() if name != "settings")
    for kind, model in KINDS.items():
        yield from ((kind, name, model, one) for name, one in model.model_fields.items())


def tables() -> dict[str, str]:
    """The example's text by table, device settings by their kind."""
    found: dict[str, str] = {}
    for part in re.split(r"^(?=\[)", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        head, _, text = part.partition("\n")
        name = head.strip("[]")
        if name == "device.settings":
            name = tomllib.loads(text)["kind"]
        found[name] = text
    return found


def paragraph(text: str, name: str) -> str:
    """Comment and line of a setting, the comment in one line."""
    for found in text.split("\n\n"):
        *comment, line = found.strip().splitlines()
        if re.match(rf"(# )?{name} = ", line):
            return " ".join(part.removeprefix("# ") for part in comment)
    return ""


def test_the_file_is_what_the_settings_say() -> None:
    remedy = "run: python -m tests.config_example > config/agent.example.toml"
    assert EXAMPLE.read_text("utf-8") == document(), remedy


def test_it_is_valid() -> None:
    config = load(EXAMPLE)
    assert {one.settings.kind for one in config.device} == set(KINDS), "an example of every kind of device"


@pytest.mark.parametrize(
    ("table", "name", "model", "field"), [pytest.param(*one, id=f"{one[0]}.{one[1]}") for one in settings()]
)
def test_a_setting_is_documented(table: str, name: str, model: type[BaseModel], field: FieldInfo) -> None:
    text = tables()[table]
    told = paragraph(text, name)
    assert field.description
    assert field.description in told
    assert limits(model, name) in told
    shown = {key: tomllib.loads(f"value = {value}")["value"] for key, value in _LINE.findall(text)}[name]
    adapter: TypeAdapter[Any] = TypeAdapter(model.model_fields[name].annotation)
    if field.is_required() or name == "kind":
        assert f"\n{name} = " in f"\n{text}"
        assert "Required." in told
    elif field.default is None:
        assert "No default." in told
    else:
        assert adapter.validate_python(shown) == field.default, "the line shows another default than the code has"
        assert f"Default: {toml(shown)}." in told


def test_no_setting_is_made_up() -> None:
    known = {(table, name) for table, name, _model, _field in settings()}
    for table, text in tables().items():
        for name, _value in _LINE.findall(text):
            assert (table, name) in known, f"{table}.{name} does not exist"
