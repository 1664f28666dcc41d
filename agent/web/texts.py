"""The words of the screens, in Korean and English. What a scan is answered stands in `agent.texts`.

A table for each group of screens, so that none grows past reading: `texts_….py`.
"""

from __future__ import annotations

from typing import Literal

from agent.web.texts_access import ACCESS
from agent.web.texts_devices import DEVICES
from agent.web.texts_office import OFFICE
from agent.web.texts_print import PRINT
from agent.web.texts_station import STATION
from agent.web.texts_tray import TRAY

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")

_COMMON: dict[str, tuple[str, str]] = {
    "nav_overview": ("현황", "Overview"),
    "nav_stock": ("재고", "Stock"),
    "nav_find": ("상품 찾기", "Find"),
    "nav_exceptions": ("예외", "Exceptions"),
    "nav": ("메뉴", "Menu"),
    "skip": ("본문으로 건너뛰기", "Skip to the content"),
    "other_language": ("English", "한국어"),
    "store": ("{store} 매장", "Store {store}"),
    "stations": ("작업대", "Stations"),
    "devices": ("장치", "Devices"),
    "sync": ("본사 전송", "Head office"),
    "no_stations": ("설정된 작업대가 없습니다", "No station is configured"),
    "no_devices": ("설정된 장치가 없습니다", "No device is configured"),
    "no_scan": ("스캔을 기다리고 있습니다", "Waiting for a scan"),
    "no_exceptions": ("예외가 없습니다", "No exceptions"),
    "see_all": ("모두 보기", "See all"),
    "work": ("오늘 할 일", "To do"),
    "work_documents": ("예정 문서 {n}건", "{n} documents open"),
    "work_counts": ("실사 {n}건 · 검토 대기 {reviews}건", "{n} counts open, {reviews} to review"),
    "work_orders": ("피킹할 주문 상품 {n}건", "{n} reservations to pick"),
    "work_zones": ("오늘 실사할 구역: {zones}", "Zones to count today: {zones}"),
    "work_none": ("오늘 실사할 구역이 없습니다", "No zone to count today"),
    # sync, as a fact
    "all_sent": ("모두 전송되었습니다", "Everything is sent"),
    "to_send": ("{waiting}건 전송 대기 · 가장 오래된 것 {age} 전", "{waiting} to send, oldest {age}"),
    "halted": (
        "이 PC의 기록 일부가 사라져 본사 전송이 멈췄습니다. 스캔은 계속됩니다. 관리자에게 알려 주세요.",
        "This PC lost records that head office has: nothing is sent. Go on scanning, and tell who looks after this PC.",
    ),
    "online": ("본사와 연결되어 있습니다", "Connected to head office"),
    "offline": (
        "오프라인으로 작업 중입니다. 연결되면 자동으로 전송됩니다.",
        "Working offline. It is sent when the connection is back.",
    ),
    "clock_suspect": (
        "이 PC의 시각이 정확하지 않을 수 있습니다. 시간 동기화를 확인하세요.",
        "This PC's clock may be wrong. Check its time synchronisation.",
    ),
    "events": ("기록 {head}건", "{head} events in the log"),
    "age_s": ("{n}초", "{n} s"),
    "age_min": ("{n}분", "{n} min"),
    "age_h": ("{n}시간", "{n} h"),
    "age_d": ("{n}일", "{n} d"),
    # stock
    "sku": ("SKU", "SKU"),
    "item": ("상품", "Item"),
    "zone": ("구역", "Zone"),
    "lot": ("로트", "Lot"),
    "disposition": ("상태", "Disposition"),
    "quantity": ("수량", "Quantity"),
    "all_zones": ("모든 구역", "All zones"),
    "filter": ("찾기", "Show"),
    "clear": ("전체 보기", "Show everything"),
    "stock_rows": ("{total}건 중 {first}–{last}", "{first}–{last} of {total}"),
    "no_stock": ("해당하는 재고가 없습니다", "No stock matches"),
    "not_in_catalogue": ("카탈로그에 없음", "Not in the catalogue"),
    "next_page": ("다음", "Next"),
    "previous_page": ("이전", "Previous"),
    "pages": ("쪽", "Pages"),
    "unit_each": ("{n}개", "{n}"),
    "unit_gram": ("{n} g", "{n} g"),
    "sellable": ("판매 가능", "Sellable"),
    "damaged": ("파손", "Damaged"),
    "quarantine": ("격리", "Quarantine"),
    "display": ("진열", "Display"),
    # errors
    "error_400": ("값이 올바르지 않습니다", "That value cannot be"),
    "error_404": ("없는 화면입니다", "There is no such page"),
    "error_405": ("지원하지 않는 요청입니다", "That request is not offered here"),
    "error_413": ("요청이 너무 큽니다", "The request is too large"),
    "error_421": ("이 주소로는 열 수 없습니다", "Not under this address"),
    "error_431": ("요청이 너무 깁니다", "The request is too long"),
    "error_500": ("화면에 문제가 생겼습니다", "The screen has failed"),
    "error_503": ("지금은 응답할 수 없습니다", "Busy at the moment"),
    "hint_400": ("{name}: {found} — {expected}", "{name}: {found} — {expected}"),
    "hint_404": ("주소를 확인하거나 현황에서 다시 시작하세요.", "Check the address, or start from the overview."),
    "hint_405": ("이 화면은 보기 전용입니다 (GET).", "These screens are read-only (GET)."),
    "hint_413": ("보내는 내용을 줄이세요.", "Send less at once."),
    "hint_421": (
        "http://127.0.0.1 또는 설정 파일의 web.host 주소로 여세요.",
        "Open it under http://127.0.0.1 or the address of web.host in the configuration.",
    ),
    "hint_431": (
        "주소를 줄이거나 브라우저의 쿠키를 지우세요.",
        "Shorten the address, or clear the browser's cookies.",
    ),
    "hint_500": (
        "스캔과 기록은 계속됩니다. 다시 시도하고, 계속되면 에이전트의 로그와 함께 알려 주세요.",
        "Scanning and recording go on. Try again; if it goes on, report it with the agent's log.",
    ),
    "hint_503": ("잠시 후 다시 시도하세요.", "Try again in a moment."),
    "expected_lang": ("ko 또는 en이어야 합니다", "expected ko or en"),
    "expected_name": (
        "영문자, 숫자, 점, 밑줄, 붙임표로 된 1~64자여야 합니다",
        "expected 1 to 64 of letters, digits, full stop, underscore and hyphen",
    ),
    "expected_page": ("1 이상 {limit} 이하의 수여야 합니다", "expected a number from 1 to {limit}"),
    "expected_wanted": (
        "SKU(영문자, 숫자, 점, 밑줄, 붙임표 1~64자) 또는 EPC(16진수 8~128자)여야 합니다",
        "expected an SKU (1 to 64 of letters, digits, full stop, underscore, hyphen) or an EPC (8 to 128 hex digits)",
    ),
    "expected_press": ("영문자, 숫자, 붙임표로 된 8~64자여야 합니다", "expected 8 to 64 letters, digits and hyphens"),
    "expected_json": ("JSON이어야 합니다", "expected JSON"),
    "expected_code": (
        '{"code": "…"} 또는 {"verb": "…", "argument": "…"}이어야 합니다',
        'expected {"code": "…"} or {"verb": "…", "argument": "…"}',
    ),
    "expected_control": ("제어 코드가 아닙니다", "there is no such control code"),
    "expected_once": ("한 번만 쓸 수 있습니다", "expected it once"),
    "back": ("현황으로", "To the overview"),
}
TEXTS = _COMMON | ACCESS | DEVICES | OFFICE | PRINT | STATION | TRAY


def text(key: str, language: Language, **facts: object) -> str:
    """Raises KeyError for a text that does not exist, and for a fact that is missing."""
    line = TEXTS[key][LANGUAGES.index(language)]
    return line.format_map(facts) if facts else line


def age(seconds: int, language: Language) -> str:
    """In the largest whole unit: a clerk wants to know minutes or days."""
    for key, size_s in (("age_d", 86_400), ("age_h", 3600), ("age_min", 60)):
        if seconds >= size_s:
            return text(key, language, n=seconds // size_s)
    return text("age_s", language, n=max(0, seconds))
