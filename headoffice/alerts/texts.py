"""Alerts in words: Korean and English, of each rule its name, what it watches, and the text of one alert.

`{item}` is the item's name in that language, or its SKU; of a fact `…_permille` there is also `…_percent`.
Numbers of an item say their unit, by the fact `unit`; sums over items are pieces, and `grams` of goods by weight.
"""

from __future__ import annotations

from typing import Literal

from headoffice.alerts.engine import Facts
from headoffice.weights import sum_text, weight

Language = Literal["ko", "en"]
Pair = tuple[str, str]
AMOUNTS = frozenset({"available", "min", "on_hand", "max", "quantity", "ledger", "tills"})  # base units of one item
SUMS = frozenset({"units", "units_off"})  # pieces over several

NAMES: dict[str, Pair] = {
    "low_stock": ("재고 부족", "Low stock"),
    "overstock": ("과잉 재고", "Overstock"),
    "stockout_risk": ("품절 위험", "Stockout risk"),
    "negative_stock": ("음수 재고", "Negative stock"),
    "pos_difference": ("POS 판매 차이", "Difference to the tills"),
    "hq_difference": ("매장-본사 재고 차이", "Store and head office differ"),
    "count_variance": ("실사 차이", "Count variance"),
    "duplicate_tag": ("중복 태그", "Duplicate tag"),
    "store_silent": ("매장 응답 없음", "Store silent"),
    "device_down": ("장치 중단", "Device down"),
    "log_tampered": ("기록 변조 의심", "Log tampered with"),
    "log_forked": ("기록 분기", "Log forked"),
    "ledger_damaged": ("매장 기록 손상", "Store's ledger damaged"),
    "events_skipped": ("사라진 기록", "Events are gone"),
    "opening_differs": ("기초 재고 불일치", "Opening differs"),
    "key_changed": ("서명 키 변경", "Key changed"),
    "disk_low": ("매장 디스크 부족", "Store's disk is filling"),
    "certificate_ends": ("인증서 만료 임박", "Certificate ends"),
    "event_stuck": ("전송 막힘", "Store stuck"),
    "uplink_behind": ("전송 지연", "Store behind"),
    "worker_lagging": ("본사 수집 지연", "Head office is behind"),
    "exception": ("미처리 예외", "Open exceptions"),
    "transfer_overdue": ("점간 이동 지연", "Transfer overdue"),
    "notice_undelivered": ("알림 전달 실패", "Notices not delivered"),
    "buffer": ("안전 재고", "Safety buffer"),
}

WATCHES: dict[str, Pair] = {
    "low_stock": ("가용 재고가 기준보다 적습니다", "less is available than the threshold, or the item's minimum"),
    "overstock": ("보유 재고가 기준보다 많습니다", "more is on hand than the threshold, or the item's maximum"),
    "stockout_risk": (
        "최근 판매 속도로 남은 재고가 버티는 일수가 기준보다 짧습니다",
        "days until it is sold out at the rate of the last 14 days",
    ),
    "negative_stock": ("어떤 구역의 재고가 0보다 작습니다", "stock of a zone is below zero by so many"),
    "pos_difference": (
        "하루 판매량이 POS 집계와 다릅니다",
        "a day's sales of an item differ from the tills by so many",
    ),
    "hq_difference": ("매장과 본사의 재고가 다릅니다", "rows of stock in which store and head office differ"),
    "count_variance": ("승인된 실사의 정확도가 기준보다 낮습니다", "accuracy of an approved count is below"),
    "duplicate_tag": ("같은 태그가 여러 매장에 있습니다", "one tag in so many stores"),
    "store_silent": ("매장에서 아무 소식이 없습니다", "nothing came from a store for so long"),
    "device_down": ("장치가 멈춰 있습니다", "a device is down for so long"),
    "log_tampered": (
        "해시, 연결 또는 서명이 맞지 않는 기록이 왔습니다",
        "events came whose hash, link or signature does not hold",
    ),
    "log_forked": ("한 매장의 기록이 둘로 갈라졌습니다", "a store's log has two continuations"),
    "ledger_damaged": (
        "매장 PC가 자기 기록에서 손상을 찾았습니다",
        "a check in the store found its ledger damaged",
    ),
    "events_skipped": (
        "매장에서 지워져 본사가 받을 수 없는 기록이 있습니다",
        "events that a store no longer has, and head office never had",
    ),
    "opening_differs": (
        "매장이 밝힌 재고가 그때까지의 기록과 다릅니다",
        "items of which a store states another stock than its events add up to",
    ),
    "key_changed": ("매장 기록의 서명 키가 바뀌었습니다", "a store's log is signed with another key from here on"),
    "disk_low": ("매장 PC 디스크의 남은 공간이 기준보다 적습니다", "less is free on the store's disk than"),
    "certificate_ends": (
        "갱신되지 않은 인증서의 남은 날이 기준보다 적습니다",
        "a certificate that was not renewed ends in fewer days than",
    ),
    "event_stuck": (
        "브로커가 너무 큰 기록을 받지 않아 뒤의 기록이 기다립니다",
        "an event that is too large for the broker; what follows waits in the store",
    ),
    "uplink_behind": ("매장이 아직 보내지 못한 기록이 많습니다", "events that a store has and head office has not"),
    "worker_lagging": ("본사가 받은 기록을 제때 저장하지 못합니다", "head office has not taken in for so long"),
    "exception": ("처리되지 않은 예외가 있습니다", "exceptions of a kind that nobody has settled"),
    "transfer_overdue": (
        "보낸 물품이 받는 매장에 입고되지 않았습니다",
        "goods that were sent and not received for so long",
    ),
    "notice_undelivered": (
        "알림을 받을 주소가 응답하지 않습니다",
        "an address could not be told about alerts for so long",
    ),
    "buffer": ("가용 재고에서 항상 남겨 두는 수량", "kept back from what is available"),
}

