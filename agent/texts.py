"""Everything a clerk reads, in Korean and English. `{…}` are filled from a decision's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from agent.operations.values import Product

Language = Literal["ko", "en"]

TEXTS: dict[str, tuple[str, str]] = {
    "received": (
        "{name} {quantity} 입고 · {zone} 재고 {zone_quantity}",
        "{name}: {quantity} received, {zone} now {zone_quantity}",
    ),
    "moved": (
        "{name} {quantity} 이동 · {zone} 재고 {zone_quantity}",
        "{name}: {quantity} moved, {zone} now {zone_quantity}",
    ),
    "reversed": ("취소됨: {sku} {quantity}", "Taken back: {sku} {quantity}"),
    "looked_up": ("{name} · 재고 {on_hand}", "{name}: {on_hand} on hand"),
    "counted": ("{name} {quantity} 실사 · {zone}", "{name}: {quantity} counted in {zone}"),
    "count_mode": ("실사 모드 · {zone}", "Counting {zone}"),
    "negative_stock": (
        "확인: {zone} 재고가 0 미만입니다 ({zone_quantity})",
        "Look: {zone} is below zero ({zone_quantity})",
    ),
    "nothing_to_undo": ("취소할 내역이 없습니다", "Nothing to undo"),
    "receive_mode": ("입고 모드", "Receiving"),
    "lookup_mode": ("조회 모드", "Looking up"),
    "move_mode": ("이동 모드 · 출발 구역을 스캔하세요", "Moving: scan the zone it comes from"),
    "move_from": ("도착 구역을 스캔하세요", "Scan the zone it goes to"),
    "move_to": ("이동할 상품을 스캔하세요", "Scan what moves"),
    "language": ("한국어", "English"),
    "session_closed": ("작업 종료", "Session closed"),
    "unknown_code": ("멈춤: 등록되지 않은 코드 {code}", "Stop: unknown code {code}"),
    "refused_code": ("멈춤: 잘못된 코드 {code}", "Stop: bad code {code}"),
    "bad_read": ("멈춤: 다시 스캔하세요", "Stop: scan again"),
    "possible_duplicate": ("확인: 이미 처리된 스캔일 수 있습니다", "Look: this scan may already be counted"),
    "no_weight": ("멈춤: 중량이 없는 라벨입니다", "Stop: the label has no weight"),
    "bad_quantity": ("멈춤: 라벨의 수량이 잘못되었습니다", "Stop: the label's quantity cannot be"),
    "no_catalogue": ("멈춤: 상품 목록을 읽을 수 없습니다", "Stop: the catalogue cannot be read"),
    "no_zone": ("멈춤: 구역을 먼저 스캔하세요", "Stop: scan the zones first"),
    "unknown_zone": ("멈춤: 없는 구역입니다", "Stop: there is no such zone"),
    "same_zone": ("멈춤: 같은 구역입니다", "Stop: that is the same zone"),
    "not_in_this_mode": ("멈춤: 지금은 쓸 수 없는 코드입니다", "Stop: this code does nothing here"),
    "not_written": ("멈춤: 기록하지 못했습니다. 다시 스캔하세요", "Stop: not recorded, scan again"),
}


def product_name(product: Product, language: Language) -> str:
    names = (product.name_ko, product.name_en) if language == "ko" else (product.name_en, product.name_ko)
    return names[0] or names[1] or product.sku


def render(text: str, facts: Mapping[str, Any], language: Language) -> str:
    """The line of `text` in the clerk's language; facts that are missing show as a dash."""
    line = TEXTS[text][0 if language == "ko" else 1]
    product = facts.get("product")
    shown = dict(facts)
    if isinstance(product, Product):
        shown["name"] = product_name(product, language)
    return line.format_map(_Dashes(shown))


class _Dashes(dict[str, Any]):
    def __missing__(self, _key: str) -> str:
        return "–"
