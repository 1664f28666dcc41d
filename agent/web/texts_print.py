"""Words of the pages to print and of the practice."""

from __future__ import annotations

PRINT: dict[str, tuple[str, str]] = {
    "nav_print": ("제어 코드 인쇄", "Print control codes"),
    "print_note": (
        "인쇄 크기를 100%로 두세요. 줄이면 스캐너가 읽지 못할 수 있습니다.",
        "Print at 100%: a smaller one may not be read.",
    ),
    "print_parts": ("인쇄할 묶음", "What to print"),
    "print_all": ("모두", "Everything"),
    "print_work": ("작업", "Work"),
    "print_modes": ("작업 방식", "Modes"),
    "print_quantities": ("수량", "Quantities"),
    "print_zones": ("구역", "Zones"),
    "print_reasons": ("사유", "Reasons"),
    "print_documents": ("문서", "Documents"),
    "print_pdf_a4": ("A4 용지 PDF", "A4 PDF"),
    "print_pdf_label": ("라벨 PDF", "Labels as PDF"),
    "print_left_out": ("바코드로 만들 수 없는 이름: {names}", "No barcode can hold these names: {names}"),
    "nav_training": ("연습", "Practice"),
    "train_note": (
        "연습입니다. 여기서 스캔한 것은 재고에도 기록에도 남지 않습니다.",
        "This is practice: nothing that is scanned here reaches stock or the log.",
    ),
    "train_no_script": (
        "연습에는 자바스크립트가 필요합니다. 작업대의 스캐너로도 연습할 수 있습니다.",
        "Practice on a screen needs JavaScript.",
    ),
    "train_progress": ("진행", "Progress"),
    "train_code": ("코드", "Code"),
    "train_scan": ("스캔", "Scan"),
    "train_begin": ("처음부터 시작", "Begin from the start"),
    "train_stations": ("작업대의 스캐너로 연습", "Practise with a station's scanner"),
    "train_stations_note": (
        "켜면 그 작업대의 스캔은 연습으로만 갑니다. LOGOUT 코드를 스캔하거나 30분이 지나면 끝납니다.",
        "While it is on, that station's scans are practice only. It ends with the LOGOUT code, or after 30 minutes.",
    ),
    "train_on": ("연습 시작", "Begin practice"),
    "train_off": ("연습 끝", "End practice"),
    "train_unknown": ("모르는 코드", "A code that nobody knows"),
    "train_go_on": ("좋습니다. 다음 코드를 스캔하세요.", "Good so far. Scan the next code."),
    "train_not_it": (
        "이번 단계에서 할 일이 아닙니다. UNDO로 되돌리고 다시 해 보세요. 여기서는 아무것도 잘못되지 않습니다.",
        "That is not what this step is about. Take it back with UNDO and try again; nothing can go wrong here.",
    ),
    "train_done": ("모두 마쳤습니다", "Everything is done"),
    "train_done_hint": ("이제 작업대에서 일할 수 있습니다.", "You can work at a station now."),
    "refused_no_practice": ("지금은 연습 중이 아닙니다.", "There is no practice under this name."),
    "refused_station_counts": (
        "실사 중인 작업대입니다. 실사를 끝내고 연습하세요.",
        "This station is counting. Close the count first.",
    ),
    "expected_part": (
        "work, modes, quantities, zones, reasons, documents 중 하나여야 합니다",
        "expected one of work, modes, quantities, zones, reasons, documents",
    ),
}
