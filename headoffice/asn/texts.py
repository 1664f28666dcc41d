"""What can be wrong with a cell: Korean and English, each with what to do. Words in braces are the fault's facts."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "no_value": ("값이 비어 있습니다: 채우십시오", "nothing stands here: fill it in"),
    "cells": (
        "머리글은 {wanted}칸인데 이 행은 {cells}칸입니다: 구분 기호나 따옴표를 확인하십시오",
        "the header has {wanted} cells, this row {cells}: look for a delimiter or a quotation mark too many",
    ),
    "bad_name": (
        "이름에 쓸 수 없는 글자가 있습니다: A-Z a-z 0-9 . _ - 로 64자까지 쓰십시오",
        "it cannot be a name: 1 to 64 of A-Z a-z 0-9 . _ -",
    ),
    "bad_text": ("쓸 수 없는 글자가 있거나 너무 깁니다", "it holds what cannot be printed, or is too long"),
    "bad_store": (
        "매장 번호가 아닙니다: 이 파트너의 번호라면 --map의 [stores]에 적으십시오",
        "no store can be called so: if it is the partner's number, name the store in [stores] of --map",
    ),
    "unknown_store": (
        "본사가 모르는 매장입니다: 번호를 확인하거나 --map의 [stores]에 적으십시오",
        "head office knows no such store: check the number, or name the store in [stores] of --map",
    ),
    "unknown_gln": (
        "이 GLN의 매장을 모릅니다: --map의 [stores]에 적으십시오",
        "nobody said which store has this GLN: name it in [stores] of --map",
    ),
    "gtin_rounded": (
        "표 계산 프로그램이 반올림한 숫자입니다: 열을 텍스트 형식으로 바꾸고 다시 내보내십시오",
        "a spreadsheet has rounded it: make the column text and export again",
    ),
    "gtin_short": (
        "앞자리 0이 사라진 것 같습니다: 열을 텍스트 형식으로 바꾸고 다시 내보내십시오",
        "a leading zero seems to be lost: make the column text and export again",
    ),
    "gtin_check": ("검사 숫자가 맞지 않습니다: {check}이어야 합니다", "the check digit is wrong: it would be {check}"),
    "gtin_in_store": (
        "매장 안에서만 쓰는 코드입니다: SKU를 적으십시오",
        "it is a code for use in one store: give the SKU instead",
    ),
    "gtin_digits": ("GTIN은 8, 12, 13 또는 14자리 숫자입니다", "a GTIN has 8, 12, 13 or 14 digits"),
    "unknown_gtin": (
        "상품 마스터에 없는 GTIN입니다: 상품을 먼저 등록하십시오 (jaego-hq catalog import)",
        "no item has this GTIN: import the item first (jaego-hq catalog import)",
    ),
    "unknown_sku": (
        "상품 마스터에 없는 SKU입니다: 상품을 먼저 등록하십시오 (jaego-hq catalog import)",
        "there is no such item: import it first (jaego-hq catalog import)",
    ),
    "deleted_item": ("삭제된 상품입니다", "this item is deleted"),
    "other_item": (
        "이 GTIN은 {sku}의 것인데 행에는 {given}입니다: 둘 중 하나를 고치십시오",
        "this GTIN is of {sku}, the row says {given}: one of them is wrong",
    ),
    "bad_quantity": ("수량은 1 이상의 숫자입니다", "a quantity is a number from 1"),
    "fraction": (
        "기본 단위로 정수가 아닙니다: 포장 단위와 수량을 확인하십시오",
        "it is no whole number of base units: check unit and quantity",
    ),
    "bad_units": ("입수는 1 이상의 정수입니다", "units in a package are a whole number from 1"),
    "bad_unit": (
        "모르는 단위입니다: 낱개, 내포장, 박스, 파렛트, g, kg (EA, INNER, BOX, PLT)",
        "no known unit: each, inner, case, pallet, g, kg (EA, INNER, BOX, PLT)",
    ),
    "unit_needed": (
        "수량이 무엇의 개수인지 알 수 없습니다: 단위를 적으십시오",
        "nobody can tell what the quantity counts: give the unit",
    ),
    "level_differs": (
        "이 GTIN은 {level} 포장인데 행의 단위가 다릅니다: 포장의 GTIN을 적으십시오",
        "this GTIN is of a package of level {level}, the row's unit is another: give the GTIN of that package",
    ),
    "units_differ": (
        "상품 마스터의 입수는 {units}입니다: 둘 중 하나를 고치십시오",
        "the item master says {units} units in it: one of them is wrong",
    ),
    "no_package": (
        "이 상품에는 그런 포장이 하나로 정해져 있지 않습니다: 입수 열을 적으십시오",
        "this item has not exactly one such package: give the units in it",
    ),
    "weight_needed": (
        "무게로 파는 상품입니다: 단위를 g 또는 kg으로 적으십시오",
        "this item is sold by weight: give the unit g or kg",
    ),
    "not_by_weight": ("무게로 파는 상품이 아닙니다", "this item is not sold by weight"),
    "bad_day": ("날짜가 아닙니다: 2026-12-31처럼 적으십시오", "it is no day: write it as 2026-12-31"),
    "bad_sscc": ("SSCC는 18자리 숫자입니다", "an SSCC has 18 digits"),
    "sscc_check": (
        "SSCC의 검사 숫자가 맞지 않습니다: {check}이어야 합니다",
        "the check digit of the SSCC is wrong: it would be {check}",
    ),
    "bad_epc": ("EPC는 16진수입니다", "an EPC is hexadecimal"),
    "epc_twice": ("이 EPC는 {line}행에도 있습니다", "this EPC is in line {line} too"),
    "epc_count": ("EPC는 {epcs}개인데 수량은 {quantity}개입니다", "there are {epcs} EPCs for {quantity} packages"),
    "serial_needs_gtin": ("일련번호에는 GTIN이 필요합니다", "a serial number needs the GTIN"),
    "serial_needs_prefix": (
        "일련번호로 EPC를 만들 수 없습니다: --map의 [settings]에 company_prefix_digits를 적거나 EPC를 적으십시오",
        "no EPC can be made of the serial number: say company_prefix_digits in [settings] of --map, or give the EPC",
    ),
    "bad_serial": ("이 일련번호로는 EPC를 만들 수 없습니다: {why}", "no EPC can be made of this serial number: {why}"),
    "head_differs": (
        "같은 ASN의 {line}행과 다릅니다 ({other})",
        "it is another than in line {line} of the same notice ({other})",
    ),
    "too_long": (
        "한 문서에 담기에는 너무 큽니다 ({why}): 여러 ASN으로 나누십시오",
        "it is too long for one document ({why}): divide the notice",
    ),
    "closed": (
        "매장이 이미 마감한 문서입니다: 다른 번호로 보내십시오",
        "the store has closed this document: send what is left under another number",
    ),
}


def text(code: str, language: str, facts: dict[str, str]) -> str:
    korean, english = TEXTS[code]
    return (korean if language == "ko" else english).format_map(facts)
