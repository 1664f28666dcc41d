"""Words of logging in, and of what is refused to whom."""

from __future__ import annotations

ACCESS: dict[str, tuple[str, str]] = {
    "login": ("로그인", "Log in"),
    "logout": ("로그아웃", "Log out"),
    "login_title": ("로그인", "Log in"),
    "login_badge": ("사원증 (스캔하거나 입력)", "Badge (scan or type it)"),
    "login_pin": ("비밀번호 (PIN)", "PIN"),
    "login_delete": ("지우기", "Delete"),
    "login_hint": (
        "사원증이나 PIN이 없으면 관리자에게 문의하세요.",
        "Without a badge or a PIN, ask who manages this store's people.",
    ),
    "role_clerk": ("직원", "Clerk"),
    "role_supervisor": ("관리자", "Supervisor"),
    "role_admin": ("시스템 관리자", "Administrator"),
    "error_401": ("로그인이 필요합니다", "Log in first"),
    "error_403": ("허용되지 않습니다", "Not allowed"),
    "error_429": ("요청이 너무 많습니다", "Too many requests"),
    "denied_login": (
        "사원증과 PIN으로 로그인하거나, 프로그램이라면 토큰을 보내세요.",
        "Log in with badge and PIN; a program sends its token.",
    ),
    "denied_token": (
        "이 토큰은 없거나 취소되었습니다. jaego token list로 확인하세요.",
        "There is no such token, or it was revoked: see jaego token list.",
    ),
    "denied_scope": (
        "이 토큰의 권한으로는 할 수 없습니다. 필요한 권한으로 새 토큰을 만드세요.",
        "This token's scopes do not allow it: make one that has the scope.",
    ),
    "denied_role": ("관리자만 할 수 있습니다.", "It takes somebody with a higher role."),
    "denied_origin": (
        "다른 사이트에서 온 요청입니다. 이 매장의 화면에서 다시 하세요.",
        "It came from another site: do it from this store's own pages.",
    ),
    "denied_csrf": ("화면을 새로 고친 뒤 다시 하세요.", "Load the page anew and try again."),
    "denied_pin": ("사원증 또는 PIN이 맞지 않습니다.", "Badge and PIN do not go together."),
    "denied_pins": ("{n}초 후 다시 시도하세요.", "Try again in {n} s."),
    "denied_often": ("{n}초 후 다시 시도하세요.", "Try again in {n} s."),
}
