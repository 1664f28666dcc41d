"""The store's certificate renews itself: a new key is made here, the present one signs for it, the desk answers.

Nothing is put in place of the present pair before the next one is whole. A key whose answer was lost is asked for
again: the desk renews a certificate for one key only.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from agent.certificates import FAILED
from agent.clock import Clock
from agent.config import Config
from agent.errors import AgentError
from agent.ledger import files
from agent.setup import credentials
from agent.setup.desk import ask
from contract.renewal import proof

LIFE_PARTS = 3  # renewed in the last of them
BY_HAND = timedelta(days=60)  # so much earlier it is said that nothing here renews it
HINT = "at head office: jaego-hq enrol STORE, then here: jaego setup --token FILE"


def is_due(begins: datetime, ends: datetime, now: datetime, *, able: bool) -> bool:
    """`able`: it can be renewed from here; else somebody does it by hand, and has time."""
    return ends - now < ((ends - begins) / LIFE_PARTS if able else BY_HAND)


def renew(config: Config, clock: Clock, *, early: bool = False) -> str:
    """What there is to say of it. `early`: before it is due. Raises `AgentError`, and writes down why."""
    uplink, folder = config.uplink, config.store.state_dir
    if not uplink.enabled or uplink.cert_file is None:
        return "this store has no certificate at the broker: nothing to renew"
    with credentials.held(folder):
        try:
            present = credentials.read_certificate(uplink.cert_file)
            begins, ends = present.not_valid_before_utc, present.not_valid_after_utc
            now = datetime.fromtimestamp(clock.now().wall_us // 1_000_000, UTC)
            able = uplink.desk is not None and _is_ours(config)
            if not early and not is_due(begins, ends, now, able=able):
                told = f"{uplink.cert_file} is good until {ends:%Y-%m-%d}: nothing to renew"
            else:
                told = _exchange(config, folder)
        except AgentError as error:
            with suppress(OSError):  # a full disk: what went wrong is said all the same
                files.keep(folder / FAILED, f"{error}; {error.hint}\n".encode())
            raise
        (folder / FAILED).unlink(missing_ok=True)
        return told


def _is_ours(config: Config) -> bool:
    """The pair that jaego setup keeps, not one that somebody put in place."""
    return {config.uplink.cert_file, config.uplink.key_file} == {config.store.state_dir / credentials.PAIR}


def _exchange(config: Config, folder: Path) -> str:
    store, uplink, own = config.store.id, config.uplink, folder / credentials.PAIR
    if not _is_ours(config):
        raise AgentError(f"{uplink.cert_file} was put there by hand", hint=f"renew it so, or {HINT}")
    if uplink.desk is None:
        raise AgentError("uplink.desk does not say which desk renews certificates", hint="jaego setup asks for it")
    present, desk = credentials.read_pair(own), uplink.desk.rstrip("/")
    credentials.forget_answered(folder, present)
    asked = credentials.request(folder, store)
    try:
        trusted = ssl.create_default_context(cafile=str(uplink.ca_file) if uplink.ca_file else None)
    except OSError as error:
        raise AgentError(f"ca_file {uplink.ca_file}: {error}", hint=HINT) from error
    challenge = str(ask(f"{desk}/api/v1/enrol/challenge", None, trusted, HINT).get("challenge", ""))
    signature = present.key.sign(proof(challenge, asked), ec.ECDSA(hashes.SHA256()))
    body = {
        "certificate": present.chain,
        "request": asked.decode(),
        "challenge": challenge,
        "signature": signature.hex(),
    }
    answer = ask(f"{desk}/api/v1/enrol/renew", body, trusted, HINT)
    credentials.take(folder, store, str(answer.get("certificate", "")).encode(), None)
    return f"{own} is renewed until {credentials.read_pair(own).certificate.not_valid_after_utc:%Y-%m-%d}"
