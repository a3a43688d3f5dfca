"""Every address of the server."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path

from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks import views as webhooks
from widgets.docs import (
    client,
    consumers,
    deploying,
    index,
    npm_package,
    openapi,
    python_package,
    threats,
    troubleshooting,
)
from widgets.http import batches, embed, events, pages, probes, submissions, views
from widgets.http.requests import by_method

_SHOP = r"^w/v1/(?P<shop>[A-Za-z0-9_]{1,40})/"
_WIDGET = r"(?P<widget>[a-z0-9_]{1,40})"

urlpatterns = [
    path("w/v1/openapi.json", openapi.document, name="openapi"),
    re_path(_SHOP + r"batch\Z", batches.batch, name="batch"),
    re_path(_SHOP + r"live\Z", batches.live, name="live"),
    re_path(_SHOP + _WIDGET + r"\.html\Z", views.fragment, name="fragment"),
    re_path(_SHOP + _WIDGET + r"\.json\Z", views.data, name="data"),
    re_path(_SHOP + r"events\Z", events.take, name="events"),
    re_path(_SHOP + _WIDGET + r"\Z", by_method(pages.whole_page, post=submissions.submit), name="page"),
    path("embed/v1.js", embed.floating, name="loader"),
    re_path(r"^embed/(?P<name>pixel|share|debug)\.js\Z", embed.floating, name="script"),
    re_path(
        r"^embed/(?P<hash>[0-9a-f]{16})/(?P<name>loader|pixel|share|debug)\.js\Z", embed.pinned, name="script-pinned"
    ),
    path("embed/npm/latest", npm_package.latest_package, name="npm-latest"),
    re_path(
        r"^embed/npm/sumeru-widgets-(?P<version>[0-9A-Za-z.-]{1,40})\.tgz\Z", npm_package.tarball, name="npm-tarball"
    ),
    path("embed/py/latest", python_package.latest_wheel, name="py-latest"),
    re_path(
        r"^embed/py/sumeru_client-(?P<version>[0-9A-Za-z.]{1,40})-py3-none-any\.whl\Z",
        python_package.download,
        name="py-wheel",
    ),
    re_path(r"^hooks/sumeru/(?P<shop>[A-Za-z0-9_]{1,40})\Z", webhooks.receive, name="sumeru-hook"),
    path("docs/", index.docs_page, name="docs"),
    path("docs/client/", client.client_page, name="docs-client"),
    path("docs/deploying/", deploying.deploying_page, name="docs-deploying"),
    path("docs/troubleshooting/", troubleshooting.troubleshooting_page, name="docs-troubleshooting"),
    path("docs/threats/", threats.threats_page, name="docs-threats"),
    path("docs/consumers/", consumers.consumers_page, name="docs-consumers"),
    path("docs/recipes/<slug:slug>/", consumers.recipe_page, name="docs-recipe"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    *(path(f"consumers/{each.name}/", include(each.urlconf)) for each in installed.consumers() if each.urlconf),
]
