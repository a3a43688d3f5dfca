"""Finds the widgets: every module in ``catalog/`` holds exactly one. Nothing is edited when one is added."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from widgets import catalog
from widgets.base import Widget


@cache
def all_widgets() -> dict[str, Widget]:
    """Every widget by name, sorted. Raises TypeError when a module of the catalogue does not hold exactly one."""
    found: dict[str, Widget] = {}
    for module_info in sorted(pkgutil.iter_modules(catalog.__path__), key=lambda each: each.name):
        module = importlib.import_module(f"{catalog.__name__}.{module_info.name}")
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Widget) and value.__module__ == module.__name__
        ]
        if len(classes) != 1 or classes[0].name != module_info.name:
            raise TypeError(f"{module.__name__} must hold exactly one Widget, named {module_info.name!r}")
        found[module_info.name] = classes[0]()
    return found


def get(name: str) -> Widget | None:
    """The widget of this name, or None."""
    return all_widgets().get(name)


def parameter_names() -> list[str]:
    """Every parameter that any widget takes, sorted: each is an attribute of the element, with ``-`` for ``_``."""
    return sorted({str(name) for widget in all_widgets().values() for name in widget.Params().fields})
