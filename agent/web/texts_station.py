"""Words of a station's screen."""

from __future__ import annotations

STATION: dict[str, tuple[str, str]] = {
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
    "mode_ship": ("출고", "Shipping"),
    "mode_return": ("반품", "Returns"),
    "mode_adjust": ("조정", "Adjusting"),
    "into": ("입고 구역 {zone}", "into {zone}"),
    "in": ("구역 {zone}", "in {zone}"),
    "out_of": ("출고 구역 {zone}", "out of {zone}"),
    "from_to": ("{zone} → {zone_to}", "{zone} → {zone_to}"),
    "from": ("{zone} → 도착 구역을 스캔하세요", "{zone} → scan where it goes"),
    "no_zone": ("구역을 스캔하세요", "Scan a zone"),
    "latest": ("최근 스캔", "Latest scans"),
    # a count by RFID: numbers, and never a word about how right they are
    "count_title": ("RFID 실사", "Count by RFID"),
    "count_read": ("읽은 태그", "tags read"),
    "count_expected": ("예상", "expected"),
    "count_new": ("초당 새 태그", "New a second"),
    "count_other": ("다른 태그", "Other tags"),
    "count_waiting": ("기록하는 중", "To record"),
    "count_begin": ("태그를 기다리고 있습니다.", "Waiting for the first tag."),
    "count_flat": (
        "{n}초 동안 새 태그가 없습니다. 자리를 옮기거나 STK-CLOSE로 끝내세요.",
        "No new tags for {n} s. Walk on, or close with STK-CLOSE.",
    ),
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
}
