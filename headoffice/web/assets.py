"""What pages load: our own files, and plotly's script out of its installed package.

Read once, served compressed under a mark of their content, cached for good: no other network is needed.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from headoffice.errors import ConfigError
from headoffice.web.room import Refused

FOLDER = Path(__file__).parent / "static"
MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
PLOTLY = "plotly.min.js"
YEAR_S = 31_536_000

router = APIRouter(include_in_schema=False)


class Asset(NamedTuple):
    mark: str
    media: str
    zipped: bytes


@cache
def _read(name: str) -> Asset:
    """Raises KeyError for a file that is not there."""
    path = _plotly() if name == PLOTLY else FOLDER / name
    if path.suffix not in MEDIA or (name != PLOTLY and path not in set(FOLDER.iterdir())):
        raise KeyError(name)
    body = path.read_bytes()
    return Asset(hashlib.sha256(body).hexdigest()[:12], MEDIA[path.suffix], gzip.compress(body, mtime=0))


def _plotly() -> Path:
    found = find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        raise ConfigError("plotly is not installed", hint="pip install 'jaego[hq]'")
    return Path(found.submodule_search_locations[0], "package_data", PLOTLY)


@cache
def map_style() -> str:
    """The id under which plotly's script looks for the style sheet of its maps, and else writes one into the page: our
    policy would refuse that, and there are no maps. Empty if this plotly does nothing of the kind."""
    script = gzip.decompress(_read(PLOTLY).zipped)
    found = re.search(rb'createElement\("style"\);\w+\.id="([0-9a-f]{64})"', script)
    return found[1].decode() if found else ""


def address(name: str) -> str:
    """Raises KeyError for a file that is not there."""
    return f"/static/{_read(name).mark}/{name}"


@router.get("/static/{mark}/{name}")
def serve(mark: str, name: str, request: Request) -> Response:
    """Under another mark, which a page of an older desk may still ask for, it is not to be kept."""
    try:
        found = _read(name)
    except KeyError:
        raise Refused(404, "not_found", name) from None
    keep = f"public, max-age={YEAR_S}, immutable" if mark == found.mark else "no-store"
    headers = {"cache-control": keep, "vary": "accept-encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(found.zipped), media_type=found.media, headers=headers)
    return Response(found.zipped, media_type=found.media, headers={**headers, "content-encoding": "gzip"})
