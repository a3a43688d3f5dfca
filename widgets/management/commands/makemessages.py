"""``manage.py makemessages``: collects the shoppers' texts into ``widgets/locale``, for every language of the settings.

Two kinds of texts stand in the same modules. Those for shoppers are marked with the functions' full names (``gettext("…")``,
``gettext_lazy("…")``) and get translated; those for operators and developers (labels, help texts) with ``_("…")`` and stay English.
Templates below ``templates/widgets/`` are all for shoppers and Jinja2's; any other template is Django's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.commands import makemessages
from django.utils.translation import to_locale

from widgets.http import jinja

OPERATORS_ONLY = [
    "sumeru_proxy/*",
    "tests/*",
    "static/*",
    "templates/admin/*",
    "templates/docs/*",
    "widgets/admin/*",
    "widgets/demo/*",
]


def readable(source: str) -> str:
    """A widget template as xgettext reads it: its texts alone, each on its own line."""
    lines: dict[int, list[str]] = {}
    for number, forms in jinja.messages_of(source):
        name, more = ("gettext", "") if len(forms) == 1 else ("ngettext", ", 0")
        lines.setdefault(number, []).append(f"{name}({', '.join(map(repr, forms))}{more})")
    return "".join(f"{'; '.join(lines.get(number, ()))}\n" for number in range(1, max(lines, default=0) + 1))


class BuildFile(makemessages.BuildFile):
    """A file on its way to xgettext."""

    def preprocess(self) -> None:
        """Write the copy that xgettext reads, where it cannot read the file itself."""
        if "templates/widgets/" not in Path(self.path).as_posix():
            super().preprocess()
            return
        Path(self.work_path).write_text(readable(Path(self.path).read_text("utf-8")), "utf-8")


class Command(makemessages.Command):
    """Django's own command with the choices of this project; needs GNU gettext. Afterwards: ``manage.py compilemessages``."""

    build_file_class = BuildFile
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
