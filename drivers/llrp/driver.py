"""The driver of an LLRP reader: the shared shell on a connection, with TLS if it is asked for."""

from __future__ import annotations

from drivers.driver import Clock
from drivers.llrp.session import LlrpSession
from drivers.llrp.settings import LlrpSettings
from drivers.shell import DeviceDriver
from drivers.transports.tcp import TcpSource, Tls, open_tcp


def build(name: str, settings: LlrpSettings, clock: Clock) -> DeviceDriver:
    tls = Tls(settings.tls_check, settings.tls_ca_file) if settings.tls else None

    def opener() -> TcpSource:
        return open_tcp(settings.host, settings.wire_port, timeout_s=settings.connect_timeout_s, tls=tls)

    return DeviceDriver(name, opener, LlrpSession(name, settings), clock)
