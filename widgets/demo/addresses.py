"""Where the demo's servers listen: three ports of this machine, free or a clear reason why not."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

HOST = "127.0.0.1"


class PortProblem(Exception):
    """A port that cannot be used; the text names it and the option that chooses another."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The three ports. The URLs are origins without a trailing slash; each differs from the others."""

    widgets_port: int
    storefront_port: int
    sandbox_port: int

    @property
    def widgets(self) -> str:
        """The widget server."""
        return f"http://{HOST}:{self.widgets_port}"

    @property
    def storefront(self) -> str:
        """The shop that embeds the widgets."""
        return f"http://{HOST}:{self.storefront_port}"

    @property
    def sandbox(self) -> str:
        """The stand-in Sumeru."""
        return f"http://{HOST}:{self.sandbox_port}"

    def by_option(self) -> dict[str, int]:
        """Ports by the option that sets them."""
        return {
            "--port": self.widgets_port,
            "--storefront-port": self.storefront_port,
            "--sandbox-port": self.sandbox_port,
        }


def choose(port: int, storefront_port: int | None, sandbox_port: int | None) -> Addresses:
    """The ports asked for; the storefront and the sandbox follow the widget server's unless they are given.

    Raises PortProblem for a number that is no port and for one used twice.
    """
    addresses = Addresses(
        port,
        port + 1 if storefront_port is None else storefront_port,
        port + 2 if sandbox_port is None else sandbox_port,
    )
    names_by_port: dict[int, str] = {}
    for option, number in addresses.by_option().items():
        if not 1 <= number <= 65_535:
            raise PortProblem(f"{option} {number}: a port is a number from 1 to 65535.")
        if number in names_by_port:
            raise PortProblem(
                f"{option} {number}: {names_by_port[number]} has the same port. Choose another with {option}."
            )
        names_by_port[number] = option
    return addresses


def check_free(addresses: Addresses) -> None:
    """Raises PortProblem for the first port that another program holds or that may not be used."""
    for option, number in addresses.by_option().items():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: a port whose last connections are still winding down is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, number))
            except OSError as error:
                why = "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
                raise PortProblem(f"Port {number} {why}. Choose another with {option}.") from None
