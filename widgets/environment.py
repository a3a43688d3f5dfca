"""Reading the environment: typed, strict, and with ``NAME_FILE`` for secrets. Imported by the settings only."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The variable's value, else what the file named by ``NAME_FILE`` holds, else the default.

    Raises ImproperlyConfigured when the file cannot be read: a secret that silently goes missing is worse than no start.
    """
    if name in os.environ:
        return os.environ[name].strip()
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {path} cannot be read ({error.strerror})") from None
    return default


def flag(name: str, default: bool = False) -> bool:
    """True or False by 1/0, true/false, yes/no, on/off; anything else raises ImproperlyConfigured."""
    value = text(name).lower()
    if value == "":
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")


def number(name: str, default: int, *, at_least: int = 0) -> int:
    """A whole number; anything else raises ImproperlyConfigured."""
    value = text(name)
    try:
        result = int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from None
    if result < at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}")
    return result


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas; blanks are dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def keep_files_private(mask: str) -> None:
    """Set the process's umask: three octal digits such as 077, or 027 where a group may read. Raises ImproperlyConfigured."""
    if not re.fullmatch("0?[0-7]{3}", mask):
        raise ImproperlyConfigured(f"SUMERU_UMASK must be three octal digits such as 077, not {mask!r}")
    os.umask(int(mask, 8))


def open_to_others(folder: Path) -> bool:
    """Whether other users of this machine may list or enter the folder; False when there is none yet."""
    try:
        return bool(folder.stat().st_mode & 0o007)
    except OSError:
        return False


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Addresses and networks (192.0.2.7, 2001:db8::/32) separated by commas; anything else raises ImproperlyConfigured."""
    found = []
    for word in words(name):
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be addresses and networks, not {word!r}") from None
    return found


def kept_secret(path: Path, make: str) -> str:
    """A secret that this installation made for itself once and keeps in its data folder (mode 600).

    ``make`` is ``token`` or ``fernet``. Two processes that start together end with the same value.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    value = Fernet.generate_key().decode() if make == "fernet" else secrets.token_urlsafe(48)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(value)
    try:
        os.link(temporary, path)  # fails when the other process was first: then its value counts
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_text(encoding="ascii").strip()


def database(url: str) -> dict[str, object]:
    """Django's DATABASES entry of ``sqlite:///path`` or ``postgresql://user:password@host:port/name?options``.

    SQLite runs in IMMEDIATE mode with a busy timeout, so that concurrent writers wait instead of failing, and in WAL mode; what
    is deleted is overwritten. Both engines wait for locks at most five seconds.
    Raises ImproperlyConfigured for any other scheme.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path.removeprefix("/") if not parts.path.startswith("//") else parts.path[1:],
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 5,
                "init_command": "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;",
            },
        }
    if parts.scheme in ("postgresql", "postgres"):
        options: dict[str, object] = dict(parse_qsl(parts.query))
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or options.pop("host", ""),
            "PORT": parts.port or "",
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            # Like SQLite's busy timeout: who waits for a lock must not hold a web process for ever.
            "OPTIONS": {"connect_timeout": 3, "options": "-c lock_timeout=5s", **options},
        }
    raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:/// or postgresql://")


def cache(url: str) -> dict[str, object]:
    """Django's CACHES entry of ``local://``, ``database://`` or ``redis://…`` (also ``rediss://`` and Valkey).

    Redis calls give up after 0.2 s, so that a slow cache never holds a page. Raises ImproperlyConfigured otherwise.
    """
    scheme = urlsplit(url).scheme
    if scheme == "local":
        return {
            "BACKEND": "sumeru_proxy.reading.cache_backends.ProcessCache",
            "LOCATION": "sumeru",
            "OPTIONS": {"MAX_ENTRIES": 20_000},
        }
    if scheme == "database":
        return {
            "BACKEND": "sumeru_proxy.reading.cache_backends.TableCache",
            "LOCATION": "sumeru_copies",
            "OPTIONS": {"MAX_ENTRIES": 200_000},
        }
    if scheme in ("redis", "rediss", "valkey", "valkeys", "unix"):
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url.replace("valkey", "redis", 1),
            "KEY_PREFIX": "sumeru",
            "OPTIONS": {
                "pool_class": "sumeru_proxy.redis_pool.ProcessPool",
                "socket_timeout": 0.2,
                "socket_connect_timeout": 0.2,
                "serializer": "sumeru_proxy.reading.cache_backends.PlainSerializer",
            },
        }
    raise ImproperlyConfigured("CACHE_URL must begin with local://, database://, redis://, rediss:// or unix://")
