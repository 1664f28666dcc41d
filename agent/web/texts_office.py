"""Words of the office: documents, counts, the tray, orders, history and settings; and what a call is refused with."""

from __future__ import annotations

OFFICE: dict[str, tuple[str, str]] = {
    "expected_shape": ("{why}", "{why}"),
    "refused_not_json": ("content-type: application/json으로 보내세요", "send it as content-type: application/json"),
    "refused_unknown_device": ("설정에 없는 장치입니다", "no device of the configuration is called so"),
    "refused_unknown_station": ("설정에 없는 작업대입니다", "no station of the configuration is called so"),
    "refused_unknown_sku": ("카탈로그에 없는 SKU입니다: {sku}", "the catalogue has no SKU {sku}"),
}
