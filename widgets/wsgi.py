"""The WSGI application: finished answers first, then static files (WhiteNoise), then Django within its shares of the threads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application
from whitenoise import WhiteNoise

if TYPE_CHECKING:
    from widgets.edge.path import HotPath

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "widgets.settings")


def make() -> HotPath:
    """Wrap Django so that what is finished and static files never enter it. Collected files are hashed, compressed and immutable."""
    django = get_wsgi_application()
    from django.conf import settings  # the settings and models exist only from here on

    from sumeru_proxy.webhooks import views as webhooks
    from widgets.edge import gates
    from widgets.edge.path import HotPath

    limits = {"/hooks/": webhooks.BODY_LIMIT_BYTES, "/": settings.DATA_UPLOAD_MAX_MEMORY_SIZE}
    bounded = gates.guarded(django, settings.WEB_THREADS, limits)
    server = WhiteNoise(bounded, max_age=300, immutable_file_test=r"^.+\.[0-9a-f]{12}\..+$")
    if (settings.STATIC_ROOT / "staticfiles.json").exists():
        server.add_files(str(settings.STATIC_ROOT), prefix=settings.STATIC_URL)
    else:
        from django.contrib.staticfiles.finders import get_finders

        for finder in get_finders():
            for name, storage in finder.list([]):
                server.add_file_to_dictionary(settings.STATIC_URL + name, storage.path(name))
    return HotPath(server, settings.SUMERU_HOT_BYTES)


application = make()
