"""``/docs/deploying/``: how to run this on one machine or many. The configuration files it shows are the ones that tests try."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from widgets.http.requests import public_base

NGINX = """\
# In the http block. Where widgets.example.com, the certificate's paths and the two upstream servers stand, write yours.
proxy_cache_path /var/cache/nginx/widgets levels=1:2 keys_zone=widgets:20m max_size=1g inactive=1d use_temp_path=off;

upstream widgets_web {
    server 127.0.0.1:8000 max_fails=1 fail_timeout=2s;
    server 127.0.0.1:8001 max_fails=1 fail_timeout=2s;
    keepalive 64;
}

server {
    listen 443 ssl;
    server_name widgets.example.com;
    ssl_certificate /etc/ssl/widgets.pem;
    ssl_certificate_key /etc/ssl/widgets.key;

    client_max_body_size 512k;
    client_header_timeout 10s;
    client_body_timeout 10s;
    # Whole requests are collected here, so that a slow sender holds no thread of the web processes.
    proxy_request_buffering on;
    underscores_in_headers off;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    # Written anew, whatever the client sent. A name without a hyphen has no second spelling with an underscore.
    proxy_set_header Clientaddress $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 1s;
    proxy_read_timeout 30s;
    # The other server answers while one is replaced. nginx never sends a POST again that may have arrived.
    proxy_next_upstream error timeout http_502 http_503;
    proxy_next_upstream_tries 2;

    location / {
        proxy_pass http://widgets_web;
    }

    # What Cache-Control calls public. Vary: Origin and Accept-Encoding keep answers apart; forms and private parts say no-store.
    location ~ ^/(w/v1|embed|static)/ {
        proxy_pass http://widgets_web;
        proxy_cache widgets;
        proxy_cache_key $request_method$host$request_uri;
        proxy_cache_lock on;
        proxy_cache_background_update on;
        proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
        add_header X-Cache $upstream_cache_status always;
    }

    location = /metrics {
        allow 10.0.0.0/8;
        deny all;
        proxy_pass http://widgets_web;
    }
}
"""

WEB_UNIT = """\
# /etc/systemd/system/widgets-web@.service: one server per port, e.g. widgets-web@8000 and widgets-web@8001
[Unit]
Description=Sumeru Widgets, web on port %i
After=network-online.target postgresql.service redis.service
Wants=network-online.target

[Service]
User=widgets
WorkingDirectory=/opt/widgets
EnvironmentFile=/etc/widgets/environment
ExecStart=/opt/widgets/.venv/bin/python manage.py serve --host 127.0.0.1 --port %i --workers 2
KillMode=mixed
TimeoutStopSec=60
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
"""

WORKER_UNIT = """\
# /etc/systemd/system/widgets-worker@.service: as many as you like, e.g. widgets-worker@1
[Unit]
Description=Sumeru Widgets, worker %i
After=network-online.target postgresql.service redis.service
Wants=network-online.target

[Service]
User=widgets
WorkingDirectory=/opt/widgets
EnvironmentFile=/etc/widgets/environment
ExecStart=/opt/widgets/.venv/bin/python manage.py work
KillMode=mixed
TimeoutStopSec=60
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
"""

ENVIRONMENT = """\
# /etc/widgets/environment, readable by the user widgets only; the same on every machine
DATABASE_URL=postgresql://widgets:PASSWORD@db.internal:5432/widgets
CACHE_URL=redis://redis.internal:6379/0
SECRET_KEY_FILE=/etc/widgets/secret_key
SUMERU_ENCRYPTION_KEYS_FILE=/etc/widgets/encryption_keys
ALLOWED_HOSTS=widgets.example.com
PUBLIC_URL=https://widgets.example.com
TRUSTED_PROXIES=1
CLIENT_ADDRESS_HEADER=Clientaddress
DATA_DIR=/var/lib/widgets
"""

UPGRADE = """\
# once, on any machine: the database first (migrations fit the release before, too), then the static files on each
.venv/bin/pip install -r requirements.lock
.venv/bin/python manage.py migrate
.venv/bin/python manage.py collectstatic --noinput

# then one server after the other, on each machine
systemctl restart widgets-web@8000 && curl --retry 20 --retry-connrefused -fsS http://127.0.0.1:8000/readyz -H 'Host: widgets.example.com'
systemctl restart widgets-web@8001 && curl --retry 20 --retry-connrefused -fsS http://127.0.0.1:8001/readyz -H 'Host: widgets.example.com'
systemctl restart 'widgets-worker@*'
"""


def deploying_page(request: HttpRequest) -> HttpResponse:
    """``GET /docs/deploying/``."""
    context = {
        "base": public_base(request),
        "nginx": NGINX,
        "web_unit": WEB_UNIT,
        "worker_unit": WORKER_UNIT,
        "environment": ENVIRONMENT,
        "upgrade": UPGRADE,
    }
    return render(request, "docs/deploying.html", context)
