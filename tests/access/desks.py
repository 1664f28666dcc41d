"""Head office's desk over https, in this process, with an authority that signs for stores."""

from __future__ import annotations

import threading
from pathlib import Path

from headoffice import enrolling
from headoffice.clock import SystemClock
from headoffice.desk_server import Address, Server, bind
from headoffice.web.access import Gate
from tests.access.stores import Office as Signer
from tests.headoffice.web.office import Office


class Desk:
    """In a thread of its own."""

    def __init__(self, folder: Path, signer: Signer) -> None:
        self.office = Office(str(folder / "hq.db"))
        self.office.room.clock = SystemClock()
        self.office.room.authority = signer.authority
        self.signer = signer
        address = Address("127.0.0.1", 0, *signer.server)
        self._bound = bind(address)
        self._server = Server(self.office.app(Gate()), address)
        port = self._bound.getsockname()[1]
        self.url = f"https://localhost:{port}"
        self._thread = threading.Thread(target=self._server.serve, args=[self._bound])
        self._thread.start()

    def invite(self, store: str = "S001") -> str:
        return enrolling.invite(self.office.database, self.signer.authority, store, 1, SystemClock())

    def close(self) -> None:
        self._server.stop(self.office.room.hub)
        self._thread.join()
        self._bound.close()
        self.office.close()