UNITS: dict[str, Pair] = {
    "units": ("개", "units"),
    "days": ("일", "days"),
    "hours": ("시간", "hours"),
    "seconds": ("초", "seconds"),
    "permille": ("‰", "‰"),
    "rows": ("행", "rows"),
    "stores": ("곳", "stores"),
    "events": ("건", "events"),
    "times": ("회", "times"),
    "open": ("건", "open"),
    "items": ("개 품목", "items"),
    "mib": ("MiB", "MiB"),
}

SEVERITIES: dict[str, Pair] = {
    "info": ("참고", "Info"),
    "warning": ("주의", "Warning"),
    "critical": ("위험", "Critical"),
}

STATES: dict[str, Pair] = {
    "open": ("미확인", "Open"),
    "acknowledged": ("확인함", "Acknowledged"),
    "closed": ("종료", "Closed"),
}

TEXTS: dict[str, Pair] = {
    "low_stock": ("{item}: 가용 {available}, 최소 {min}", "{item}: {available} available, minimum {min}"),
    "overstock": ("{item}: 보유 {on_hand}, 최대 {max}", "{item}: {on_hand} on hand, maximum {max}"),
    "stockout_risk": (
        "{item}: 가용 {available}, 약 {days}일 뒤 품절 (기준 {least}일)",
        "{item}: {available} available, sold out in about {days} days (threshold {least})",
    ),
    "negative_stock": ("{item}: 재고 {quantity}", "{item}: stock is {quantity}"),
    "pos_difference": (
        "{day}: {skus}개 품목, {units} 차이. 가장 큰 차이 {sku}: 기록 {ledger}, POS {tills}",
        "{day}: {skus} items off, {units}; worst {sku}: {ledger} in the log, {tills} at the tills",
    ),
    "hq_difference": (
        "재고 {rows}행이 다릅니다 ({units}): {reason}",
        "{rows} rows of stock differ, {units}: {reason}",
    ),
    "count_variance": (
        "{zone} 구역 실사 정확도 {accuracy_percent} %, {units_off} 차이",
        "count of {zone}: accuracy {accuracy_percent} %, {units_off} off",
    ),
    "duplicate_tag": ("태그 {epc}가 {stores}에 동시에 있습니다", "tag {epc} is in {stores} at once"),
    "store_silent": ("{since}부터 소식이 없습니다 ({state})", "nothing came since {since} ({state})"),
    "device_down": ("장치 {device}: {since}부터 {state}", "device {device}: {state} since {since}"),
    "log_tampered": (
        "기록 {log}의 {seq}번이 맞지 않습니다 ({code}, {times}회): {reason}",
        "event {seq} of log {log} does not hold ({code}, {times} times): {reason}",
    ),
    "log_forked": (
        "기록 {log}의 {seq}번에서 갈라졌습니다 ({times}회): {reason}",
        "log {log} forks at event {seq} ({times} times): {reason}",
    ),
    "ledger_damaged": (
        "매장 기록이 손상되었습니다: {damage}. 매장 PC에서 jaego restore를 실행하십시오",
        "the store's ledger is damaged: {damage}; run jaego restore there",
    ),
    "events_skipped": (
        "기록 {log}에서 {events}건이 사라졌습니다 (마지막 {seq_from}-{seq_to}번). 재고는 그 뒤의 기초 재고를 따릅니다",
        "{events} events of log {log} are gone (last {seq_from} to {seq_to}): the opening behind them states stock",
    ),
    "opening_differs": (
        "기록 {log}의 {seq}번: {skus}개 품목의 재고가 기록과 다릅니다. {sku}: 매장 {stated}, 기록 {counted}",
        "event {seq} of log {log} states another stock of {skus} items; {sku}: {stated}, its events say {counted}",
    ),
    "key_changed": (
        "기록 {log}는 {seq}번부터 키 {next}…(으)로 서명됩니다 (이전 {key}…)",
        "log {log} is signed with key {next}… from event {seq} on, with {key}… before",
    ),
    "disk_low": ("남은 공간 {free_mib} MiB", "{free_mib} MiB are free"),
    "certificate_ends": (
        "{what} 인증서가 {ends}에 끝납니다 ({days}일). 마지막 갱신 시도: {why}",
        "the certificate {what} ends {ends} ({days} days); last try to renew it: {why}",
    ),
    "event_stuck": (
        "브로커가 {seq}번 기록을 받지 않습니다. 브로커의 메시지 크기 제한을 1 MB 이상으로 올리십시오",
        "the broker does not take event {seq}: raise its limit of a message to 1 MB or more",
    ),
    "uplink_behind": ("약 {behind}건이 아직 오지 않았습니다", "about {behind} events have not come yet"),
    "worker_lagging": ("{what}: {since}부터 저장이 멈췄습니다", "{what}: has not taken in since {since}"),
    "exception": ("처리되지 않은 예외 {open}건: {kind_text}", "{open} open: {kind_text}"),
    "transfer_overdue": (
        "{document}: {to}(으)로 보낸 물품({units})이 {since}부터 도착하지 않았습니다",
        "{document}: {units} to {to} are on their way since {since}",
    ),
    "notice_undelivered": (
        "{target}: 알림 {lost}건을 전하지 못했습니다: {error}",
        "{target}: {lost} notices were not delivered: {error}",
    ),
}

