"""Runs every test of the project: installs what they need first, then SQLite, then those about the stores on PostgreSQL and Redis."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

LOADER = Path("static") / "loader"
# Debian's packages, and the programs of which one will do.
BROWSERS: dict[str, tuple[str, ...]] = {
    "chromium": ("chromium",),
    "chromium-headless-shell": ("chromium-headless-shell",),
    "firefox-esr": ("firefox-esr", "firefox"),
}
GETTEXT: dict[str, tuple[str, ...]] = {"gettext": ("xgettext",)}


class Command(BaseCommand):
    """``manage.py test [pytest arguments]``."""

    help = "Install what the tests need (npm packages, gettext, Chromium, Firefox) and run all of them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--postgres",
            default=os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres"),
            help="Database for the second run (default: %(default)s).",
        )
        parser.add_argument(
            "--redis",
            default=os.environ.get("TEST_CACHE_URL", "redis://127.0.0.1:6379/9"),
            help="Cache for the second run; this database and the one after it are emptied (default: %(default)s).",
        )
        parser.add_argument("--no-browser", action="store_true", help="Leave out the tests that drive a browser.")
        parser.add_argument(
            "--quick",
            action="store_true",
            help="No browsers, no servers, SQLite alone: a minute instead of a quarter of an hour.",
        )
        parser.add_argument("pytest", nargs="*", help="Paths or options for pytest, after --.")

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.BASE_DIR)
        if importlib.util.find_spec("pytest") is None:
            # `demo` makes an environment for the server alone.
            raise CommandError(
                "This environment lacks the test tools. Run `python3 manage.py test`, with the Python outside of it, once: that installs"
                " them; or `pip install -r tests/requirements.lock`."
            )
        # Never fewer than two: many tests wait for a clock or a socket.
        workers = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]
        self.ensure_programs(GETTEXT if options["quick"] or options["no_browser"] else {**GETTEXT, **BROWSERS})
        if options["quick"]:
            self.pytest([*workers, "--quick", *options["pytest"]], root, {"DATABASE_URL": "", "CACHE_URL": ""})
            return
        self.ensure_packages(root)
        self.run(["npm", "run", "--silent", "check"], root / LOADER)
        self.run(["npm", "run", "--silent", "check"], root / "static" / "package")
        chosen = [*(["-m", "not browser"] if options["no_browser"] else []), *options["pytest"]]
        workers.append("--durations=40")
        self.stdout.write("== SQLite and local memory")
        self.pytest([*workers, *chosen], root, {"DATABASE_URL": "", "CACHE_URL": ""})
        if self.reachable(options["postgres"], 5432) and self.reachable(options["redis"], 6379):
            self.stdout.write("== PostgreSQL and Redis")
            stores = {"DATABASE_URL": options["postgres"], "CACHE_URL": options["redis"]}
            self.pytest([*workers, "--stores", *options["pytest"]], root, stores)
        elif os.environ.get("CI"):
            raise CommandError("PostgreSQL and Redis must be reachable in CI: see --postgres and --redis.")
        else:
            self.stdout.write(
                self.style.WARNING("PostgreSQL and Redis were not found here; the second run was left out.")
            )

    def ensure_programs(self, packages: dict[str, tuple[str, ...]]) -> None:
        """Debian's packages by apt where their programs are missing. Raises CommandError when they cannot be installed."""
        missing = [
            package for package, programs in packages.items() if not any(shutil.which(program) for program in programs)
        ]
        if not missing:
            return
        if not shutil.which("apt-get"):
            raise CommandError(f"Install with your system's package manager: {', '.join(missing)}.")
        self.stdout.write(f"Installing {' and '.join(missing)} …")
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *missing]):
            self.run([*sudo, *command], Path.cwd(), {"DEBIAN_FRONTEND": "noninteractive"})

    def ensure_packages(self, root: Path) -> None:
        """npm packages by the lock files."""
        if not shutil.which("npm"):
            raise CommandError("Node.js 20 or newer with npm is needed for the loader's build and the browser tests.")
        storefronts = sorted(lock.parent for lock in (root / "tests" / "storefronts").glob("*/package-lock.json"))
        ours = list(
            (root / "static" / "embed" / "npm").glob("*.tgz")
        )  # installed by its path: no version tells a change
        for folder in (root / LOADER, root / "tests" / "browser", root / "tests" / "package", *storefronts):
            if not (folder / "package-lock.json").exists():
                continue
            marker = folder / "node_modules" / ".package-lock.json"
            newest = max(path.stat().st_mtime for path in (folder / "package-lock.json", *ours))
            if not marker.exists() or marker.stat().st_mtime < newest:
                self.run(["npm", "ci", "--no-audit", "--no-fund", "--silent", "--ignore-scripts"], folder)

    def pytest(self, arguments: list[str], root: Path, environment: dict[str, str]) -> None:
        """One run of pytest with its own stores."""
        self.run([sys.executable, "-m", "pytest", *arguments], root, environment)

    def run(self, command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
        """Run to the end with inherited output. Raises CommandError when it fails."""
        merged = {**os.environ, **(environment or {})}
        merged = {name: value for name, value in merged.items() if value or name not in ("DATABASE_URL", "CACHE_URL")}
        result = subprocess.run(command, cwd=folder, env=merged, check=False)  # noqa: S603
        if result.returncode:
            raise CommandError(
                f"{' '.join(command[:4])} … ended with {result.returncode}", returncode=result.returncode
            )

    @staticmethod
    def reachable(url: str, port: int) -> bool:
        """Whether something listens where the URL points."""
        parts = urlsplit(url)
        try:
            with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or port), timeout=1):
                return True
        except OSError:
            return False
