"""A network of a given round trip and bandwidth between a browser and a server on this machine: a TCP proxy that waits.

A new connection costs two round trips before its first request is passed on (TCP and TLS 1.3), each request and its answer one.
Bandwidth is shared by all connections, in the direction to the browser. A connection begins with ten segments a round trip and doubles
them. Not modelled: DNS, loss, the bytes of certificates and of HTTP/2, and a window that shrinks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass

SEGMENT_BYTES = 1_460
FIRST_WINDOW = 10 * SEGMENT_BYTES


@dataclass(frozen=True, slots=True)
class Network:
    """A round trip in seconds, and bits per second to the browser."""

    name: str
    round_trip_s: float
    bits_per_s: float


SLOW_3G = Network("slow 3G", 0.4, 400_000)
SLOW_4G = Network("slow 4G", 0.15, 1_600_000)
FAST_4G = Network("4G", 0.06, 9_000_000)


class SlowProxy:
    """``origin`` leads to the port through the network.

    ``at_once`` is the path of the page itself, whose own way is not measured: that request waits for nothing, and neither does the
    connection, which the page's navigation has opened.
    """

    def __init__(self, port: int, network: Network, at_once: str = "") -> None:
        self._port, self.network, self._at_once = port, network, f"GET {at_once} ".encode() if at_once else b""
        self._free_at = 0.0
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[ready], daemon=True)
        self._thread.start()
        ready.wait(10)
        self.origin = f"http://127.0.0.1:{self._own_port}"

    def close(self) -> None:
        """Ends every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self._own_port = int(server.sockets[0].getsockname()[1])
        ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connected(self, browser: asyncio.StreamReader, to_browser: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        exchange = _Exchange()
        back = asyncio.ensure_future(self._down(server, to_browser, exchange))
        try:
            if not self._at_once:
                await asyncio.sleep(2 * self.network.round_trip_s)
            while asked := await browser.read(65_536):
                exchange.free = bool(self._at_once) and asked.startswith(self._at_once)
                if not exchange.free:
                    await asyncio.sleep(self.network.round_trip_s / 2)
                to_server.write(asked)
                await to_server.drain()
        except (OSError, asyncio.CancelledError):
            pass  # one end has gone, or all ends are to go
        finally:
            back.cancel()
            for writer in (to_server, to_browser):
                with contextlib.suppress(OSError):
                    writer.close()

    async def _down(self, server: asyncio.StreamReader, to_browser: asyncio.StreamWriter, exchange: _Exchange) -> None:
        """Each segment leaves when the window and the shared line allow it, and arrives half a round trip later."""
        loop, window, in_window, window_from = asyncio.get_running_loop(), FIRST_WINDOW, 0, 0.0
        with contextlib.suppress(OSError):
            while said := await server.read(65_536):
                for place in range(0, len(said), SEGMENT_BYTES):
                    piece = said[place : place + SEGMENT_BYTES]
                    if not exchange.free:
                        now = loop.time()
                        if now - window_from > self.network.round_trip_s:
                            window_from, in_window = now, 0
                        if in_window + len(piece) > window:
                            window_from += self.network.round_trip_s
                            await asyncio.sleep(max(0.0, window_from - now))
                            window, in_window = window * 2, 0
                        in_window += len(piece)
                        self._free_at = max(loop.time(), self._free_at) + len(piece) * 8 / self.network.bits_per_s
                        await asyncio.sleep(max(0.0, self._free_at - loop.time()))
                    loop.call_later(0 if exchange.free else self.network.round_trip_s / 2, to_browser.write, piece)
            to_browser.close()


@dataclass
class _Exchange:
    """What the connection is carrying: ``free`` is the page itself."""

    free: bool = False
