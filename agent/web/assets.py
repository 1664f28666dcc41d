"""What pages load, and the one for when the agent is away: read once, served from memory under a mark of their content,
cached for good."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".html": "text/html; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
WORKER = "worker.js"
YEAR_S = 31_536_000


class Assets(NamedTuple):
    mark: str
    files: dict[str, tuple[bytes, str]]


@cache
def assets() -> Assets:
    files = {one.name: (one.read_bytes(), MEDIA[one.suffix]) for one in sorted(FOLDER.iterdir()) if one.suffix in MEDIA}
    whole = hashlib.sha256()
    for name, (body, _) in files.items():
        whole.update(name.encode() + b"\0" + body + b"\0")
    return Assets(whole.hexdigest()[:12], files)


def address(name: str) -> str:
    """Raises KeyError for a file that is not there."""
    mark, files = assets()
    if name not in files:
        raise KeyError(name)
    return f"/static/{mark}/{name}"


async def serve(request: Request) -> Response:
    """Under another mark, which a page of an older agent may still ask for, it is not to be kept."""
    held = assets()
    found = held.files.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    current = request.path_params["mark"] == held.mark
    keep = f"public, max-age={YEAR_S}, immutable" if current else "no-store"
    headers = {"cache-control": keep}
    if request.path_params["name"] == WORKER:
        headers["service-worker-allowed"] = "/"  # it answers for all pages, from beside the files that it keeps
    return Response(found[0], media_type=found[1], headers=headers)
