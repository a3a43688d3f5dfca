"""The bare Django comparator: one view without middleware that answers a file of ``BENCH_BODIES`` from memory."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="bench", MIDDLEWARE=[])
_BODIES = {each.name: each.read_bytes() for each in Path(os.environ["BENCH_BODIES"]).iterdir()}


def view(_request: HttpRequest, name: str) -> HttpResponse:
    """Bytes from memory through Django's own request cycle."""
    return HttpResponse(_BODIES.get(name, b"ok"))


urlpatterns = [path("<str:name>", view)]
application = get_wsgi_application()
