"""Practice on a screen: the lessons, and which stations are in practice."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.capture.stations import Entry
from agent.printing.code128 import modules
from agent.training.lessons import CATALOGUE, LESSONS, UNKNOWN, Words
from agent.training.practice import BEGUN, CODE_BYTES_MAX, OVER, STEPS, Practice
from agent.web import ask
from agent.web.endpoint import Body, Call, Endpoint, Told
from agent.web.pages import render
from agent.web.print_pages import bars
from agent.web.room import room_of
from agent.web.texts import Language, text
from drivers.reads import Answer

PAGE = "page-"  # names of practices of a screen alone begin so; no station's does


class CodeTold(Told):
    code: str
    label: str
    modules: int = Field(description="width of the barcode with its quiet zones")
    bars: list[tuple[int, int]] = Field(description="where each bar begins and how wide it is, in modules")


class PracticeTold(Told):
    """`answer` and `text` are what the newest scan was answered; `said` explains it."""

    practice: str
    on: bool = Field(description="false: nobody practises under this name")
    lesson: str | None
    title: str
    step: int = Field(description="steps that are done, of all lessons")
    steps: int
    do: str
    codes: list[CodeTold]
    answer: Literal["good", "look", "stop"] | None = None
    text: str = ""
    said: str = ""
    done: bool
    ends_us: int


class Practising(Body):
    """`code`: a scan. Without: the lessons from their beginning."""

    code: Annotated[str, Field(min_length=1, max_length=CODE_BYTES_MAX)] | None = None


class OnOff(Body):
    on: bool


class StationPracticeTold(Told):
    station: str
    on: bool


def told(name: str, practice: Practice, language: Language) -> dict[str, Any]:
    step, heard = practice.step, practice.heard
    return {
        "practice": name,
        "on": True,
        "lesson": practice.lesson.name if step is not None else None,
        "title": _said(practice.lesson.title, language) if step is not None else text("train_done", language),
        "step": practice.place,
        "steps": len(STEPS),
        "do": _said(step.do, language) if step is not None else text("train_done_hint", language),
        "codes": [_code(code, language) for code in step.codes] if step is not None else [],
        "answer": heard.answer.value if heard is not None else None,
        "text": heard.text if heard is not None else "",
        "said": _explained(practice, language),
        "done": step is None,
        "ends_us": practice.ends_us,
    }


_NONE: dict[str, Any] = {
    "on": False,
    "lesson": None,
    "title": "",
    "step": 0,
    "steps": len(STEPS),
    "do": "",
    "codes": [],
    "done": False,
    "ends_us": 0,
}


def _said(words: Words, language: Language) -> str:
    return words[0] if language == "ko" else words[1]


def _explained(practice: Practice, language: Language) -> str:
    if practice.heard is None:
        return ""
    if practice.heard.right:
        return _said(STEPS[practice.place - 1][1].praise, language)
    return text("train_go_on" if practice.on_the_way else "train_not_it", language)


def _code(code: str, language: Language) -> dict[str, Any]:
    product = CATALOGUE.get(code)
    if product is not None:
        label = product.name_ko if language == "ko" else product.name_en
        label = f"{label} ×{product.units}" if product.units > 1 else label
    else:
        label = text("train_unknown", language) if code == UNKNOWN else code
    return {"code": code, "label": label, "modules": modules(code), "bars": bars(code)}


def _find(call: Call) -> Practice | None:
    """Raises `Refused` for a name that is neither a screen's nor a station's."""
    name = call.path["practice"]
    if not name.startswith(PAGE) and name not in call.room.stations:
        raise call.refuse(404, "unknown_station")
    return call.room.view.practices.get(name)


async def shown(call: Call) -> Any:
    found, name = _find(call), call.path["practice"]
    return told(name, found, call.language) if found is not None else _NONE | {"practice": name}


async def practised(call: Call) -> Any:
    """A screen's own practice begins by itself; a station's only where it was put in practice."""
    practices, name, code = call.room.view.practices, call.path["practice"], call.body.code
    held = _find(call)
    if held is None and not name.startswith(PAGE):
        raise call.refuse(404, "no_practice")
    if held is None or code is None:
        held = practices.begin(name, call.language)
    if code is not None:
        practices.scan(name, code.encode())
    return told(name, held, call.language)


async def switched(call: Call) -> Any:
    """A station that counts does not practise: its readers go on reading."""
    room, name, on = call.room, call.path["name"], call.body.on
    if name not in room.stations:
        raise call.refuse(404, "unknown_station")
    session = await room.session(name)
    if on and session.mode == "count":
        raise call.refuse(409, "station_counts")
    if on:
        room.view.practices.begin(name, session.language)
    else:
        room.view.practices.end(name)
    line, now_us = (BEGUN if on else OVER)[session.language], call.back.now_us()
    real = session if session.session else None  # as it is found again when the practice is over
    room.view.feed.publish(
        Entry(name, "", now_us, Answer.LOOK, line, session.language, 0, None, said="practice", session=real)
    )
    return {"station": name, "on": on}


async def page(request: Request) -> Response:
    """`?station=` shows the practice of a station."""
    room, language = room_of(request), ask.language(request)
    station = ask.name(request, "station")
    if station is not None and station not in room.stations:
        raise HTTPException(404)
    lessons = [_said(one.title, language) for one in LESSONS]
    content = {"lessons": lessons, "station": station or "", "prefix": PAGE, "stations": sorted(room.stations)}
    return render(request, "training.html", language, content)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/practice/{practice}",
        does="How far a practice is",
        tells=PracticeTold,
        handler=shown,
    ),
    Endpoint(
        method="POST",
        path="/practice/{practice}",
        does="A scan of a practice: nothing of it is recorded",
        tells=PracticeTold,
        handler=practised,
        body=Practising,
        scope="stock",
        kiosk=True,
    ),
    Endpoint(
        method="POST",
        path="/stations/{name}/practice",
        does="Put a station in practice, or end it",
        tells=StationPracticeTold,
        handler=switched,
        body=OnOff,
        scope="stock",
        kiosk=True,
        refusals=(409,),
    ),
)
