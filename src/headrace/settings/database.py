"""Settings of the database connection."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from headrace.settings.declaration import SettingsGroup, setting

#: The databases, as the first part of a URL. A driver, as in `postgresql+psycopg`, is ignored.
SCHEMES = frozenset({"sqlite", "postgres", "postgresql"})


class DatabaseSettings(SettingsGroup):
    """URL and connection pool."""

    url: SecretStr | None = setting(
        "LANGFLOW_DATABASE_URL",
        default=None,
        description="`sqlite:///…` or `postgresql://…`. By default, an SQLite file in the configuration folder.",
    )
    pool_size: int = setting(
        "LANGFLOW_POOL_SIZE", default=20, ge=1, description="Number of PostgreSQL connections that stay open."
    )
    max_overflow: int = setting(
        "LANGFLOW_MAX_OVERFLOW",
        default=30,
        ge=0,
        description="Maximum number of PostgreSQL connections in addition to the pool.",
    )
    connect_timeout_seconds: int = setting(
        "LANGFLOW_DB_CONNECT_TIMEOUT",
        default=30,
        ge=1,
        description="Maximum time to wait for a database connection, in seconds.",
    )
    write_timeout_seconds: float = setting(
        "HEADRACE_WRITE_TIMEOUT_SECONDS",
        default=10,
        gt=0,
        description="Time limit of a change in the database, in seconds. Other changes wait for it.",
    )

    @field_validator("url")
    @classmethod
    def _check_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value else ""
        scheme, separator, rest = text.partition("://")
        if text and (scheme.partition("+")[0] not in SCHEMES or not separator):
            raise ValueError("must start with sqlite:// or postgresql://")
        try:
            # A password may contain the characters that end a host.
            _ = urlsplit(f"//{rest.rpartition('@')[2]}").port
        except ValueError as error:
            raise ValueError("the port after the host must be a number up to 65535") from error
        return value
