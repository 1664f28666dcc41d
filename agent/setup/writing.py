"""A configuration as TOML: tables, lists of tables, and values. Pure; what it writes `tomllib` reads back the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml(table: Mapping[str, Any]) -> str:
    """Raises TypeError for what a configuration does not hold."""
    return "\n".join(_table(table, ())).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    below: list[tuple[str, Any]] = []
    for name, value in table.items():
        if isinstance(value, Mapping) or _is_tables(value):
            below.append((name, cast("Any", value)))
        else:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in below:
        where = (*path, name)
        title = ".".join(map(_key, where))
        if isinstance(value, Mapping):
            yield f"\n[{title}]"
            yield from _table(cast("Mapping[str, Any]", value), where)
            continue
        for one in value:
            yield f"\n[[{title}]]"
            yield from _table(one, where)


def _is_tables(value: Any) -> bool:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return bool(items) and all(isinstance(one, Mapping) for one in items)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """JSON's strings are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple():
            return f"[{', '.join(_value(one) for one in cast('list[Any]', value))}]"
        case Mapping():  # in a list beside other values
            pairs = cast("Mapping[str, Any]", value).items()
            return f"{{ {', '.join(f'{_key(name)} = {_value(one)}' for name, one in pairs)} }}"
        case _:
            raise TypeError(f"{type(value).__name__} is no value of a configuration")
