"""When a certificate of ours ends, why it was not renewed. `cryptography` (8 MB) is loaded only where there is one."""

from __future__ import annotations

from pathlib import Path

FILE_BYTES_MAX = 1_000_000
FAILED = "broker.renewal"
REASON_CHARACTERS_MAX = 300


def ends_s(path: Path) -> int:
    """Unix time at which the first certificate of a PEM file ends. Raises OSError, ValueError."""
    from cryptography import x509  # noqa: PLC0415  see above

    with path.open("rb") as file:
        return int(x509.load_pem_x509_certificate(file.read(FILE_BYTES_MAX)).not_valid_after_utc.timestamp())


def renewal_failure(folder: Path) -> str | None:
    """Why the last try of `jaego renew` failed; None: it did not, or there was none."""
    try:
        with (folder / FAILED).open("rb") as file:
            text = file.read(4 * REASON_CHARACTERS_MAX).decode("utf-8", "replace")
    except OSError:
        return None
    return " ".join(text.split())[:REASON_CHARACTERS_MAX] or None


class Certificates:
    """Files by what they are for; each is read again when it has changed. One thread at a time."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files
        self._held: dict[str, tuple[int, int]] = {}

    def ends_s(self) -> dict[str, int]:
        """What cannot be read is left out: whoever uses it says so."""
        found: dict[str, int] = {}
        for name, path in self._files.items():
            try:
                changed_ns = path.stat().st_mtime_ns
                if self._held.get(name, (0, 0))[0] != changed_ns:
                    self._held[name] = changed_ns, ends_s(path)
                found[name] = self._held[name][1]
            except (OSError, ValueError):
                continue
        return found
