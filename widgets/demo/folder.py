"""The demo's folder: one demo at a time, what it keeps there, and the environment its processes get."""

from __future__ import annotations

import fcntl
import os
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from widgets.demo.addresses import Addresses

ROOT = Path(__file__).resolve().parent.parent.parent
_ALPHABET = string.ascii_letters + string.digits
# The rest of the caller's environment must not decide how the demo behaves.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "PYTHONPYCACHEPREFIX")


class FolderProblem(Exception):
    """The folder cannot be used; the text says why."""


def take(folder: Path) -> IO[str]:
    """Make the folder and hold it as long as the file that this gives is open. Raises FolderProblem when another demo holds it."""
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        lock = open(folder / "lock", "w", encoding="ascii")  # noqa: SIM115 - held until the demo ends
    except OSError as error:
        raise FolderProblem(f"{folder} cannot be used ({error.strerror}). Choose another with --data.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise FolderProblem(f"Another demo is running on {folder}. Stop it, or choose another with --data.") from None
    return lock


def kept_password(folder: Path) -> str:
    """The admin's password, see ``kept_secret``. 20 letters and digits, 119 bits."""
    return kept_secret(folder, "admin_password", 20)


def kept_secret(folder: Path, name: str, length: int) -> str:
    """Letters and digits that are made once and kept in the folder (mode 600)."""
    path = folder / name
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write("".join(secrets.choice(_ALPHABET) for _ in range(length)))
    return path.read_text(encoding="ascii").strip()


def environment(folder: Path, addresses: Addresses, outer: Mapping[str, str], *, debug: bool = False) -> dict[str, str]:
    """Everything the demo's processes get to see. ``outer`` is the caller's environment, of which little is kept."""
    return {
        **{name: outer[name] for name in _INHERITED if name in outer},
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "widgets.settings",
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "CACHE_URL": "local://",
        "DEBUG": "1" if debug else "0",
        "SECURE_COOKIES": "0",
        "PUBLIC_URL": addresses.widgets,
        "SUMERU_HOSTS": f"{addresses.sandbox},https://api.sumeru.systems,https://eu.api.sumeru.systems",
        # Every shopper of the demo, its storefront's server included, has the same address.
        "CLIENT_READS_PER_MINUTE": "6000",
    }
