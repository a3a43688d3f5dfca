"""The web application with its clock moved by ``SHIFT_S``, and with every outgoing connection noted in ``CONNECTIONS``."""

from __future__ import annotations

import os
import sys
from typing import Any

from tests.faults import shifted_clock

shifted_clock.apply()


def watch(path: str) -> None:
    """Notes where any socket of this process is about to connect to, and every name that is looked up."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            os.write(file, f"connect {arguments[1]!r}\n".encode())
        elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
            os.write(file, f"{event} {arguments[:2]!r}\n".encode())

    sys.addaudithook(hook)


if os.environ.get("CONNECTIONS"):
    watch(os.environ["CONNECTIONS"])

from widgets.wsgi import application  # noqa: E402

__all__ = ["application"]
