"""The words of the desk's pages, in Korean and English: a table for each group of pages, `texts_….py`."""

from __future__ import annotations

from typing import Literal

from headoffice.web.texts_care import CARE
from headoffice.web.texts_charts import CHARTS
from headoffice.web.texts_records import RECORDS
from headoffice.web.texts_stock import STOCK

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")

_COMMON: dict[str, tuple[str, str]] = {
    "desk": ("본사", "Head office"),
    "skip": ("본문으로 건너뛰기", "Skip to the content"),
    "nav": ("메뉴", "Menu"),
    "other_language": ("English", "한국어"),
    "nav_overview": ("현황", "Overview"),
    "nav_stock": ("재고", "Stock"),
    "nav_stores": ("매장", "Stores"),
    "nav_movements": ("입출고", "Movements"),
    "nav_documents": ("문서", "Documents"),
    "nav_counts": ("실사", "Counts"),
    "nav_exceptions": ("예외", "Exceptions"),
    "nav_alerts": ("알림", "Alerts"),
    "nav_rules": ("알림 규칙", "Alert rules"),
    "nav_checks": ("데이터 점검", "Data checks"),
    "nav_report": ("주간 품질 보고", "Weekly quality report"),
    "nav_commands": ("매장 요청", "Requests to stores"),
    "nav_devices": ("장치", "Devices"),
    "nav_workers": ("수집기", "Workers"),
    "times_are": (
        "매장의 시각은 매장 기준, 본사의 시각은 {zone} 기준입니다",
        "Stores' times are their own, head office's are {zone}",
    ),
    "link_opening": ("연결하는 중", "Connecting"),
    "link_live": ("실시간", "Live"),
    "link_lost": ("연결이 끊겼습니다. 다시 연결하는 중", "Connection lost, trying again"),
    "logout": ("로그아웃", "Log out"),
    "login": ("로그인", "Log in"),
    "login_hint": (
        "본사 관리자가 준 토큰을 입력하세요 (jaego-hq token add).",
        "Give the token that head office's administrator made for you (jaego-hq token add).",
    ),
    "login_token": ("토큰", "Token"),
    # what a form is answered
    "said_401": ("그런 토큰이 없거나 로그인이 끝났습니다", "There is no such token, or the login is over"),
    "said_403": ("이 권한으로는 할 수 없습니다", "Not with this token"),
    "said_404": ("그런 것이 없습니다", "There is no such thing"),
    "said_409": ("지금 상태에서는 할 수 없습니다", "It cannot be done as things are"),
    "said_413": ("파일이 너무 큽니다", "The file is too large"),
    "said_422": ("입력한 값을 확인하세요", "Check what was entered"),
    "said_429": ("너무 많습니다. 잠시 후 다시 하세요", "Too many. Wait a moment"),
    "said_503": ("지금은 처리할 수 없습니다. 잠시 후 다시 하세요", "Not just now. Try again in a moment"),
    "view_only": (
        "보기 권한으로 들어와 있어 바꿀 수 없습니다.",
        "You may look here, not change anything.",
    ),
    "no_script": (
        "이 브라우저에서 자바스크립트가 꺼져 있어 그래프와 실시간 갱신이 없습니다.",
        "JavaScript is off in this browser: no charts, and nothing changes by itself.",
    ),
    "search": ("찾기", "Show"),
    "clear": ("조건 지우기", "Clear"),
    "all": ("전체", "All"),
    "more": ("다음", "Next"),
    "first_page": ("처음으로", "First page"),
    "pages": ("쪽", "Pages"),
    "csv": ("CSV 내려받기", "Download CSV"),
    "see_all": ("모두 보기", "See all"),
    "unknown": ("알 수 없음", "unknown"),
    "none": ("없음", "none"),
    "ago": ("{age} 전", "{age} ago"),
    "just_now": ("방금", "just now"),
    "never": ("없음", "never"),
    "age_s": ("{n}초", "{n} s"),
    "age_min": ("{n}분", "{n} min"),
    "age_h": ("{n}시간", "{n} h"),
    "age_d": ("{n}일", "{n} d"),
    "store": ("매장", "Store"),
    "sku": ("SKU", "SKU"),
    "item": ("상품", "Item"),
    "zone": ("구역", "Zone"),
    "kind": ("종류", "Kind"),
    "state": ("상태", "State"),
    "when": ("시각", "When"),
    "what": ("내용", "What"),
    "quantity": ("수량", "Quantity"),
    "category": ("분류", "Category"),
    "done": ("처리했습니다", "Done"),
    "lost": ("본사 서버에 닿지 않습니다. 다시 시도하세요.", "The desk cannot be reached. Try again."),
    "sure": ("한 번 더 누르면 실행합니다", "Press once more to do it"),
    # errors
    "error_400": ("값이 올바르지 않습니다", "That value cannot be"),
    "error_401": ("로그인이 필요합니다", "A login is needed"),
    "error_403": ("허용되지 않습니다", "That is not allowed"),
    "error_404": ("없는 화면입니다", "There is no such page"),
    "error_422": ("값이 올바르지 않습니다", "That value cannot be"),
    "error_503": ("지금은 응답할 수 없습니다", "Not just now"),
    "error_405": ("지원하지 않는 요청입니다", "That request is not offered here"),
    "error_other": ("화면에 문제가 생겼습니다", "The page has failed"),
    "hint_404": ("주소를 확인하거나 현황에서 다시 시작하세요.", "Check the address, or start from the overview."),
    "hint_400": ("주소의 값을 확인하세요.", "Check the values in the address."),
    "hint_422": ("주소의 값을 확인하세요.", "Check the values in the address."),
    "hint_503": ("잠시 후 다시 시도하세요.", "Try again in a moment."),
    "hint_other": (
        "다시 시도하고, 계속되면 로그와 함께 알려 주세요.",
        "Try again; if it goes on, report it with the log.",
    ),
    "back": ("현황으로", "To the overview"),
}
TEXTS = _COMMON | CARE | CHARTS | RECORDS | STOCK


def text(key: str, language: Language, **facts: object) -> str:
    """Raises KeyError for a text that does not exist, and for a fact that is missing."""
    line = TEXTS[key][LANGUAGES.index(language)]
    return line.format_map(facts) if facts else line


def word(group: str, name: str, language: Language) -> str:
    """A word of the contract for people: its text `{group}_{name}`, or the word itself where none is known."""
    key = f"{group}_{name}"
    return text(key, language) if key in TEXTS else name


def age(seconds: int, language: Language) -> str:
    """In the largest whole unit."""
    for key, size_s in (("age_d", 86_400), ("age_h", 3600), ("age_min", 60)):
        if seconds >= size_s:
            return text(key, language, n=seconds // size_s)
    return text("age_s", language, n=max(0, seconds))
