"""``manage.py makemessages``: collects the shoppers' texts into ``widgets/locale``, for every language of the settings.

Two kinds of texts stand in the same modules. Those for shoppers are marked with the functions' full names (``gettext("…")``,
``gettext_lazy("…")``) and get translated; those for operators and developers (labels, help texts) with ``_("…")`` and stay English.
Templates below ``templates/widgets/`` are all for shoppers.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.commands import makemessages
from django.utils.translation import to_locale

OPERATORS_ONLY = [
    "sumeru_proxy/*",
    "tests/*",
    "static/*",
    "templates/admin/*",
    "templates/docs/*",
    "widgets/admin/*",
    "widgets/demo/*",
]


class Command(makemessages.Command):
    """Django's own command with the choices of this project; needs GNU gettext. Afterwards: ``manage.py compilemessages``."""

    xgettext_options = [
        *makemessages.Command.xgettext_options,
        # An empty --keyword drops xgettext's own list, which has `_`.
        "--keyword",
        "--keyword=gettext",
        "--keyword=ngettext:1,2",
        "--keyword=gettext_lazy",
        "--keyword=ngettext_lazy:1,2",
    ]
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Writes the catalogues; safe to repeat. Raises CommandError without GNU gettext."""
        codes = [to_locale(code) for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
        options["locale"] = options["locale"] or codes
        options["ignore_patterns"] = [*options["ignore_patterns"], *OPERATORS_ONLY]
        options.update(no_obsolete=True, no_wrap=True, add_location="file")
        super().handle(*args, **options)
        return None
