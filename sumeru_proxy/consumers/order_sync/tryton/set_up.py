"""A Tryton of one's own for demonstrations and tests: its environment, a database, a server. Never needed by the server itself.

Tryton is installed into an environment of its own beside this project's, from the package index that pip is set up for. A prepared SQLite
database takes half a minute to make and is kept by the hash of its plan; a copy of it takes milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

REQUIREMENTS: Final = (
    "trytond==8.2.1",
    "trytond_party==8.2.0",
    "trytond_product==8.2.0",
    "trytond_sale==8.2.0",
    "trytond_account_invoice==8.2.0",
    "trytond_web_shop==8.2.0",
    "proteus==8.2.0",
    "psycopg[binary,pool]>=3.2",
)
MODULES: Final = ("sale", "web_shop")
START_S: Final = 60.0
_FILL = Path(__file__).with_name("erp_database.py")
# The server ends with the process that started it (Linux); elsewhere it has to be stopped.
_WITH_PARENT = (
    "import ctypes, os, sys\n"
    "if sys.platform == 'linux': ctypes.CDLL(None).prctl(1, 15)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


class NotSetUp(Exception):
    """A step failed; the text is the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Company:
    """A company, its currency, and its web shops by name and currency."""

    name: str
    currency: str
    shops: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SetupItem:
    """A product: ``type`` goods or service."""

    sku: str
    name: str
    price: str = "0"
    type: str = "goods"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new database holds. ``currencies``: their decimals by code; ``taxes``: percentages; ``key``: of the REST application."""

    key: str
    companies: Sequence[Company]
    products: Sequence[SetupItem] = (SetupItem("SUMERU-OTHER", "Other", type="service"),)
    currencies: Mapping[str, int] = field(default_factory=lambda: {"EUR": 2, "USD": 2})
    countries: Sequence[str] = ("DE", "FR", "GB", "US")
    taxes: Sequence[str] = ("20", "19", "10", "7")
    years: Sequence[int] = (2025, 2026, 2027)
    tax_rounding: str = "line"
    price_digits: int = 6

    def as_json(self) -> str:
        """As ``erp_database.py`` reads it."""
        data: dict[str, Any] = asdict(self)
        for company in data["companies"]:
            company["shops"] = [{"name": name, "currency": code} for name, code in company["shops"].items()]
        return json.dumps(data, sort_keys=True)


def plan_of(key: str, data: Mapping[str, Any]) -> Plan:
    """A plan from JSON: the fields of ``Plan`` but its key; companies and products as objects. Raises TypeError, KeyError."""
    companies = tuple(Company(**each) for each in data["companies"])
    items = tuple(SetupItem(**each) for each in data["products"])
    rest = {name: value for name, value in data.items() if name not in ("companies", "products")}
    return Plan(key=key, companies=companies, products=items, **rest)


def _run(command: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None, timeout_s: float) -> str:
    try:
        process = subprocess.run(  # noqa: S603 - our own commands
            list(command), input=stdin, env=env, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotSetUp(f"{Path(command[0]).name}: {type(error).__name__}") from None
    if process.returncode:
        raise NotSetUp(
            f"{Path(command[0]).name} ended with {process.returncode}: {(process.stderr or process.stdout)[-1_500:]}"
        )
    return process.stdout


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Erp:
    """An installation of Tryton below ``home``: its environment in ``env``, prepared databases in ``prepared``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.python = home / "env" / "bin" / "python"

    def install(self) -> None:
        """Install Tryton, unless it is there. May take a minute and needs the network. Raises NotSetUp."""
        stamp = self.home / "env" / "installed"
        requirements = "\n".join(REQUIREMENTS)
        with _alone(self.home):
            if stamp.exists() and stamp.read_text(encoding="utf-8") == requirements:
                return
            _run([sys.executable, "-m", "venv", str(self.home / "env")], timeout_s=120)
            _run([str(self.python), "-m", "pip", "install", "-q", *REQUIREMENTS], timeout_s=900)
            stamp.write_text(requirements, encoding="utf-8")

    def name_of(self, plan: Plan) -> str:
        """The name of the plan's database among those that are kept: another plan, filling or version is another name."""
        parts = (plan.as_json(), _FILL.read_text(encoding="utf-8"), *REQUIREMENTS)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def prepared(self, plan: Plan) -> Path:
        """A SQLite database made by the plan; made at most once for each plan. Raises NotSetUp."""
        self.install()
        folder = self.home / "prepared" / self.name_of(plan)
        with _alone(folder):
            if not (folder / "done").exists():
                self.make(folder, "erp", plan)
                (folder / "done").touch()
        return folder / "erp.sqlite"

    def configure(self, folder: Path, *, uri: str = "sqlite://", port: int = 0, price_digits: int = 6) -> Path:
        """Write a configuration into the folder; databases of SQLite lie in the folder too."""
        path = folder / "trytond.conf"
        lines = ["[database]", f"uri = {uri}", f"path = {folder}", "[web]", f"listen = 127.0.0.1:{port}"]
        path.write_text("\n".join([*lines, "[product]", f"price_decimal = {price_digits}", ""]), encoding="utf-8")
        return path

    def make(self, folder: Path, name: str, plan: Plan, *, uri: str = "sqlite://") -> None:
        """Make and fill a database; on PostgreSQL an empty one of this name must be there. Half a minute to two. Raises NotSetUp."""
        configuration = self.configure(folder, uri=uri, price_digits=plan.price_digits)
        if uri.startswith("sqlite"):
            (folder / f"{name}.sqlite").unlink(missing_ok=True)
            (folder / f"{name}.sqlite").touch()
        password = folder / "password"
        password.write_text(hashlib.sha256(plan.key.encode()).hexdigest(), encoding="utf-8")
        admin = [
            str(self.python.with_name("trytond-admin")),
            "-c",
            str(configuration),
            "-d",
            name,
            "--all",
            "-u",
            *MODULES,
        ]
        admin += ["--activate-dependencies", "--login", "admin", "--email", "admin@erp.example", "-p", "-l", "en"]
        try:
            _run(admin, env={**os.environ, "TRYTONPASSFILE": str(password)}, timeout_s=600)
        finally:
            password.unlink()
        _run([str(self.python), str(_FILL), str(configuration), name], stdin=plan.as_json(), timeout_s=300)

    def copy(self, plan: Plan, folder: Path, name: str) -> None:
        """Put a copy of the prepared database into a folder, under a name."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.prepared(plan), folder / f"{name}.sqlite")


class Server:
    """A running Tryton. ``url`` is where it answers; ``stop`` and ``kill`` end it, ``start`` starts it again on the same port."""

    def __init__(self, erp: Erp, folder: Path, name: str, *, uri: str = "sqlite://", port: int = 0) -> None:
        self.erp, self.folder, self.name = erp, folder, name
        self.port = port or free_port()
        self.configuration = erp.configure(folder, uri=uri, port=self.port)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it accepts connections. Raises NotSetUp when it does not within a minute."""
        command = [str(self.erp.python), "-c", _WITH_PARENT, str(self.erp.python.with_name("trytond"))]
        with (self.folder / "trytond.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, "-c", str(self.configuration), "-d", self.name], stdout=log, stderr=log
            )
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.kill()
        raise NotSetUp(f"Tryton did not start: {(self.folder / 'trytond.log').read_text(errors='replace')[-1_500:]}")

    def stop(self) -> None:
        """End it in order. May be repeated."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does. May be repeated."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill() if kill else process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port of the loopback that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
