"""Names of environment variables that look like settings but are not."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from headrace.settings.declaration import variable_names
from headrace.settings.settings import SETTINGS_GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIXES = ("LANGFLOW_", "HEADRACE_")

#: Variables of headrace that are not settings of the server: components read them, and its own tests.
_OTHER_NAMES = frozenset({"HEADRACE_NEWS_URL", "HEADRACE_WEB_SEARCH_URL"})
_TEST_PREFIX = "HEADRACE_TEST_"

_ONE_DATABASE_POOL = "use LANGFLOW_POOL_SIZE, LANGFLOW_MAX_OVERFLOW and LANGFLOW_DB_CONNECT_TIMEOUT"
_METRICS = "`GET /metrics` is part of the server, see HEADRACE_METRICS_TOKEN"
_NO_REDIS = "the server needs neither Redis nor Celery; several processes share the database"
_NO_TELEMETRY = "the server sends no telemetry and no traces"
_REVERSE_PROXY = "let a reverse proxy terminate TLS"
_STDERR = "the log is written to standard error, where systemd or a shell collects it"
_ALWAYS_STORED = "the server always stores this; LANGFLOW_MAX_TRANSACTIONS_TO_KEEP and LANGFLOW_MAX_VERTEX_BUILDS_PER_VERTEX bound it"
_FIXED = "the value is fixed"
_NO_COMPOSER = "the server validates OAuth tokens of MCP clients itself"
_NOT_NEEDED = "the server does not need it"

#: Settings of Langflow 1.7 that the server does not read, with what replaces them.
LANGFLOW_ONLY = {
    "LANGFLOW_ADD_PROJECTS_TO_MCP_SERVERS": "projects are not added to a list of MCP servers",
    "LANGFLOW_AGENTIC_EXPERIENCE": "the feature does not exist",
    "LANGFLOW_ALEMBIC_LOG_FILE": _STDERR,
    "LANGFLOW_ALEMBIC_LOG_TO_STDOUT": _STDERR,
    "LANGFLOW_ALGORITHM": _FIXED,
    "LANGFLOW_API_KEY_ALGORITHM": _FIXED,
    "LANGFLOW_API_KEY_SOURCE": "API keys are stored in the database; create them with: headrace api-key",
    "LANGFLOW_API_V1_STR": "set LANGFLOW_ROOT_PATH for a path prefix",
    "LANGFLOW_BUNDLE_URLS": "put components into the folders of LANGFLOW_COMPONENTS_PATH",
    "LANGFLOW_CACHE_EXPIRE": _NOT_NEEDED,
    "LANGFLOW_CACHE_TYPE": _NO_REDIS,
    "LANGFLOW_CELERY_ENABLED": _NO_REDIS,
    "LANGFLOW_COMPONENTS_INDEX_PATH": _NOT_NEEDED,
    "LANGFLOW_CORS_ALLOW_HEADERS": "origins in LANGFLOW_CORS_ORIGINS may send every header",
    "LANGFLOW_CORS_ALLOW_METHODS": "origins in LANGFLOW_CORS_ORIGINS may use every method",
    "LANGFLOW_DATABASE_CONNECTION_RETRY": "let systemd restart a server whose database is not ready",
    "LANGFLOW_DB_CONNECTION_SETTINGS": _ONE_DATABASE_POOL,
    "LANGFLOW_DB_DRIVER_CONNECTION_SETTINGS": _ONE_DATABASE_POOL,
    "LANGFLOW_DEACTIVATE_TRACING": _NO_TELEMETRY,
    "LANGFLOW_DEV": "set LANGFLOW_LOG_LEVEL=debug for more details",
    "LANGFLOW_DO_NOT_TRACK": _NO_TELEMETRY,
    "LANGFLOW_LANGCHAIN_CACHE": _NOT_NEEDED,
    "LANGFLOW_LAZY_LOAD_COMPONENTS": "components are always loaded on first use",
    "LANGFLOW_LOAD_FLOWS_PATH": "import flows over the API: POST /api/v1/flows/upload/",
    "LANGFLOW_LOG_FILE": _STDERR,
    "LANGFLOW_MAX_ITEMS_LENGTH": _FIXED,
    "LANGFLOW_MAX_TEXT_LENGTH": _FIXED,
    "LANGFLOW_MAX_VERTEX_BUILDS_TO_KEEP": "set LANGFLOW_MAX_VERTEX_BUILDS_PER_VERTEX",
    "LANGFLOW_MCP_COMPOSER_ENABLED": _NO_COMPOSER,
    "LANGFLOW_MCP_COMPOSER_VERSION": _NO_COMPOSER,
    "LANGFLOW_MCP_MAX_SESSIONS_PER_SERVER": _NOT_NEEDED,
    "LANGFLOW_MCP_SESSION_CLEANUP_INTERVAL": _NOT_NEEDED,
    "LANGFLOW_MIGRATION_LOCK_NAMESPACE": "servers that start together take turns by a lock in the database",
    "LANGFLOW_PROMETHEUS_ENABLED": _METRICS,
    "LANGFLOW_PROMETHEUS_PORT": _METRICS,
    "LANGFLOW_PUBLIC_FLOW_CLEANUP_INTERVAL": _NOT_NEEDED,
    "LANGFLOW_PUBLIC_FLOW_EXPIRATION": _NOT_NEEDED,
    "LANGFLOW_PWD_CONTEXT": _FIXED,
    "LANGFLOW_REDIS_CACHE_EXPIRE": _NO_REDIS,
    "LANGFLOW_REDIS_DB": _NO_REDIS,
    "LANGFLOW_REDIS_HOST": _NO_REDIS,
    "LANGFLOW_REDIS_PORT": _NO_REDIS,
    "LANGFLOW_REDIS_URL": _NO_REDIS,
    "LANGFLOW_RUNTIME_PORT": "set LANGFLOW_PORT",
    "LANGFLOW_SAVE_DB_IN_CONFIG_DIR": "the SQLite database is in LANGFLOW_CONFIG_DIR unless LANGFLOW_DATABASE_URL names another",
    "LANGFLOW_SENTRY_DSN": _NO_TELEMETRY,
    "LANGFLOW_SENTRY_PROFILES_SAMPLE_RATE": _NO_TELEMETRY,
    "LANGFLOW_SENTRY_TRACES_SAMPLE_RATE": _NO_TELEMETRY,
    "LANGFLOW_SKIP_AUTH_AUTO_LOGIN": "LANGFLOW_AUTO_LOGIN alone decides",
    "LANGFLOW_SQLITE_PRAGMAS": _FIXED,
    "LANGFLOW_SSL_CERT_FILE": _REVERSE_PROXY,
    "LANGFLOW_SSL_KEY_FILE": _REVERSE_PROXY,
    "LANGFLOW_TELEMETRY_BASE_URL": _NO_TELEMETRY,
    "LANGFLOW_TRANSACTIONS_STORAGE_ENABLED": _ALWAYS_STORED,
    "LANGFLOW_UPDATE_STARTER_PROJECTS": "starter flows belong to the version of the server",
    "LANGFLOW_USER_AGENT": _FIXED,
    "LANGFLOW_USE_NOOP_DATABASE": "to run a flow file without a server, use: headrace exec",
    "LANGFLOW_VARIABLE_STORE": "variables are stored in the database",
    "LANGFLOW_VERTEX_BUILDS_STORAGE_ENABLED": _ALWAYS_STORED,
}


def unused_variable_warnings(names: Iterable[str]) -> list[str]:
    """Return a warning for each name that has the prefix of a setting and is none.

    Args:
        names: The names of the environment variables.

    """
    known = _known_names()
    # Case does not matter in the names of settings.
    unused = sorted({n for n in names if n.upper().startswith(PREFIXES) and n.upper() not in known})
    return [_describe(name, known) for name in unused if not name.startswith(_TEST_PREFIX)]


def _known_names() -> frozenset[str]:
    settings = (
        name
        for group in SETTINGS_GROUPS.values()
        for field_name in group.model_fields
        for name in variable_names(group, field_name)
    )
    return _OTHER_NAMES.union(settings)


def _describe(name: str, known: frozenset[str]) -> str:
    if name.upper() in LANGFLOW_ONLY:
        return f"{name} has no effect: {LANGFLOW_ONLY[name.upper()]}."
    nearest = _find_nearest(name.upper(), known)
    hint = f"Did you mean {nearest}?" if nearest else "Remove it, or look up its name in the table of settings."
    return f"{name} is not a setting and has no effect. {hint}"


def _find_nearest(name: str, known: frozenset[str]) -> str | None:
    """Return the setting whose name without the prefix is the same or the most similar, if any is."""
    by_rest = {known_name.partition("_")[2]: known_name for known_name in known}
    nearest = difflib.get_close_matches(name.partition("_")[2], by_rest, n=1, cutoff=0.75)
    return by_rest[nearest[0]] if nearest else None
