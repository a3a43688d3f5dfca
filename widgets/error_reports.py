"""What Django's error page and error mails leave out, beside what Django itself does: passwords in addresses of stores."""

from __future__ import annotations

import re
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from widgets.logs import redacted


class ReportFilter(SafeExceptionReporterFilter):
    """Named by the setting DEFAULT_EXCEPTION_REPORTER_FILTER. Settings by their names; anything else by what it looks like."""

    hidden_settings = re.compile(
        r"API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|HTTP_COOKIE|CREDENTIAL|LOCATION|(?:DATABASE|CACHE)_URL",
        re.IGNORECASE,
    )

    def cleanse_setting(self, key: str | int, value: Any) -> Any:
        """The value, or stars."""
        cleansed = super().cleanse_setting(key, value)
        return redacted(cleansed) if isinstance(cleansed, str) else cleansed

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        """The variables of a frame; one in whose text a password stands is shown as that text without it."""
        return [
            (name, text if (text := redacted(plain)) != plain else value)
            for name, value in super().get_traceback_frame_variables(request, tb_frame)
            for plain in [_shown(value)]
        ]


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # whatever an object's own repr raises: the page shows that itself
        return ""
