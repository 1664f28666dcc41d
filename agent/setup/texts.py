"""What `jaego setup` asks and says, in Korean and English. `{…}` are filled in. Pure."""

from __future__ import annotations

from typing import Literal

Language = Literal["ko", "en"]

TEXTS: dict[str, tuple[str, str]] = {
    "ask_store": ("매장 id (본사가 부르는 이름)", "Store id, as head office knows it"),
    "ask_time_zone": ("시간대", "Time zone"),
    "ask_zones": ("구역, 쉼표로 구분", "Zones, separated by commas"),
    "ask_broker": ("브로커 주소 (없으면 -)", "The broker's host (none for now: -)"),
    "ask_port": ("브로커 포트", "The broker's port"),
    "ask_tls": ("TLS를 씁니까", "With TLS"),
    "ask_way": (
        "자격 증명: token(본사 토큰), request(서명 요청), password(비밀번호), none(그대로)",
        "Credentials: token (from head office), request (to be signed), password, none (as they are)",
    ),
    "ask_desk": ("본사 데스크 주소 (https://…)", "Address of head office's desk (https://…)"),
    "ask_token": ("토큰 (보이지 않습니다)", "The token (it is not shown)"),
    "ask_password": ("브로커 비밀번호 (보이지 않습니다)", "The broker's password (it is not shown)"),
    "ask_station": ("작업대 이름", "Name of the station"),
    "ask_station_zone": ("작업대의 구역", "Zone of the station"),
    "ask_scanner": ("스캐너를 더합니까", "Add a scanner"),
    "ask_device": ("장치 이름", "Name of the device"),
    "scan_sheet": (
        "시트를 스캔하세요: {file}. 스캔할 때까지, 길어야 {seconds}초 동안 키보드 입력을 붙잡습니다",
        "Scan the sheet {file}. Keyboards are held until a scan comes, {seconds} s at most",
    ),
    "scan_again": (
        "{path}: 알아볼 수 없습니다. 속도 {baud}(으)로 바꾸었으니 한 번 더 스캔하세요",
        "{path}: not understood. The speed is {baud} now: scan once more",
    ),
    "not_the_sheet": (
        "{path}: 시트의 코드가 아닙니다. 다시 스캔하세요",
        "{path}: that is not the sheet's code. Scan again",
    ),
    "learned": ("{name}: {path} · {settings}", "{name}: {path}, {settings}"),
    "gs_lost": (
        "{name}: 구분자(GS)를 보내지 않습니다. 스캐너의 GS1/FNC1 설정을 켜세요. 로트와 유통기한을 읽을 수 없습니다",
        "{name}: it does not send the separator GS: switch it on there (GS1, FNC1), or lots and expiry are not read",
    ),
    "no_end": (
        "{name}: 코드 끝에 아무것도 보내지 않습니다. 스캐너를 CR(엔터)로 끝나게 설정하고 다시 하세요",
        "{name}: it sends nothing at a code's end: set the scanner to end with CR (Enter), and repeat",
    ),
    "unheard": (
        "{seconds}초 동안 스캔이 없었습니다. 스캐너가 꽂혀 있는지, jaego-agent가 멈춰 있는지 확인하세요",
        "nothing was scanned for {seconds} s: is the scanner plugged in, and jaego-agent stopped?",
    ),
    "closed": ("{path}: 열 수 없습니다: {why}", "{path}: cannot be opened: {why}"),
    "reader_answers": ("{name}: {host}이(가) 응답합니다", "{name}: {host} answers"),
    "reader_silent": (
        "{name}: {host}이(가) 응답하지 않습니다: {why}",
        "{name}: {host} does not answer: {why}",
    ),
    "request": (
        "서명 요청: {file}. 본사에서: jaego-hq enrol {store} --csr FILE. 받은 인증서로 다시 실행하세요",
        "Signing request: {file}. At head office: jaego-hq enrol {store} --csr FILE. Repeat with the certificate",
    ),
    "enrolled": ("본사가 인증서를 발급했습니다: {file}", "Head office has issued the certificate {file}"),
    "kept_certificate": ("인증서가 아직 유효합니다: {file}", "The certificate {file} is still good"),
    "written": ("설정을 썼습니다: {file}. 전의 것: {former}", "Written: {file}; the former one is {former}"),
    "written_first": ("설정을 썼습니다: {file}", "Written: {file}"),
    "unchanged": ("설정이 그대로입니다: {file}", "Nothing has changed in {file}"),
    "stopped": ("서비스를 멈췄습니다: jaego-agent", "The service is stopped meanwhile: jaego-agent"),
    "started_again": ("서비스를 다시 시작했습니다: jaego-agent", "The service runs again: jaego-agent"),
    "left_stopped": (
        "서비스는 멈춰 있습니다. 시작: systemctl start jaego-agent",
        "The service is stopped. Start it with: systemctl start jaego-agent",
    ),
    "started": ("서비스를 시작했습니다: jaego-agent", "The service runs: jaego-agent"),
    "start_failed": (
        "서비스가 시작되지 않습니다: journalctl -u jaego-agent",
        "The service does not start: journalctl -u jaego-agent",
    ),
    "start_by_hand": ("시작: jaego run {file}", "Start it with: jaego run {file}"),
}


def say(name: str, language: Language, /, **facts: object) -> str:
    korean, english = TEXTS[name]
    return (korean if language == "ko" else english).format_map(facts)
