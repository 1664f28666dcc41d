"""One question to head office's desk, over https."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from typing import Any
from urllib import request as http
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from agent.errors import AgentError

ANSWER_S_MAX = 15.0
ANSWER_BYTES_MAX = 65_536


def ask(url: str, body: dict[str, Any] | None, context: ssl.SSLContext, hint: str) -> dict[str, Any]:
    """Without a proxy. Raises `AgentError`; `hint` is for a refusal."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise AgentError(f"{url} is not https", hint="what proves a store is never sent in the clear")
    data = None if body is None else json.dumps(body).encode()
    opener: Callable[..., Any] = http.build_opener(http.ProxyHandler({}), http.HTTPSHandler(context=context)).open
    asked = http.Request(url, data, {"content-type": "application/json"})  # noqa: S310  the scheme is checked above
    try:
        with opener(asked, timeout=ANSWER_S_MAX) as answer:
            return dict(json.loads(answer.read(ANSWER_BYTES_MAX)))
    except HTTPError as error:
        raise AgentError(f"head office refuses: {_hint(error)}", hint=hint) from error
    except (URLError, OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise AgentError(f"{url}: {why}", hint="is that the desk, and its certificate of ca server?") from error


def _hint(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read(ANSWER_BYTES_MAX))["hint"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
