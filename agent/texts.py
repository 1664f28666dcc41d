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
    "counted": ("{name} {quantity} 실사 · {zone} 합계 {done}", "{name}: {quantity} counted in {zone}, {done} in all"),
    "already_counted": ("확인: {name} 이미 센 상품입니다", "Look: {name} was counted already"),
    "count_joined": ("실사 모드 · {zone} 실사에 함께합니다", "Counting {zone} with others"),
    "count_submitted": ("{zone} 실사 완료 · 검토를 기다립니다", "{zone} is counted and waits for review"),
    "count_in_review": ("확인: {zone} 실사는 이미 검토 중입니다", "Look: the count of {zone} is in review already"),
    "count_missing": (
        "확인: {zone}에서 세지 않은 상품 {missing}종. 끝내려면 CLOSE를 한 번 더 스캔하세요",
        "Look: {missing} items of {zone} were not counted. Scan CLOSE again to finish",
    ),
    "recount": ("{zone} 재실사 {lines}종: {skus}", "Recounting {lines} items of {zone}: {skus}"),
    "nothing_to_recount": ("다시 셀 상품이 없습니다", "Nothing to recount"),
    "not_recounted": ("멈춤: 이 상품은 다시 세지 않습니다", "Stop: this item is not recounted"),
    "other_clerk": ("멈춤: 다른 사람이 다시 세어야 합니다", "Stop: another clerk must recount this"),
    "one_identity": ("멈춤: 일련번호가 있는 상품은 하나씩 셉니다", "Stop: an item with a serial number counts as one"),
    "unknown_count": ("없는 실사입니다", "There is no such count"),
    "count_is_closed": ("이미 끝난 실사입니다", "This count is over"),
    "count_is_open": ("이 구역은 이미 실사 중입니다", "This zone is being counted"),
    "count_not_submitted": ("실사가 아직 끝나지 않았습니다", "The count is not finished yet"),
    "another_approves": ("센 사람이 아닌 다른 사람이 승인해야 합니다", "Somebody who did not count must approve"),
    "recount_first": ("먼저 다시 세어야 합니다", "It must be recounted first"),
    "nothing_missing": ("빠진 상품이 없습니다", "Nothing is missing"),
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
    "received_of": (
        "{name} {quantity} 입고 · {done} / {expected}",
        "{name}: {quantity} received, {done} of {expected}",
    ),
    "identified": ("{name} 태그 확인됨 · {done} / {expected}", "{name}: its tag is known now, {done} of {expected}"),
    "unit_received": ("{sscc} 입고 · {lines}줄, 수량 {quantity}", "{sscc} received: {lines} lines, {quantity} units"),
    "moved_lot": ("{name} {quantity} 이동 · 로트 {lot}", "{name}: {quantity} moved, lot {lot}"),
    "shipped": (
        "{name} {quantity} 출고 · {zone} 재고 {zone_quantity}",
        "{name}: {quantity} shipped, {zone} now {zone_quantity}",
    ),
    "shipped_of": ("{name} {quantity} 출고 · {done} / {expected}", "{name}: {quantity} shipped, {done} of {expected}"),
    "picked": ("{name} {quantity} 피킹 · {done} / {expected}", "{name}: {quantity} picked, {done} of {expected}"),
    "returned": (
        "{name} {quantity} 반품 · {zone} 재고 {zone_quantity}",
        "{name}: {quantity} came back, {zone} now {zone_quantity}",
    ),
    "adjusted": (
        "{name} {quantity} 조정 ({reason}) · {zone} 재고 {zone_quantity}",
        "{name}: {quantity} adjusted ({reason}), {zone} now {zone_quantity}",
    ),
    "set_to": ("{name} 수량 변경: {quantity}", "{name}: set to {quantity}"),
    "ship_mode": ("출고 모드", "Shipping"),
    "return_mode": ("반품 모드 · 사유를 스캔하세요", "Returns: scan the reason"),
    "adjust_mode": ("조정 모드 · 사유를 스캔하세요", "Adjusting: scan the reason"),
    "multiplied": ("다음 스캔 × {quantity}", "Next scan times {quantity}"),
    "damaged_next": ("다음 스캔은 파손 상품입니다", "The next scan is damaged goods"),
    "reason_chosen": ("사유: {reason}", "Reason: {reason}"),
    "cancelled": ("취소했습니다. 계속 스캔하세요", "Cancelled. Go on scanning"),
    "document_opened": ("문서 {document} · {done} / {expected}", "Document {document}: {done} of {expected}"),
    "count_request_opened": ("실사 요청 {document} · {zone}", "Count request {document}: {zone}"),
    "document_closed": (
        "문서 {document} 마감 · 초과 {over}, 부족 {short}, 파손 {damaged}",
        "Document {document} closed: {over} over, {short} short, {damaged} damaged",
    ),
    "document_closed_short": (
        "문서 {document} 부분 마감 · {short} 남음",
        "Document {document} closed for now: {short} still expected",
    ),
    "logged_in": ("{clerk_name} 님, 안녕하세요", "Hello {clerk_name}"),
    "already_here": ("확인: {name} 이미 {zone}에 있습니다", "Look: {name} is in {zone} already"),
    "seen_by_portal": (
        "확인: {name} 문에서 이미 읽혔습니다 · {done} / {expected}",
        "Look: {name} was read at the door already, {done} of {expected}",
    ),
    "over_within": (
        "확인: {name} 예정보다 많습니다 · {done} / {expected}",
        "Look: more {name} than expected, {done} of {expected}",
    ),
    "over_delivery": (
        "멈춤: {name} 허용 수량을 넘습니다 · {done} / {expected}",
        "Stop: too many {name}, {done} of {expected}",
    ),
    "unexpected_item": ("멈춤: {name} 문서에 없는 상품입니다", "Stop: {name} is not on the document"),
    "expired_lot": ("멈춤: {name} 기한이 지났습니다 ({expiry})", "Stop: {name} has expired ({expiry})"),
    "expired": ("확인: {name} 기한이 지났습니다 ({expiry})", "Look: {name} has expired ({expiry})"),
    "short_dated": ("확인: {name} 기한이 얼마 남지 않았습니다 ({expiry})", "Look: {name} expires soon ({expiry})"),
    "unit_already_here": ("확인: {sscc} 이미 입고되었습니다", "Look: {sscc} was received already"),
    "already_moved": ("확인: {name} 이미 {zone}에 있습니다", "Look: {name} is in {zone} already"),
    "older_lot": ("확인: 먼저 나갈 로트 {lot}이(가) 있습니다", "Look: lot {lot} expires earlier, take it first"),
    "already_gone": ("확인: {name} 이미 나간 상품입니다", "Look: {name} has left already"),
    "multiplier_lapsed": (
        "확인: 곱하기 시간이 지나 {quantity}만 기록했습니다",
        "Look: the multiplier had lapsed, {quantity} recorded",
    ),
    "pick_rejected": (
        "확인: {name} 피킹할 수 없음 · 본사에 알렸습니다",
        "Look: {name} cannot be picked, head office knows",
    ),
    "closed_already": (
        "확인: 마감된 문서의 스캔은 취소할 수 없습니다",
        "Look: its document is closed, it cannot be taken back",
    ),
    "close_document": (
        "확인: {document} 초과 {over}, 부족 {short}, 파손 {damaged}. 마감하려면 CLOSE나 OK를 스캔하세요",
        "Look: {document} has {over} over, {short} short, {damaged} damaged. Scan CLOSE or OK to close it",
    ),
    "nothing_to_cancel": ("취소할 것이 없습니다", "Nothing to cancel"),
    "nothing_to_confirm": ("확인할 것이 없습니다", "Nothing to confirm"),
    "no_document": ("멈춤: 문서를 먼저 스캔하세요", "Stop: scan the document first"),
    "more_than_reserved": ("멈춤: 주문보다 많습니다", "Stop: that is more than the order has"),
    "no_reason": ("멈춤: 사유를 먼저 스캔하세요", "Stop: scan the reason first"),
    "wrong_reason": ("멈춤: 이 모드에서 쓸 수 없는 사유입니다", "Stop: this reason does not fit the mode"),
    "unknown_reason": ("멈춤: 없는 사유입니다", "Stop: there is no such reason"),
    "several_items": ("멈춤: 여러 상품을 한 번에 바꿀 수 없습니다", "Stop: that scan was of several items"),
    "unknown_document": ("멈춤: 없는 문서입니다", "Stop: there is no such document"),
    "document_closed_already": ("멈춤: 이미 마감된 문서입니다", "Stop: this document is closed"),
    "unknown_badge": ("멈춤: 등록되지 않은 배지입니다", "Stop: this badge is not known"),
    "locked": ("멈춤: 잠겨 있습니다. 배지를 스캔하세요", "Stop: locked, scan your badge"),
    "no_clerk": ("멈춤: 배지를 먼저 스캔하세요", "Stop: scan your badge first"),
    "too_old": (
        "오래되어 기록에 없습니다. 다시 스캔하거나 조정하세요",
        "Too old, it is no longer kept: scan again, or adjust",
    ),
    "not_open": ("이미 처리된 예외입니다", "This entry is settled already"),
    "nothing_to_approve": ("승인할 것이 없는 예외입니다", "This entry needs no approval"),
    "not_allowed": ("관리자만 승인할 수 있습니다", "Only a supervisor approves"),
    "needs_another": ("스캔한 사람이 아닌 다른 사람이 승인해야 합니다", "Somebody who did not scan it must approve"),
    "idle_locked": (
        "확인: 쓰지 않아 잠갔습니다. 배지를 스캔하세요",
        "Look: locked since nobody scanned, scan your badge",
    ),
    "unknown_code": ("멈춤: 등록되지 않은 코드 {code}", "Stop: unknown code {code}"),
    "refused_code": ("멈춤: 잘못된 코드 {code}", "Stop: bad code {code}"),
    "bad_read": ("멈춤: 다시 스캔하세요", "Stop: scan again"),
    "pressed_before": ("확인: 이미 기록되었습니다", "Look: this is recorded already"),
    "possible_duplicate": ("확인: 이미 처리된 스캔일 수 있습니다", "Look: this scan may already be counted"),
    "no_weight": ("멈춤: 중량이 없는 라벨입니다", "Stop: the label has no weight"),
    "bad_quantity": ("멈춤: 라벨의 수량이 잘못되었습니다", "Stop: the label's quantity cannot be"),
    "no_catalogue": ("멈춤: 상품 목록을 읽을 수 없습니다", "Stop: the catalogue cannot be read"),
    "no_zone": ("멈춤: 구역을 먼저 스캔하세요", "Stop: scan the zones first"),
    "unknown_zone": ("멈춤: 없는 구역입니다", "Stop: there is no such zone"),
    "same_zone": ("멈춤: 같은 구역입니다", "Stop: that is the same zone"),
    "not_in_this_mode": ("멈춤: 지금은 쓸 수 없는 코드입니다", "Stop: this code does nothing here"),
    "not_written": ("멈춤: 기록하지 못했습니다. 다시 스캔하세요", "Stop: not recorded, scan again"),
    "no_room": (
        "멈춤: 디스크가 가득 차서 기록하지 못했습니다. 공간이 생기면 다시 스캔하세요",
        "Stop: the disk is full, not recorded. Scan again once there is room",
    ),
}


WEIGHED = " (g)"  # behind the name of goods whose quantities are grams


def product_name(product: Product, language: Language) -> str:
    names = (product.name_ko, product.name_en) if language == "ko" else (product.name_en, product.name_ko)
    return (names[0] or names[1] or product.sku) + (WEIGHED if product.base_unit == "gram" else "")


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
