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
    "expected_part": (
        "work, modes, quantities, zones, reasons, documents 중 하나여야 합니다",
        "expected one of work, modes, quantities, zones, reasons, documents",
    ),
}
