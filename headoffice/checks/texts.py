"""Checks and the weekly report in words: Korean and English."""

from __future__ import annotations

from typing import Literal

Language = Literal["ko", "en"]

VERDICTS: dict[str, tuple[str, str]] = {
    "equal": ("일치", "Equal"),
    "repaired": ("고침", "Repaired"),
    "different": ("다름", "Different"),
    "not_compared": ("비교 못 함", "Not compared"),
}

DONE: dict[str, tuple[str, str]] = {
    "events_taken_in_again": (
        "손상된 기록을 매장에서 다시 받았습니다",
        "damaged events were taken in again from the store",
    ),
    "tables_made_again": ("기록에서 표를 다시 만들었습니다", "tables were made again from the events"),
}

REPORT: dict[str, tuple[str, str]] = {
    "title": ("주간 데이터 품질 보고서", "Weekly data quality report"),
    "week": ("주", "Week"),
    "stores": ("매장 수", "Stores"),
    "store": ("매장", "Store"),
    "overall": ("전체", "Overall"),
    "checks_equal": ("점검: 일치", "Checks equal"),
    "checks_repaired": ("점검: 고침", "Checks repaired"),
    "checks_different": ("점검: 다름", "Checks different"),
    "checks_not_compared": ("점검: 비교 못 함", "Checks not compared"),
    "counts": ("실사", "Counts"),
    "accuracy_permille": ("실사 정확도 (‰)", "Accuracy of counts (‰)"),
    "lines_off": ("실사에서 차이가 난 줄", "Lines off in counts"),
    "movements": ("재고 이동", "Movements"),
    "exceptions": ("예외", "Exceptions"),
    "exceptions_permille": ("이동 1,000건당 예외", "Exceptions per 1,000 movements"),
    "refused": ("거부된 기록", "Refused"),
    "pos_days_off": ("POS와 다른 날", "Days off the tills"),
    "negative_open": ("음수 재고 품목", "SKUs below zero"),
    "silent_days": ("기록 없는 날", "Days without events"),
    "latency_p50_ms": ("전송 시간 중앙값 (ms)", "Latency, median (ms)"),
    "latency_p99_ms": ("전송 시간 99 % (ms)", "Latency, 99 % (ms)"),
    "top": ("가장 큰 차이", "Largest differences"),
    "sku": ("품목", "SKU"),
    "units": ("수량", "Units"),
    "found_by": ("발견", "Found by"),
    "count": ("실사", "count"),
    "check": ("점검", "check"),
    "none": ("없음", "none"),
}


def word(name: str, language: Language) -> str:
    found = REPORT.get(name)
    return found[0 if language == "ko" else 1] if found else name