EXCEPTION_KINDS: dict[str, Pair] = {
    "unknown_code": ("알 수 없는 코드", "unknown code"),
    "bad_read": ("잘못 읽음", "bad read"),
    "refused_code": ("거절된 코드", "refused code"),
    "not_done": ("처리되지 않음", "not done"),
    "possible_duplicate": ("중복 가능성", "possible duplicate"),
    "negative_stock": ("음수 재고", "negative stock"),
    "bad_tag": ("불량 태그", "bad tag"),
    "unread_passage": ("읽지 못한 통과", "unread passage"),
    "tag_not_written": ("태그 기록 실패", "tag not written"),
    "unknown_tag": ("알 수 없는 태그", "unknown tag"),
    "unexpected_tag": ("예상 밖 태그", "unexpected tag"),
    "unexpected_exit": ("무단 반출", "unexpected exit"),
    "uncertain_passage": ("불확실한 통과", "uncertain passage"),
    "duplicate_tag": ("중복 태그", "duplicate tag"),
    "over_delivery": ("초과 입고", "over delivery"),
    "unexpected_item": ("예상 밖 상품", "unexpected item"),
    "expired_lot": ("유통기한 지남", "expired lot"),
    "unknown_sale": ("알 수 없는 판매", "unknown sale"),
    "file_refused": ("파일 거절", "file refused"),
}


def said(rule: str, facts: Facts, language: Language) -> str:
    """One alert in words. A fact that is missing (an alert of another release) is a dash."""
    number = 0 if language == "ko" else 1
    return TEXTS[rule][number].format_map(_Told(facts, language)) if rule in TEXTS else rule


def both(rule: str, facts: Facts) -> dict[Language, str]:
    return {"ko": said(rule, facts, "ko"), "en": said(rule, facts, "en")}


class _Told(dict[str, object]):
    """Facts as they are written: thousands apart, permille as per cent, the item by its name."""

    def __init__(self, facts: Facts, language: Language) -> None:
        super().__init__()
        for name, value in facts.items():
            self[name] = self._number(name, value, facts, language) if isinstance(value, int) else value
            if name.endswith("_permille") and isinstance(value, int):
                self[name.removesuffix("_permille") + "_percent"] = f"{value // 10}.{value % 10}"
        other = "en" if language == "ko" else "ko"
        self["item"] = facts.get(f"name_{language}") or facts.get(f"name_{other}") or facts.get("sku", "-")
        kind = str(facts.get("kind", "-"))
        self["kind_text"] = EXCEPTION_KINDS.get(kind, (kind, kind))[0 if language == "ko" else 1]

    @staticmethod
    def _number(name: str, value: int, facts: Facts, language: Language) -> str:
        if name in SUMS:
            return sum_text(value, int(facts.get("grams", 0)), "개" if language == "ko" else " units")
        if name not in AMOUNTS:
            return f"{value:,}"
        return weight(value) if facts.get("unit") == "gram" else f"{value:,}" + ("개" if language == "ko" else "")

    def __missing__(self, key: str) -> str:
        return "-"
