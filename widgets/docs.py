"""``/docs/``: how to embed each widget, made from the registry, so that it cannot fall behind."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from widgets import embed, languages, openapi, registry, theming
from widgets.views import public_base


def index(request: HttpRequest) -> HttpResponse:
    """``GET /docs/``."""
    widgets = [
        {"widget": widget, "parameters": openapi.widget_parameters(widget), "options": dict(widget.Options().fields)}
        for widget in registry.all_widgets().values()
    ]
    base = public_base(request)
    script = embed.loader()
    context = {
        "widgets": widgets,
        "base": base,
        "pinned": f"{base}/embed/{script.hash}/loader.js",
        "integrity": script.integrity,
        "tokens": theming.TOKENS,
        "parts": [(widget, widget.parts) for widget in registry.all_widgets().values()],
        "languages": [(languages.canonical(code), name) for code, name in settings.LANGUAGES],
    }
    return render(request, "docs/index.html", context)
