"""The site as a Django app: wires the signals, the checks and the admin."""

from __future__ import annotations

import gc

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WidgetsConfig(AppConfig):
    """What a browser sees."""

    name = "widgets"
    verbose_name = _("Widgets")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect CORS to the shops' origins and register the checks. Garbage is collected from here on (see ``settings``)."""
        from corsheaders.signals import check_request_enabled
        from django.db.backends.signals import connection_created

        from widgets import checks, sqlite
        from widgets.admin import registrations  # noqa: F401 - importing it registers the admin's pages
        from widgets.http import cors

        check_request_enabled.connect(cors.allow, dispatch_uid="widgets.origins")
        connection_created.connect(sqlite.prepare, dispatch_uid="widgets.sqlite")
        checks.register_all()
        gc.freeze()  # what was loaded lives as long as the process: no collection walks through it
        gc.enable()
