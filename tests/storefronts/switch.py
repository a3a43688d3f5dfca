"""An address that stands for another and can be switched off, for outages that the processes behind it need not take part in."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit

from tests.widgets.demo_runs import free_ports


class Switch:
    """``url`` leads to the target while on; while off nobody listens there, and the open connections have ended."""

    def __init__(self, target: str) -> None:
        where = urlsplit(target)
        self._target = (where.hostname, where.port)
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self._open: list[socket.socket] = []
        self._copying: list[threading.Thread] = []

    def __enter__(self) -> Switch:
        self.on()
        return self

    def __exit__(self, *_: object) -> None:
        self.off()

    def on(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def off(self) -> None:
        # A shutdown wakes the accepting thread; closing alone would let it take one connection more.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(10)
        self._listener.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._copying:
            thread.join(10)
        for each in self._open:
            each.close()
        self._open, self._copying = [], []

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for ends in ((near, far), (far, near)):
                    self._copying.append(threading.Thread(target=self._copy, args=ends, daemon=True))
                    self._copying[-1].start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
