"""Django settings, read from the environment. Without any variable the embedded default runs: SQLite, local memory.

Every variable read here is a row of the README's settings table (a test compares them).
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from sumeru_proxy.client import version
from widgets import environment

# What this process writes is its user's own.
environment.keep_files_private(environment.text("SUMERU_UMASK", "077"))
# Modules and models that load are no garbage, but the collector would walk through them time and again: an eighth of a start.
# `widgets.apps` turns it on again.
gc.disable()

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = version.VERSION

# -- where this installation keeps what it makes for itself
DATA_DIR = Path(environment.text("DATA_DIR", str(BASE_DIR / ".data"))).absolute()

# -- mode
DEFAULT_EXCEPTION_REPORTER_FILTER = "widgets.error_reports.ReportFilter"
DEBUG = environment.flag("DEBUG")
SECRET_KEY = environment.text("SECRET_KEY") or environment.kept_secret(DATA_DIR / "secret_key", "token")
# The first key seals, all of them open.
SUMERU_ENCRYPTION_KEYS = environment.words("SUMERU_ENCRYPTION_KEYS", environment.text("SUMERU_ENCRYPTION_KEYS")) or [
    environment.kept_secret(DATA_DIR / "encryption_key", "fernet")
]
SECRETS_FROM_ENVIRONMENT = bool(environment.text("SECRET_KEY") and environment.text("SUMERU_ENCRYPTION_KEYS"))
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")
# Scheme and host under which browsers reach this server, e.g. https://widgets.example.com. Empty: the request's own.
PUBLIC_URL = environment.text("PUBLIC_URL").rstrip("/")
# How many reverse proxies stand in front and append to X-Forwarded-For. 0: the socket's address is the client.
TRUSTED_PROXIES = environment.number("TRUSTED_PROXIES", 0)
# The header that the outermost of them writes the client's address into. A name without a hyphen cannot be imitated with underscores.
CLIENT_ADDRESS_HEADER = environment.text("CLIENT_ADDRESS_HEADER", "X-Forwarded-For")
# Threads of a web process, as its server was told: `manage.py serve` says so itself.
WEB_THREADS = environment.number("WEB_THREADS", 28, at_least=1)

# Networks of the company's own people, whose visits are not counted.
INTERNAL_ADDRESSES = environment.networks("INTERNAL_ADDRESSES")

# -- the upstream
SUMERU_HOSTS = environment.words("SUMERU_HOSTS", "https://api.sumeru.systems,https://eu.api.sumeru.systems")
# Environment variables that credentials may name as env:NAME, beside those that begin with SUMERU_CREDENTIAL_.
SUMERU_CREDENTIAL_VARIABLES = environment.words("SUMERU_CREDENTIAL_VARIABLES")
# Names this server's outgoing address: servers that share one address share its limits.
SUMERU_EGRESS = environment.text("SUMERU_EGRESS", "default")
# The consumers of orders and events: Django apps, see sumeru_proxy/webhooks/listeners.py. One taken out of the list is out.
SUMERU_CONSUMERS = environment.words("SUMERU_CONSUMERS", "sumeru_proxy.consumers.order_sync")
# Dotted paths of listeners and consumers that are no app.
SUMERU_LISTENERS = environment.words("SUMERU_LISTENERS")
# thread: this process refreshes its stale copies itself. off: it leaves them to `manage.py work`. none: nobody does, for tests.
SUMERU_REFRESH = environment.text("SUMERU_REFRESH", "thread")

INSTALLED_APPS = [
    "widgets",
    "sumeru_proxy",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    *SUMERU_CONSUMERS,
]

# Sessions, CSRF and languages belong to the admin and the docs alone: what a storefront asks has no cookies
# and must not get a Vary header from them. `widgets.http.middleware` decides by path.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "widgets.http.middleware.PolicyMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "widgets.http.middleware.RequestIdMiddleware",
    "widgets.http.middleware.StorefrontMiddleware",
    "widgets.http.middleware.LogInMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "widgets.http.middleware.OperatorLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
APPEND_SLASH = False
ROOT_URLCONF = "widgets.urls"
WSGI_APPLICATION = "widgets.wsgi.application"

TEMPLATES = [
    {  # what shoppers see
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates" / "widgets"],
        "OPTIONS": {"environment": "widgets.http.jinja.environment"},
    },
    {  # the admin and the docs
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# -- stores
DATABASES = {"default": environment.database(environment.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHE_URL = environment.text("CACHE_URL", "local://")
CACHES = {"default": environment.cache(CACHE_URL)}

# -- the admin's sessions
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_COOKIES = environment.flag("SECURE_COOKIES", not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_SSL_REDIRECT = environment.flag("SECURE_SSL_REDIRECT", SECURE_COOKIES)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = environment.number("SECURE_HSTS_SECONDS", 31_536_000 if SECURE_SSL_REDIRECT else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = environment.flag("SECURE_HSTS_SUBDOMAINS", SECURE_SSL_REDIRECT)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# -- languages
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("de", _("German")),
    ("fr", _("French")),
    ("es", _("Spanish")),
    ("it", _("Italian")),
    ("nl", _("Dutch")),
    ("pt-br", _("Brazilian Portuguese")),
    ("pl", _("Polish")),
    ("ja", _("Japanese")),
    ("zh-hans", _("Simplified Chinese")),
    ("ar", _("Arabic")),
    ("he", _("Hebrew")),
]
LOCALE_PATHS = [BASE_DIR / "widgets" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# -- static files
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static" / "widgets", BASE_DIR / "static" / "site"]
# Hashed and compressed names as soon as `manage.py collectstatic` has run; plain ones before.
_COLLECTED = "collectstatic" in sys.argv or (STATIC_ROOT / "staticfiles.json").exists()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# -- what strangers may send
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000  # the admin's longest form; strangers have smaller limits in their views
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# -- CORS: origins are the shops' own, decided by `widgets.origins`
CORS_ALLOWED_ORIGINS: list[str] = []
CORS_URLS_REGEX = r"^/w/v1/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "OPTIONS"]
CORS_ALLOW_HEADERS = ["accept", "content-type", "idempotency-key", "authorization", "x-request-id"]
CORS_EXPOSE_HEADERS = ["etag", "retry-after", "x-request-id"]
CORS_PREFLIGHT_MAX_AGE = 86_400

# -- the API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.FormParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "NUM_PROXIES": TRUSTED_PROXIES,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sumeru Widgets",
    "DESCRIPTION": "Storefront widgets as HTML fragments and JSON.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "PREPROCESSING_HOOKS": ["widgets.docs.openapi.only_public"],
    "POSTPROCESSING_HOOKS": [],
}

# -- limits of ours, per client address and minute
CLIENT_READS_PER_MINUTE = environment.number("CLIENT_READS_PER_MINUTE", 600, at_least=1)
# The same for a storefront's own server, which proves itself with the shop's server key, for each shop.
SERVER_READS_PER_MINUTE = environment.number("SERVER_READS_PER_MINUTE", 12_000, at_least=1)

# -- finished answers kept in each process: how many bytes of them. 0: none are kept. While developing, a changed template shows at once.
SUMERU_HOT_BYTES = environment.number("SUMERU_HOT_BYTES", 0 if DEBUG else 64 * 1024 * 1024)

# -- logs: one line per event on standard error, never a query string, a body or a credential
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "widgets.logs.Redact"}},
    "formatters": {"line": {"()": "widgets.logs.Line"}},
    "handlers": {
        "stderr": {"()": "widgets.logs.Sparse", "stream": sys.stderr, "formatter": "line", "filters": ["redact"]}
    },
    "root": {"handlers": ["stderr"], "level": environment.text("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # A refused request is the client's matter; its status is in the access log.
        "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
        "django.security.DisallowedHost": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}
