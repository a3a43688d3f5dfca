"""``/docs/``: how to embed each widget, made from the registry, so that it cannot fall behind."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from widgets import registry
from widgets.docs import npm_package, openapi, python_package
from widgets.http.requests import public_base
from widgets.i18n import languages
from widgets.theming import tokens

FIRST_PARTY = """\
# In the storefront's server block. The widget server: one more in TRUSTED_PROXIES.
location ~ ^/sumeru/(embed|static|w/v1)/ {
    rewrite ^/sumeru(/.*)$ $1 break;
    proxy_pass https://widgets.example.com;
    proxy_ssl_server_name on;
    proxy_set_header Host widgets.example.com;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Cookie "";
}
"""


def docs_page(request: HttpRequest) -> HttpResponse:
    """``GET /docs/``."""
    widgets = [
        {"widget": widget, "parameters": openapi.widget_parameters(widget), "options": dict(widget.Options().fields)}
        for widget in registry.all_widgets().values()
    ]
    base = public_base(request)
    context = {
        "widgets": widgets,
        "base": base,
        "package": f"{npm_package.NAME}-{npm_package.package().version}",
        "wheel": python_package.wheel().file,
        "first_party": FIRST_PARTY,
        "tokens": tokens.TOKENS,
        "parts": [(widget, widget.parts) for widget in registry.all_widgets().values()],
        "languages": [(languages.canonical(code), name) for code, name in settings.LANGUAGES],
    }
    return render(request, "docs/index.html", context)
