"""The words of the screens, in Korean and English. What a scan is answered stands in `agent.texts`."""

from __future__ import annotations

from typing import Literal

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")

TEXTS: dict[str, tuple[str, str]] = {
    "nav_overview": ("현황", "Overview"),
    "nav_stock": ("재고", "Stock"),
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
    # sync, as a fact
    "all_sent": ("모두 전송되었습니다", "Everything is sent"),
    "to_send": ("{waiting}건 전송 대기 · 가장 오래된 것 {age} 전", "{waiting} to send, oldest {age}"),
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
    # devices
    "state_connecting": ("연결하는 중", "Connecting"),
    "state_up": ("정상", "Ready"),
    "state_down": ("연결 끊김", "Not connected"),
    "state_refused": ("조치 필요", "Needs attention"),
    "state_failed": ("오류", "Failed"),
    "advice_connecting": ("", ""),
    "advice_up": ("", ""),
    "advice_down": (
        "케이블과 전원을 확인하세요. 다시 꽂으면 바로 연결됩니다.",
        "Check cable and power. It connects by itself as soon as it is plugged in.",
    ),
    "advice_refused": (
        "담당자가 설정이나 권한을 확인해야 합니다.",
        "Somebody must check its settings or permissions.",
    ),
    "advice_failed": (
        "뽑았다가 다시 꽂으세요. 계속되면 담당자에게 알리세요.",
        "Unplug it and plug it in again. If it goes on, tell whoever looks after it.",
    ),
    "since": ("{time}부터", "since {time}"),
    "reads": ("읽음 {reads} · 읽기 오류 {bad}", "{reads} reads, {bad} bad"),
    # answers
    "good": ("정상", "Good"),
    "look": ("확인", "Look"),
    "stop": ("멈춤", "Stop"),
    "ready": ("준비", "Ready"),
    # a station's screen
    "mode_receive": ("입고", "Receiving"),
    "mode_move": ("이동", "Moving"),
    "mode_lookup": ("조회", "Looking up"),
    "mode_count": ("실사", "Counting"),
    "into": ("입고 구역 {zone}", "into {zone}"),
    "from_to": ("{zone} → {zone_to}", "{zone} → {zone_to}"),
    "from": ("{zone} → 도착 구역을 스캔하세요", "{zone} → scan where it goes"),
    "no_zone": ("구역을 스캔하세요", "Scan a zone"),
    "latest": ("최근 스캔", "Latest scans"),
    "sound_on": ("소리 켜짐", "Sound on"),
    "sound_off": ("소리 꺼짐", "Sound off"),
    "sound_blocked": ("소리 켜기", "Turn sound on"),
    "dismiss": ("확인했습니다", "I have seen it"),
    "dismiss_key": ("Enter 키", "Enter key"),
    "more_stops": ("확인할 멈춤이 {n}건 더 있습니다", "{n} more to look at"),
    "link_lost": (
        "화면이 에이전트와 연결되지 않았습니다. 보이는 내용이 오래되었을 수 있습니다.",
        "This screen is not connected to the agent. What it shows may be old.",
    ),
    "no_script": (
        "이 브라우저에서 자바스크립트가 꺼져 있어 소리가 나지 않습니다. 화면은 5초마다 새로 고칩니다.",
        "JavaScript is off in this browser: there is no sound. The page is loaded again every 5 seconds.",
    ),
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
    # exceptions
    "exceptions_count": ("{n}건", "{n}"),
    "exceptions_many": ("{n}건 이상", "{n} or more"),
    "exceptions_shown": ("최근 {n}건, 최신순", "The newest {n}, latest first"),
    "when": ("시각", "When"),
    "what": ("내용", "What"),
    "code": ("코드", "Code"),
    "where": ("작업대 · 장치", "Station, device"),
    "time_suspect": ("시각이 정확하지 않을 수 있음", "the clock may have been wrong"),
    "kind_unknown_code": ("등록되지 않은 코드", "Unknown code"),
    "kind_bad_read": ("읽기 오류", "Bad read"),
    "kind_refused_code": ("잘못된 코드", "Bad code"),
    "kind_not_done": ("처리하지 못함", "Not done"),
    "kind_possible_duplicate": ("중복 스캔 가능성", "Possible duplicate"),
    "kind_negative_stock": ("재고가 0 미만", "Stock below zero"),
    "kind_bad_tag": ("잘못된 태그", "Bad tag"),
    "kind_unread_passage": ("태그가 읽히지 않은 통과", "Passage without tags"),
    "kind_tag_not_written": ("태그 쓰기 실패", "Tag not written"),
    "reason_window_without_tags": ("센서를 지나갔지만 태그가 없음", "The beam was broken and no tag was read"),
    "reason_no_tag": ("태그가 응답하지 않음", "The tag does not answer"),
    "reason_not_verified": ("쓴 내용을 확인하지 못함", "What was written could not be confirmed"),
    "reason_locked": ("태그 메모리가 잠겨 있음", "The tag's memory is locked"),
    "reason_password": ("접근 암호가 틀림", "The access password is wrong"),
    "reason_overrun": ("태그 메모리가 부족함", "The tag's memory is too small"),
    "reason_lost": ("쓰는 동안 리더 연결이 끊김", "The reader was lost meanwhile"),
    "reason_below_zero": ("{zone} 재고 {quantity}", "{zone} is at {quantity}"),
    "reason_resent_after_restart": (
        "재시작 후 스캐너가 다시 보낸 스캔",
        "The scanner sent it again after a restart",
    ),
    "reason_no_weight": ("라벨에 중량이 없음", "The label has no weight"),
    "reason_no_zone": ("구역을 먼저 스캔해야 함", "The zones come first"),
    "reason_unknown_zone": ("없는 구역", "There is no such zone"),
    "reason_same_zone": ("출발과 도착 구역이 같음", "It comes from and goes to the same zone"),
    "reason_not_in_this_mode": ("현재 모드에서는 쓸 수 없는 코드", "The code does nothing in this mode"),
    "reason_unknown_trade_item": ("카탈로그에 없는 상품", "The item is not in the catalogue"),
    "reason_check_digit": ("검사 숫자가 맞지 않음", "The check digit is wrong"),
    "reason_lost_separator": ("구분 문자가 빠짐", "A separator is lost"),
    "reason_plain_text": ("상품 코드가 아닌 글자", "Text that is no code of goods"),
    "reason_web_address": ("상품과 관계없는 웹 주소", "A web address that names no goods"),
    "reason_no_template": ("매장 전용 코드 규칙이 설정되지 않음", "No rule for this in-store code"),
    "reason_undecodable": ("글자로 바꿀 수 없음", "It stands for no text"),
    "reason_too_long": ("너무 김", "Too long"),
    "reason_incomplete": ("도중에 끊김", "Cut off"),
    "reason_checksum": ("체크섬이 맞지 않음", "Wrong checksum"),
    "reason_dropped": ("입력이 유실됨", "Input was lost"),
    "reason_framing": ("정해진 형식이 아님", "Outside any frame"),
    "reason_unexpected": ("예상하지 못한 데이터", "Nothing that belongs here"),
    # errors
    "error_400": ("값이 올바르지 않습니다", "That value cannot be"),
    "error_404": ("없는 화면입니다", "There is no such page"),
    "error_405": ("지원하지 않는 요청입니다", "That request is not offered here"),
    "error_421": ("이 주소로는 열 수 없습니다", "Not under this address"),
    "error_431": ("요청이 너무 깁니다", "The request is too long"),
    "error_500": ("화면에 문제가 생겼습니다", "The screen has failed"),
    "error_503": ("지금은 응답할 수 없습니다", "Busy at the moment"),
    "hint_400": ("{name}: {found} — {expected}", "{name}: {found} — {expected}"),
    "hint_404": ("주소를 확인하거나 현황에서 다시 시작하세요.", "Check the address, or start from the overview."),
    "hint_405": ("이 화면은 보기 전용입니다 (GET).", "These screens are read-only (GET)."),
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
    "expected_once": ("한 번만 쓸 수 있습니다", "expected it once"),
    "back": ("현황으로", "To the overview"),
}


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
