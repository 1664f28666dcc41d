"""Errors of devices. Each carries a hint: what a person can do.

DeviceError
+-- DeviceUnavailable   not there, or gone: try again (unplugged cable, dead link)
+-- DeviceRefused       there, and says no: a person must act (held by another program, permission)
+-- DeviceMisbehaved    there, and breaks its own protocol beyond what resynchronisation mends
"""

from __future__ import annotations


class DeviceError(Exception):
    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class DeviceUnavailable(DeviceError):
    pass


class DeviceRefused(DeviceError):
    pass


class DeviceMisbehaved(DeviceError):
    pass
