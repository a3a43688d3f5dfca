"""Reading the environment."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from widgets import checks, environment
from widgets.logs import redacted


def test_a_secret_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from-file\n")
    monkeypatch.setenv("SOME_KEY_FILE", str(tmp_path / "key"))
    assert environment.text("SOME_KEY") == "from-file"
    monkeypatch.setenv("SOME_KEY", "direct")
    assert environment.text("SOME_KEY") == "direct"


def test_a_secret_file_that_is_missing_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY_FILE", "/nonexistent/key")
    with pytest.raises(ImproperlyConfigured, match="SOME_KEY_FILE"):
        environment.text("SOME_KEY")


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("True", True), ("no", False), ("OFF", False), ("", True)]
)
def test_flags(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_FLAG", value)
    assert environment.flag("SOME_FLAG", default=True) is expected


def test_a_flag_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_FLAG", "maybe")
    with pytest.raises(ImproperlyConfigured, match="SOME_FLAG"):
        environment.flag("SOME_FLAG")


@pytest.mark.parametrize("value", ["abc", "-1", "1.5"])
def test_a_number_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_NUMBER", value)
    with pytest.raises(ImproperlyConfigured, match="SOME_NUMBER"):
        environment.number("SOME_NUMBER", 3)


def test_a_made_secret_is_kept_and_private(tmp_path: Path) -> None:
    first = environment.kept_secret(tmp_path / "new" / "key", "token")
    assert environment.kept_secret(tmp_path / "new" / "key", "token") == first
    assert (tmp_path / "new" / "key").stat().st_mode & 0o077 == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["key"]


def test_database_urls() -> None:
    sqlite = environment.database("sqlite:////var/lib/app/db.sqlite3")
    assert sqlite["NAME"] == "/var/lib/app/db.sqlite3"
    assert sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"  # type: ignore[index]
    assert environment.database("sqlite:///db.sqlite3")["NAME"] == "db.sqlite3"
    postgres = environment.database("postgresql://me:p%40ss@db.example:5433/shop?sslmode=require")
    assert (postgres["NAME"], postgres["USER"], postgres["PASSWORD"]) == ("shop", "me", "p@ss")
    assert (postgres["HOST"], postgres["PORT"]) == ("db.example", 5433)
    assert postgres["OPTIONS"]["sslmode"] == "require"  # type: ignore[index]
    with pytest.raises(ImproperlyConfigured):
        environment.database("mysql://x")


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("local://", "ProcessCache"),
        ("database://", "TableCache"),
        ("redis://h:1/2", "RedisCache"),
        ("valkey://h/1", "RedisCache"),
    ],
)
def test_cache_urls(url: str, backend: str) -> None:
    assert str(environment.cache(url)["BACKEND"]).endswith(backend)


def test_an_unknown_cache_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured):
        environment.cache("memcached://x")


def test_files_are_their_users_own(tmp_path: Path, settings: Any) -> None:
    before = os.umask(0o022)
    try:
        environment.keep_files_private("077")
        environment.kept_secret(tmp_path / "new" / "secret", "token")
        (tmp_path / "new" / "db.sqlite3").write_bytes(b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "db.sqlite3").stat().st_mode) == 0o600
    for mode, found in ((0o700, []), (0o750, []), (0o755, ["widgets.W006"]), (0o701, ["widgets.W006"])):
        (tmp_path / "new").chmod(mode)
        settings.DATA_DIR = tmp_path / "new"
        assert [each.id for each in checks.check_data_folder()] == found
    for mask in ("7", "0o77", "888", ""):
        with pytest.raises(ImproperlyConfigured):
            environment.keep_files_private(mask)


def test_an_error_page_shows_no_password_of_a_store(rf: RequestFactory, settings: Any) -> None:
    """DEBUG's page listed CACHE_URL and CACHES, and a failing connection's frames hold the address, too."""
    # Whole in no line and no variable of this frame: the page shows both.
    address = "redis://sumeru:{}@redis.internal:6379/0".format("-".join(("hunter", "2", "secret")))
    settings.CACHE_URL = settings.DATABASE_URL = address
    settings.CACHES = {"default": {"BACKEND": "x", "LOCATION": address}}
    settings.OTHER = [{"url": address}]
    try:
        place = {"held": [address]}
        raise ConnectionError(f"cannot reach {place}"[:12])
    except ConnectionError:
        page = ExceptionReporter(rf.get("/", REDIS=address), *sys.exc_info())
    texts = [page.get_traceback_html(), page.get_traceback_text()]
    password = "-".join(("hunter", "2", "secret"))
    for text in texts:
        assert password not in text
        assert "redis.internal" in text
    assert password not in redacted(f"failed: {address}")


def test_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN", "192.0.2.7, 2001:db8::/32,198.51.100.9/24")
    assert [str(each) for each in environment.networks("OWN")] == ["192.0.2.7/32", "2001:db8::/32", "198.51.100.0/24"]
    monkeypatch.setenv("OWN", "office")
    with pytest.raises(ImproperlyConfigured, match="OWN"):
        environment.networks("OWN")
