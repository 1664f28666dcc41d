"""What a station's page needs without the agent is what its worker keeps."""

from __future__ import annotations

import json
import re

from agent.web import assets
from tests.agent.web.store import Store
from tests.agent.web.test_web_pages import ask

KEPT = re.compile(r'^  "([a-z0-9.-]+)",$', re.MULTILINE)


def text(name: str) -> str:
    return (assets.FOLDER / name).read_text()


def test_the_worker_keeps_all_that_a_station_loads():
    wanted = set(re.findall(r'/static/[0-9a-f]+/([a-z0-9.-]+)"', ask(Store(), "/station/dock-1").text))
    modules = [one for one in wanted if one.endswith(".js")]
    while modules:
        new = set(re.findall(r'from "./([a-z]+.js)"', text(modules.pop()))) - wanted
        wanted |= new
        modules += new
    wanted |= {"offline.html", *re.findall(r'href="([a-z.]+)"', text("offline.html"))}
    assert set(KEPT.findall(text("worker.js"))) == wanted - {"app.webmanifest"}


def test_the_worker_may_answer_for_all_pages_and_nothing_else_may():
    worker, script = ask(Store(), assets.address("worker.js"), assets.address("station.js"))
    assert worker.headers["service-worker-allowed"] == "/"
    assert "service-worker-allowed" not in script.headers


def test_the_manifest_names_icons_that_are_there():
    told = ask(Store(), assets.address("app.webmanifest"))
    assert told.headers["content-type"] == "application/manifest+json"
    for icon in json.loads(told.content)["icons"]:
        size = re.fullmatch("([0-9]+)x[0-9]+", icon["sizes"])
        body = (assets.FOLDER / icon["src"]).read_bytes()
        if size is not None:  # PNG, 11.2.2: width and height stand behind the first chunk's type
            assert int.from_bytes(body[16:20]) == int.from_bytes(body[20:24]) == int(size[1])
