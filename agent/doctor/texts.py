"""What findings say, in Korean and English: text, then what to do. `{…}` are filled from a finding's facts. Pure."""

from __future__ import annotations

from typing import Literal

from agent.doctor.judge import Finding

Language = Literal["ko", "en"]

LEVELS: dict[str, tuple[str, str]] = {
    "ok": ("정상", "ok"),
    "warning": ("주의", "warning"),
    "failure": ("고장", "failure"),
}

# code: text ko, text en, hint ko, hint en; no hint where all is good.
TEXTS: dict[str, tuple[str, str, str, str]] = {
    "config_wrong": (
        "설정이 잘못되었습니다: {mistake}",
        "the configuration is wrong: {mistake}",
        "파일을 고치고 jaego check-config로 확인하세요",
        "correct the file; jaego check-config tries it",
    ),
    "folder_missing": (
        "상태 폴더 {path}이(가) 없습니다",
        "the state folder {path} is not there",
        "폴더를 만들고 에이전트 사용자를 소유자로 하세요: install -d -o jaego -m 750 {path}",
        "make it, owned by the agent's user: install -d -o jaego -m 750 {path}",
    ),
    "folder_no_folder": (
        "{path}은(는) 폴더가 아닙니다",
        "{path} is no folder",
        "설정의 store.state_dir를 확인하세요",
        "look at store.state_dir in the configuration",
    ),
    "folder_denied": (
        "사용자 {user}은(는) {path}에 쓸 수 없습니다 (소유자 {owner})",
        "user {user} may not write into {path}, which belongs to {owner}",
        "sudo -u {owner} jaego doctor로 실행하세요. {owner}이(가) 에이전트 사용자가 아니면: chown -R jaego {path}",
        "run as the agent's user: sudo -u {owner} jaego doctor; if that is not the agent's user: chown -R jaego {path}",
    ),
    "folder_read_only": (
        "{path}의 파일 시스템이 읽기 전용입니다",
        "the file system of {path} is read-only",
        "디스크 오류일 수 있습니다: dmesg를 보고 백업한 뒤 다시 마운트하세요",
        "often the disk is failing: look at dmesg, save a copy, then mount it writable again",
    ),
    "folder_root": (
        "root로 검사했습니다: 권한은 에이전트({owner})와 다를 수 있습니다",
        "you are root: what you may is not what the agent ({owner}) may",
        "runuser -u {owner} -- jaego doctor로 실행하세요",
        "run runuser -u {owner} -- jaego doctor",
    ),
    "folder_open": (
        "이 PC의 모든 사용자가 {path}에 들어갈 수 있습니다 (권한 {mode})",
        "everybody on this PC may enter {path} (mode {mode})",
        "chmod 750 {path}",
        "chmod 750 {path}",
    ),
    "disk_full": (
        "디스크가 가득 찼습니다: {free_mb} MB 남음",
        "the disk is full: {free_mb} MB left",
        "지금 공간을 비우세요; 스캔이 곧 멈춥니다",
        "make room now: scanning stops soon",
    ),
    "disk_low": (
        "디스크 공간이 부족합니다: {free_mb} MB ({percent} %) 남음",
        "little room on the disk: {free_mb} MB ({percent} %) left",
        "필요 없는 파일을 지우세요",
        "delete what is not needed",
    ),
    "disk_good": ("디스크 {free_mb} MB ({percent} %) 남음", "{free_mb} MB ({percent} %) of the disk are free", "", ""),
    "files_low": (
        "파일 시스템에 파일을 {count}개만 더 만들 수 있습니다",
        "the file system has room for {count} files only",
        "작은 파일이 많은 폴더를 찾아 지우세요: df -i",
        "find and delete folders with very many small files: df -i",
    ),
    "secret_missing": (
        "{path}이(가) 없습니다",
        "{path} is not there",
        "백업에서 되돌리거나 설정을 고치세요",
        "bring it back from a backup, or correct the configuration",
    ),
    "secret_denied": (
        "{path}을(를) 읽을 수 없습니다 (권한 {mode})",
        "{path} cannot be read (mode {mode})",
        "소유자를 에이전트 사용자로 하세요: chown jaego {path}",
        "give it to the agent's user: chown jaego {path}",
    ),
    "secret_open": (
        "다른 사용자도 {path}을(를) 읽을 수 있습니다 (권한 {mode})",
        "others may read {path} (mode {mode})",
        "chmod 600 {path}",
        "chmod 600 {path}",
    ),
    "secret_good": ("{path}은(는) 에이전트만 읽습니다", "{path} is the agent's alone", "", ""),
    "ledger_missing": (
        "원장이 아직 없습니다",
        "there is no ledger yet",
        "에이전트를 한 번 시작하세요. 전에 있었다면 백업에서 되돌리세요",
        "start the agent once; if there was one, bring it back from a backup",
    ),
    "ledger_damaged": ("원장이 손상되었습니다: {why}", "the ledger is damaged: {why}", "{hint}", "{hint}"),
    "ledger_unusable": ("원장을 열 수 없습니다: {why}", "the ledger cannot be opened: {why}", "{hint}", "{hint}"),
    "ledger_other_store": (
        "원장은 매장 {found}의 것이고 설정은 {store}입니다",
        "the ledger is of store {found}, the configuration says {store}",
        "원장의 매장은 바뀌지 않습니다: 다른 state_dir를 쓰세요",
        "a ledger never changes its store: use another state_dir",
    ),
    "ledger_good": (
        "원장: 이벤트 {head}개, {size_kb} kB, 마지막은 {age_min}분 전, 끝부분 정상",
        "the ledger has {head} events, {size_kb} kB, the newest is {age_min} min old; its end is intact",
        "",
        "",
    ),
    "event_stuck": (
        "브로커가 이벤트 {seq}을(를) 받지 않습니다: 너무 큽니다. 뒤의 이벤트는 기다립니다",
        "the broker does not take event {seq}: it is too large, and what follows waits",
        "브로커의 메시지 크기 제한을 1 MB 이상으로 올리세요",
        "raise the broker's limit of a message to 1 MB or more",
    ),
    "ledger_rotten": (
        "원장이 온전하지 않습니다: {why}",
        "the ledger is not whole: {why}",
        "에이전트를 멈추고 jaego restore를 실행하세요 (docs/restore.md). 디스크도 확인하세요: smartctl -a",
        "stop the agent and run jaego restore (docs/restore.md); look at the disk too: smartctl -a",
    ),
    "snapshots_missing": (
        "스냅숏 폴더 {path}이(가) 없습니다",
        "the folder for snapshots, {path}, is not there",
        "폴더를 만들거나 디스크를 연결하세요. 소유자는 에이전트 사용자입니다",
        "make it or mount its disk; it belongs to the agent's user",
    ),
    "snapshots_denied": (
        "스냅숏 폴더 {path}에 쓸 수 없습니다",
        "nothing can be written into the folder for snapshots, {path}",
        "소유자를 에이전트 사용자로 하고, systemd의 ReadWritePaths에도 넣으세요",
        "give it to the agent's user, and name it in ReadWritePaths of the service",
    ),
    "key_unsaved": (
        "매장 서명 키(store.key)의 사본이 없습니다",
        "there is no copy of the store's key (store.key)",
        "USB에 사본을 만들어 금고에 보관하세요: sudo -u jaego jaego key backup 파일",
        "make one on a stick and lock it away: sudo -u jaego jaego key backup FILE",
    ),
    "snapshots_none": (
        "원장의 스냅숏이 없습니다",
        "there is no snapshot of the ledger",
        "에이전트는 시작하고 곧 하나를 만듭니다. 이유는 journalctl -u jaego-agent",
        "a running agent makes one soon after its start; journalctl -u jaego-agent says why not",
    ),
    "snapshots_old": (
        "마지막 스냅숏이 {hours}시간 전의 것입니다",
        "the newest snapshot is {hours} h old",
        "이유는 journalctl -u jaego-agent",
        "journalctl -u jaego-agent says why",
    ),
    "snapshots_good": (
        "스냅숏 {count}개, 마지막은 {hours}시간 전",
        "{count} snapshots, the newest is {hours} h old",
        "",
        "",
    ),
    "catalogue_damaged": (
        "상품 목록을 쓸 수 없습니다: {why}",
        "the catalogue cannot be used: {why}",
        "{hint}",
        "{hint}",
    ),
    "catalogue_empty": (
        "상품 목록이 비어 있습니다",
        "the catalogue has no items",
        "jaego catalogue import를 쓰거나 본사 연결을 기다리세요",
        "jaego catalogue import, or wait for head office",
    ),
    "catalogue_good": (
        "상품 {items}개, {hours}시간 전에 바뀜",
        "the catalogue has {items} items and changed {hours} h ago",
        "",
        "",
    ),
    "agent_running": ("에이전트가 {minutes}분째 실행 중입니다", "the agent has been running for {minutes} min", "", ""),
    "agent_stopped": (
        "에이전트가 실행되고 있지 않습니다",
        "no agent runs on this folder",
        "systemctl start jaego-agent; 이유는 journalctl -u jaego-agent",
        "systemctl start jaego-agent; journalctl -u jaego-agent says why it ended",
    ),
    "agent_denied": (
        "에이전트에게 물어볼 권한이 없습니다",
        "the agent may not be asked by this user",
        "에이전트 사용자로 실행하세요: sudo -u jaego jaego doctor",
        "use the agent's user: sudo -u jaego jaego doctor",
    ),
    "agent_silent": (
        "에이전트가 대답하지 않습니다: {why}",
        "the agent does not answer: {why}",
        "systemctl restart jaego-agent, 그 전에 jaego bundle로 기록을 남기세요",
        "save its log with jaego bundle, then systemctl restart jaego-agent",
    ),
    "disk_stuck": (
        "디스크가 쓰기를 받지 않습니다",
        "the disk takes no writes",
        "디스크 상태를 확인하세요: dmesg, smartctl -a. 스캔은 저장될 때까지 확인되지 않습니다",
        "look at the disk: dmesg, smartctl -a; no scan is confirmed before it is on the disk",
    ),
    "disk_slow": (
        "커밋 100개 중 하나는 {ms} ms보다 오래 걸립니다",
        "one commit in 100 takes longer than {ms} ms",
        "다른 프로그램이 디스크를 쓰는지(iotop), 디스크가 낡았는지(smartctl -a) 확인하세요",
        "does another program use the disk (iotop), or is it failing (smartctl -a)?",
    ),
    "device_up": (
        "연결됨, 읽기 {reads}, 잘못된 읽기 {bad_reads}",
        "up, {reads} reads, {bad_reads} damaged",
        "",
        "",
    ),
    "device_notice": ("{message}", "{message}", "{hint}", "{hint}"),
    "device_there": ("{place}에 있습니다", "there at {place}", "", ""),
    "device_missing": (
        "{place}이(가) 없습니다",
        "{place} is not there",
        "장치를 꽂으세요. 이름은 ls -l /dev/serial/by-id /dev/input/by-id",
        "plug the device in; ls -l /dev/serial/by-id /dev/input/by-id shows names",
    ),
    "device_denied": (
        "{place}을(를) 열 권한이 없습니다 (그룹 {group})",
        "{place} may not be opened (its group is {group})",
        "에이전트 사용자를 그룹에 넣으세요: usermod -aG {group} jaego, 그리고 다시 시작",
        "add the agent's user to the group: usermod -aG {group} jaego, then restart the agent",
    ),
    "device_held": (
        "{place}을(를) 다른 프로그램이 쓰고 있습니다: {holder}",
        "another program has {place} open: {holder}",
        "그 프로그램을 끝내세요. ModemManager라면 systemd/60-jaego-scanners.rules를 설치하세요",
        "end that program; if it is ModemManager, install systemd/60-jaego-scanners.rules",
    ),
    "device_unreachable": (
        "{place}에 연결할 수 없습니다: {why}",
        "{place} cannot be reached: {why}",
        "전원과 케이블, 주소를 확인하세요",
        "look at its power, its cable and its address",
    ),
    "device_connecting": (
        "{place}에 연결하는 중입니다",
        "being connected at {place}",
        "잠시 뒤 다시 검사하세요",
        "look again in a moment",
    ),
    "device_down": ("{state}: {error}", "{state}: {error}", "{hint}", "{hint}"),
    "clock_synced": ("시계가 맞습니다 ({service})", "the clock is synchronised ({service})", "", ""),
    "clock_trusted": (
        "시계는 설정에 따라 믿습니다",
        "the clock is trusted because the configuration says so",
        "",
        "",
    ),
    "clock_waiting": (
        "{service}이(가) 아직 시계를 맞추지 못했습니다",
        "{service} has not synchronised the clock yet",
        "시간 서버를 확인하세요: timedatectl timesync-status, chronyc sources. 그때까지 시각은 의심으로 표시됩니다",
        "does it reach its time server: timedatectl timesync-status, or chronyc sources; until then times are marked",
    ),
    "clock_alone": (
        "시계를 맞추는 서비스가 없습니다",
        "nothing keeps the clock right",
        "timedatectl set-ntp true. 그때까지 시각은 의심으로 표시됩니다",
        "timedatectl set-ntp true; until then times are marked as suspect",
    ),
    "broker_off": ("본사 연결을 쓰지 않습니다", "this store works without head office", "", ""),
    "broker_good": ("브로커 {where}에 연결됩니다 ({version})", "the broker at {where} takes us ({version})", "", ""),
    "broker_unreachable": (
        "브로커 {where}에 닿지 않습니다: {why}",
        "the broker at {where} cannot be reached: {why}",
        "uplink.host와 port, 네트워크와 방화벽을 확인하세요. 스캔은 계속되고 이벤트는 원장에서 기다립니다",
        "look at uplink.host and port, the network and firewalls; scanning goes on, events wait in the ledger",
    ),
    "broker_files": (
        "인증서 파일을 쓸 수 없습니다: {why}",
        "a certificate file cannot be used: {why}",
        "uplink의 ca_file, cert_file, key_file을 확인하세요",
        "look at ca_file, cert_file and key_file of uplink",
    ),
    "broker_authority": (
        "브로커 인증서를 믿을 수 없습니다: {why}",
        "the broker's certificate is of an authority that is not trusted: {why}",
        "브로커를 발급한 인증 기관의 파일을 uplink.ca_file로 정하세요",
        "uplink.ca_file must be the authority that the broker's certificate is from",
    ),
    "broker_name": (
        "브로커 인증서의 이름이 다릅니다: {why}",
        "the broker's certificate has another name: {why}",
        "uplink.host를 인증서의 이름으로 쓰세요",
        "write uplink.host as the certificate has it",
    ),
    "broker_ended": (
        "브로커 인증서의 기간이 맞지 않습니다: {why}",
        "the broker's certificate is not valid today: {why}",
        "이 PC의 시계를 확인하고, 맞다면 브로커의 인증서를 갱신하세요",
        "look at this PC's clock; if it is right, the broker needs a new certificate",
    ),
    "broker_handshake": (
        "TLS 연결에 실패했습니다: {why}",
        "TLS fails: {why}",
        "포트가 TLS용인지(보통 8883), 브로커가 매장 인증서를 받아들이는지 확인하세요",
        "is it the port for TLS (8883 is usual), and does the broker accept this store's certificate?",
    ),
    "broker_silent": (
        "{where}이(가) MQTT로 대답하지 않습니다: {why}",
        "{where} does not speak MQTT with us: {why}",
        "포트를 확인하세요; TLS 포트에는 uplink.tls = true가 필요합니다",
        "look at the port; a port for TLS needs uplink.tls = true",
    ),
    "broker_refused": (
        "브로커가 이 매장을 거부합니다: {why}",
        "the broker refuses this store: {why}",
        "username, password_file과 브로커의 접근 목록을 확인하세요. 검사는 jaego-doctor-로 시작하는 client id를 씁니다",
        "look at username, password_file and the broker's access list; this check uses a client id jaego-doctor-…",
    ),
    "broker_topic": (
        "브로커가 이 토픽을 허락하지 않습니다",
        "the broker does not allow this topic",
        "브로커의 접근 목록에 이 매장의 토픽을 넣으세요 (docs/contract.md)",
        "the broker's access list needs this store's topics (docs/contract.md)",
    ),
    "broker_in_the_clear": (
        "브로커 {where}에 암호화 없이 연결합니다",
        "the way to the broker at {where} is not encrypted",
        "uplink.tls = true와 ca_file을 쓰세요",
        "use uplink.tls = true and ca_file",
    ),
    "certificate_unreadable": (
        "인증서 {path}을(를) 읽을 수 없습니다: {why}",
        "the certificate {path} cannot be read: {why}",
        "PEM 파일인지, 에이전트가 읽을 수 있는지 확인하세요",
        "it must be PEM, and readable by the agent",
    ),
    "certificate_ended": (
        "인증서가 {days}일 전에 끝났습니다",
        "the certificate ended {days} days ago",
        "새 인증서를 설치하세요",
        "install a new one",
    ),
    "certificate_soon": (
        "인증서가 {days}일 뒤에 끝납니다",
        "the certificate ends in {days} days",
        "새 인증서를 준비하세요",
        "get a new one ready",
    ),
    "renewal_failed": (
        "인증서를 갱신하지 못했습니다: {why}",
        "the certificate was not renewed: {why}",
        "고친 뒤 jaego renew를 실행하세요. 매일 다시 시도합니다",
        "mend it, then run jaego renew; it is tried again every day",
    ),
    "certificate_good": ("인증서가 {days}일 남았습니다", "the certificate is good for {days} days", "", ""),
    "consumer_good": ("이벤트 {behind}개가 확인을 기다립니다", "{behind} events wait for its acknowledgement", "", ""),
    "consumer_behind": (
        "이벤트 {behind}개가 최대 {minutes}분째 확인을 기다립니다; 마지막 확인은 {silent}분 전",
        "{behind} events wait, the oldest for {minutes} min; its last acknowledgement came {silent} min ago",
        "브로커가 정상이면 본사에 이 수신자가 실행 중인지 물어보세요. 아무것도 잃지 않습니다",
        "if the broker is good, ask head office whether this consumer runs; nothing is lost meanwhile",
    ),
    "screens_off": ("화면을 쓰지 않습니다", "there are no screens", "", ""),
    "screens_good": ("화면이 {where}에서 대답합니다", "the screens answer at {where}", "", ""),
    "screens_closed": (
        "화면이 {where}에서 대답하지 않습니다",
        "the screens do not answer at {where}",
        "web.host와 port, 에이전트의 기록을 확인하세요",
        "look at web.host and port, and at the agent's log",
    ),
    "screens_taken": (
        "다른 프로그램이 {where}을(를) 쓰고 있습니다",
        "another program listens at {where}",
        "그 프로그램을 끝내거나 web.port를 바꾸세요",
        "end that program, or choose another web.port",
    ),
}


def text_of(finding: Finding, language: Language) -> str:
    return TEXTS[finding.code][0 if language == "ko" else 1].format(**finding.facts)


def hint_of(finding: Finding, language: Language) -> str:
    """Empty where nothing needs to be done."""
    return TEXTS[finding.code][2 if language == "ko" else 3].format(**finding.facts)
