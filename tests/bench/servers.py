"""The servers that are compared, each on the server's core: ours is started by ``tests.faults.running_site``, the others here."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from sumeru_proxy.sandbox.server import small_catalogue
from tests.bench.load import SERVER_CORE, pinned
from tests.faults.running_site import REDIS, descendants
from tests.sumeru_proxy.installation import wait_until

HERE = Path(__file__).resolve().parent
_NGINX = """
user root; worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log error;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4;
  scgi_temp_path {folder}/t5; proxy_cache_path {folder}/kept keys_zone=kept:10m;
  upstream widgets {{ server 127.0.0.1:{upstream}; keepalive 16; }}
  server {{ listen 127.0.0.1:{static}; root {bodies}; default_type text/html; }}
  server {{
    listen 127.0.0.1:{cached};
    location / {{
      proxy_pass http://widgets; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_cache kept; proxy_cache_use_stale updating; proxy_cache_background_update on; proxy_cache_lock on;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"""


def catalogue(products: int = 300, reviews: int = 10) -> dict[str, Any]:
    """The small catalogue with as many products in its first shop, some reviews for each, and 60 for ``prd_1``."""
    made = small_catalogue()
    shop = made["shops"][0]
    model, review = shop["products"][0], shop["reviews"][0]
    kept = [each for each in shop["reviews"] if each["product_id"] == "prd_1"]
    for number in range(len(shop["products"]) + 1, products + 1):
        shop["products"].append(
            {**model, "id": f"prd_{number}", "handle": f"thing-{number}", "title": f"Thing {number}"}
        )
    for number in range(len(kept), 60):
        shop["reviews"].append({**review, "id": f"rev_more_{number}", "product_id": "prd_1"})
    for product in shop["products"][20:]:
        for number in range(reviews):
            shop["reviews"].append({**review, "id": f"rev_{product['id']}_{number}", "product_id": product["id"]})
    return made


@contextlib.contextmanager
def stores(engine: str) -> Iterator[dict[str, str]]:
    """What a site's environment says of its stores beyond ``running_site``: a Redis database that nobody else uses, emptied afterwards.

    Two sites on one database would read each other's copies. Raises LookupError when none of the databases 1 to 12 is empty.
    """
    if engine != "postgresql":
        yield {}
        return
    for number in range(1, 13):
        url = urlsplit(REDIS)._replace(path=f"/{number}").geturl()
        with contextlib.closing(redis.Redis.from_url(url)) as memory:
            if not memory.set("bench", "taken", nx=True):
                continue
            try:
                if memory.dbsize() == 1:
                    yield {"CACHE_URL": url}
                    memory.flushdb()
                    return
            finally:
                memory.delete("bench")
    raise LookupError("no empty Redis database from 1 to 12")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A started comparator; ``why_not`` is why there is none, and then everything else is empty."""

    name: str
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    why_not: str = ""
    start_s: float = 0.0
    ports: dict[str, int] = field(default_factory=dict)

    def rss_bytes(self) -> int:
        """Resident memory of it and everything below it."""
        if self.process is None:
            return 0
        return sum(rss_bytes(pid) for pid in (self.process.pid, *descendants(self.process.pid)))

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                return
            self.process.kill()
            self.process.wait(10)


def rss_bytes(pid: int) -> int:
    """Resident memory of one process, 0 when it is gone."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def answers(port: int, path: str = "/") -> bool:
    """Whether anything answers there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status < 500
    return False


def start(
    name: str, command: Sequence[str], port: int, path: str, log: Path, more: Mapping[str, str] | None = None
) -> Server:
    """Run a command on the server's core until it answers."""
    began = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*pinned(SERVER_CORE), *command],
            stdout=file,
            stderr=file,
            env={**os.environ, **(more or {})},
            cwd=log.parent,
        )
    server = Server(name, port, process)
    if (
        not wait_until(lambda: process.poll() is not None or answers(port, path), 30, 0.05)
        or process.poll() is not None
    ):
        server.stop()
        return Server(name, why_not=f"{name} did not start: {log.read_text(errors='replace')[-200:].strip()}")
    server.start_s = time.perf_counter() - began
    return server


def nginx(folder: Path, bodies: Path, upstream: int) -> Server:
    """Static files of ``bodies`` on ``ports["static"]``, a cache in front of the ``upstream`` port on ``ports["cached"]``."""
    ports = {"static": free_port(), "cached": free_port()}
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, bodies=bodies, upstream=upstream, **ports))
    made = start(
        "nginx", ["nginx", "-p", str(folder), "-c", str(config)], ports["static"], "/fragment", folder / "nginx.out"
    )
    made.ports = ports
    return made


def node(folder: Path, body: Path) -> Server:
    """Plain Node ``http``."""
    if shutil.which("node") is None:
        return Server("node", why_not="node is not installed")
    port = free_port()
    return start("node", ["node", str(HERE / "node_hello.mjs"), str(body), str(port)], port, "/", folder / "node.out")


def next_folder() -> Path:
    """Where the Next.js project is built: a cache folder named after its sources."""
    names = ("package.json", "package-lock.json", "next.config.mjs", "app/reviews/route.js")
    digest = hashlib.blake2s(b"\0".join((HERE / "nextjs" / name).read_bytes() for name in names), digest_size=6)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "sumeru-widgets-bench" / f"nextjs-{digest.hexdigest()}"


def build_next() -> str:
    """Install and build the Next.js project unless that was done before. Gives an empty text, or why it could not be done."""
    folder = next_folder()
    if (folder / "built").exists():
        return ""
    if shutil.which("npm") is None:
        return "npm is not installed"
    print("building the Next.js comparator (once)", file=sys.stderr)
    shutil.copytree(HERE / "nextjs", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", ".next"))
    environment = {**os.environ, "NEXT_TELEMETRY_DISABLED": "1"}
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
        if done.returncode:
            return f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[-200:]}"
    (folder / "built").touch()
    return ""


def next_js(folder: Path, upstream_url: str, *, quick: bool) -> Server:
    """A production Next.js route handler that answers ``upstream_url`` through its fetch cache."""
    if quick and not (next_folder() / "built").exists():
        return Server("Next.js", why_not="left out by --quick until a full run has built it")
    if why_not := build_next():
        return Server("Next.js", why_not=why_not)
    port = free_port()
    program = next_folder() / "node_modules" / "next" / "dist" / "bin" / "next"
    command = ["node", str(program), "start", str(next_folder()), "-H", "127.0.0.1", "-p", str(port)]
    more = {"UPSTREAM_URL": upstream_url, "NODE_ENV": "production", "NEXT_TELEMETRY_DISABLED": "1"}
    return start("Next.js", command, port, "/reviews", folder / "next.out", more)
