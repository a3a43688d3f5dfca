"""System checks: what is wrong with the settings, as numbered messages with a hint. ``manage.py check --deploy`` runs all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from widgets import environment, registry

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_encryption_keys(app_configs: Sequence[Any] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """E001: every key must be one that Fernet takes."""
    for number, key in enumerate(settings.SUMERU_ENCRYPTION_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            return [
                Error(
                    f"Key {number} of SUMERU_ENCRYPTION_KEYS is not 32 bytes of urlsafe base64.",
                    hint='Make one: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
                    id="widgets.E001",
                )
            ]
    return []


def check_hosts(app_configs: Sequence[Any] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """E002: the upstream is spoken to by https only, except on this machine (sandbox)."""
    messages: list[CheckMessage] = []
    for url in settings.SUMERU_HOSTS:
        parts = urlsplit(url)
        plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (parts.scheme == "https" or plain) or not parts.hostname or parts.path or parts.query or parts.username:
            messages.append(
                Error(
                    f"SUMERU_HOSTS holds {url!r}, which is not an https address without a path.",
                    hint="Write https://api.sumeru.systems; http is allowed for the sandbox on this machine only.",
                    id="widgets.E002",
                )
            )
    return messages


def check_catalogue(app_configs: Sequence[Any] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """E003: each widget has a template, its styles, and documented parameters."""
    messages: list[CheckMessage] = []
    for widget in registry.all_widgets().values():
        problems = []
        try:
            get_template(widget.template)
        except TemplateDoesNotExist:
            problems.append(f"templates/{widget.template} is missing")
        folder = Path(settings.BASE_DIR) / "static" / "widgets"
        problems += [f"static/widgets/{name} is missing" for name in widget.styles if not (folder / name).exists()]
        for form in (widget.Params(), widget.Options()):
            problems += [
                f"{type(form).__qualname__}.{name} has no help_text"
                for name, field in form.fields.items()
                if not field.help_text
            ]
        messages += [Error(f"Widget {widget.name}: {problem}.", id="widgets.E003") for problem in problems]
    return messages


def check_public_url(app_configs: Sequence[Any] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """E004: PUBLIC_URL is a plain origin or one with a path prefix."""
    if settings.PUBLIC_URL and not re.match(r"^https?://[^\s/?#]+(/[^\s?#]*)?\Z", settings.PUBLIC_URL):
        return [
            Error(
                f"PUBLIC_URL {settings.PUBLIC_URL!r} is not an address.",
                hint="For example https://widgets.example.com",
                id="widgets.E004",
            )
        ]
    return []


def check_data_folder(app_configs: Sequence[Any] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """W006: nobody else on this machine reads the data folder, which holds secrets and, with SQLite, everything."""
    if not environment.open_to_others(settings.DATA_DIR):
        return []
    return [
        Warning(
            f"Other users of this machine can read {settings.DATA_DIR}.",
            hint=f"Run chmod 700 {settings.DATA_DIR}",
            id="widgets.W006",
        )
    ]


def check_deployment(app_configs: Sequence[Any] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """W001 to W005: what a public installation should have."""
    messages: list[CheckMessage] = []
    if not settings.SECRETS_FROM_ENVIRONMENT:
        messages.append(
            Warning(
                "SECRET_KEY or SUMERU_ENCRYPTION_KEYS was made by this machine and is kept in its data folder.",
                hint="Set both (or SECRET_KEY_FILE, SUMERU_ENCRYPTION_KEYS_FILE), so that all machines share them and backups hold them.",
                id="widgets.W001",
            )
        )
    if str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3"):
        messages.append(
            Warning(
                "The database is SQLite, which serves one machine.",
                hint="Set DATABASE_URL=postgresql://… for several machines.",
                id="widgets.W002",
            )
        )
    if settings.CACHE_URL.startswith("local:"):
        messages.append(
            Warning(
                "Copies of Sumeru's answers are kept in each process's own memory.",
                hint="Set CACHE_URL=redis://…, or database:// on one machine, so that processes share them and restarts keep them.",
                id="widgets.W003",
            )
        )
    if not settings.PUBLIC_URL:
        messages.append(
            Warning(
                "PUBLIC_URL is not set: links in widgets follow the Host header of each request.",
                hint="Set PUBLIC_URL=https://widgets.example.com",
                id="widgets.W004",
            )
        )
    if not (settings.STATIC_ROOT / "staticfiles.json").exists():
        messages.append(
            Warning("Static files were not collected.", hint="Run manage.py collectstatic.", id="widgets.W005")
        )
    return messages


def register_all() -> None:
    """Bind every check; the deployment ones run with ``--deploy`` only."""
    for check in (check_encryption_keys, check_hosts, check_catalogue, check_public_url, check_data_folder):
        register(check, Tags.compatibility)
    register(check_deployment, Tags.security, deploy=True)
