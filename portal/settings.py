"""One settings file, driven by the environment (and by .env beside manage.py, which `make run` writes)."""

from datetime import timedelta
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from dotenv import load_dotenv

from portal import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
load_dotenv(BASE_DIR / ".env")

DEBUG = env.flag("DEBUG", default=False)
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.reports.NoSecrets"
SECRET_KEY = env.text("SECRET_KEY")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", "")
CSRF_FAILURE_VIEW = "portal.csrf.failed"
HTTPS = env.flag("HTTPS", default=False)

INSTALLED_APPS = [
    "portal",
    "accounts",
    "trading",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "axes",
    "channels",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "portal.middleware.NoStore",
    "portal.middleware.DatabaseAway",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "portal.middleware.OnlyPressed",
]

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.trader",
            ],
        },
    },
]

DATABASES = {
    "default": dj_database_url.parse(
        env.text("DATABASE_URL", f"sqlite:///{VAR_DIR / 'tradeport.sqlite3'}"), conn_max_age=0
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Four processes write: readers must never wait, writers must queue instead of failing. What is committed is on the
    # disk (FULL): a power cut must not forget an order that is on the wire.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    # Its connections outlive the requests that use them.
    DATABASES["default"]["ENGINE"] = "portal.postgresql"
    # On a connection that outlives one order the server keeps the order path's statements ready (orders.compiled).
    # A pooler that shares its connections by transaction wants ?prepare_threshold=0 in DATABASE_URL.
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options["prepare_threshold"] = int(options.get("prepare_threshold", 3)) or None
    # Nor does it have a cursor for whoever reads on after the transaction.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = options["prepare_threshold"] is None
    # A server, or the network before it, may say nothing at all: psycopg would wait for over two minutes for a
    # connection, TCP a quarter of an hour for an answer, and desks would stay empty for as long.
    options |= {
        "connect_timeout": 5,  # seconds, as below
        "tcp_user_timeout": 10_000,  # milliseconds
        "keepalives_idle": 5,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        **options,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", f"unix://{env.embedded_redis_socket(VAR_DIR)}")

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "trading:desk"
AXES_HANDLER = "accounts.lockout.Lockout"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
# Who goes on trying gets in once the time is up.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# Of IPv6 one customer has 2^64 addresses.
AXES_CLIENT_IP_CALLABLE = "accounts.attempts.address_that_counts"
AXES_USERNAME_CALLABLE = "accounts.lockout.name_that_counts"
# With a wrong password axes keeps the form that it came in.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "old_password", "new_password1", "new_password2"]
AXES_ENABLE_ACCESS_FAILURE_LOG = False

# Keys that encrypt Tradovate's tokens, newest first: "id:base64 of 32 bytes", comma-separated.
TOKEN_KEYS = env.words("TOKEN_KEYS", env.text("TOKEN_KEYS"))

# The environments that traders may sign in to: any of live, demo, sim.
TRADOVATE_ENVIRONMENTS = env.words("TRADOVATE_ENVIRONMENTS", "sim")
# Those of them that traders may also sign in to by typing their Tradovate password and API key into a form here.
API_KEY_ENVIRONMENTS = env.words("API_KEY_ENVIRONMENTS", "")
TRADOVATE_CLIENT_ID = env.text("TRADOVATE_CLIENT_ID", "")
TRADOVATE_CLIENT_SECRET = env.text("TRADOVATE_CLIENT_SECRET", "")
# The IPv4 /24 (by any name) that this process reaches Tradovate from: its processes share limits on requests.
TRADOVATE_NETWORK = env.text("TRADOVATE_NETWORK", "here")
SIMULATOR_URL = env.text("SIMULATOR_URL", "http://127.0.0.1:8180")
SIMULATOR_CLIENT_ID = env.text("SIMULATOR_CLIENT_ID", "tradeport")
SIMULATOR_CLIENT_SECRET = env.text("SIMULATOR_CLIENT_SECRET", "")

# How many pages one trader may have open at a time, per web process.
DESK_SOCKETS_PER_USER = env.integer("DESK_SOCKETS_PER_USER", 20)
# Seconds for which a trader's socket to Tradovate stays open after the last page was closed.
DESK_SOCKET_GRACE = env.integer("DESK_SOCKET_GRACE", 300)

ORDER_FILE_MAX_BYTES = env.integer("ORDER_FILE_MAX_BYTES", 64 * 1024)
ORDER_FILE_MAX_LINES = env.integer("ORDER_FILE_MAX_LINES", 200)
# The largest request body: an order file written into the page's field takes three bytes for some characters.
REQUEST_MAX_BYTES = max(2**20, 4 * ORDER_FILE_MAX_BYTES)
# The most contracts that one line of an order file may buy or sell.
ORDER_MAX_QUANTITY = env.integer("ORDER_MAX_QUANTITY", 50)

CELERY_BROKER_URL = env.celery_broker(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300, "unacked_restore_interval": 5}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULER = "portal.beat:Clock"
# A round that no worker took is worth nothing once the next one comes, but must be good for a worker whose clock is
# seconds ahead of beat's: the end is told as a time of day. How many wait is for portal.beat to bound.
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 30)}}
    for name, task, seconds in (
        ("renew due tokens", "accounts.tasks.renew_due_tokens", 60),
        ("sweep order files", "trading.tasks.sweep_order_files", 15),
        ("reconcile orders", "trading.tasks.reconcile_orders", 2),
        ("carry out kill switches", "trading.tasks.carry_out_kill_switches", 2),
        ("clear sessions", "accounts.tasks.clear_sessions", 60 * 60 * 6),
    )
}
CELERY_TASK_SOFT_TIME_LIMIT = 240
# Files take long: token renewals and looks for lost answers must not wait behind them.
CELERY_TASK_ROUTES = {"trading.tasks.execute_order_file": {"queue": "files"}}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
# A locale's own formats win over DATETIME_FORMAT here.
FORMAT_MODULE_PATH = ["portal.formats"]

STATIC_URL = "static/"
# Servers name a directory that `manage.py collectstatic` fills, compressed; otherwise files are served where they are.
STATIC_ROOT = env.text("STATIC_ROOT", "") or None
SERVESTATIC_USE_FINDERS = STATIC_ROOT is None
if STATIC_ROOT:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "servestatic.storage.CompressedStaticFilesStorage"},
    }
    # Once they are collected, where they came from need not be there.
    SILENCED_SYSTEM_CHECKS = ["staticfiles.W004"]
# Assets that the npm registry delivers (package.json) are served from where npm put them.
STATICFILES_DIRS = [
    ("vendor/htmx", BASE_DIR / "node_modules" / "htmx.org" / "dist"),
    ("vendor/lightweight-charts", BASE_DIR / "node_modules" / "lightweight-charts" / "dist"),
    ("vendor/inter", BASE_DIR / "node_modules" / "@fontsource-variable" / "inter"),
]

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
if HTTPS:
    # A neighbouring subdomain cannot plant a cookie of such a name, and with it a session of its own choosing.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
# Load balancers and the launcher ask without TLS.
SECURE_REDIRECT_EXEMPT = [r"^health/(all/)?$"]
SESSION_COOKIE_AGE = 60 * 60 * 12
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        # However the server was started: its access log has OAuth codes, its DEBUG log the cookies of sockets.
        "uvicorn.access": {"level": "WARNING"},
        "uvicorn.error": {"level": "WARNING"},
        # At DEBUG these write tokens and the PKCE verifier.
        "authlib": {"level": "INFO"},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "websockets": {"level": "INFO"},
        "urllib3": {"level": "INFO"},
        "axes": {"level": "WARNING"},
    },
}
