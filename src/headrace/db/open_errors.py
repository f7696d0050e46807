"""Errors of opening the database, as one sentence with the cause and the remedy."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from headrace.errors import HeadraceError, UnavailableError

if TYPE_CHECKING:
    from headrace.settings import Settings

POSTGRES_PORT = 5432

_URL_FORM = "postgresql://user:password@host:5432/database or sqlite:///path"


class DatabaseOpenError(UnavailableError):
    """The database cannot be opened with the configured URL."""


@contextmanager
def explained_errors(settings: Settings) -> Iterator[None]:
    """Raise errors of opening the database as a `DatabaseOpenError` that names the cause and the remedy.

    Raises:
        DatabaseOpenError: The block raised an error of the operating system, of the driver or of SQLAlchemy.

    """
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseOpenError(f"LANGFLOW_DATABASE_URL is not a valid URL. Write it as {_URL_FORM}.") from error
    try:
        yield
    except HeadraceError:
        raise
    except Exception as error:
        message = _explain_sqlite(url, error) if url.get_backend_name() == "sqlite" else _explain_postgres(url, error)
        if message is None:
            raise
        raise DatabaseOpenError(message) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, the driver's errors that it wraps, and their causes."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.orig if isinstance(seen, DBAPIError) else seen.__cause__ or seen.__context__


def _explain_postgres(url: URL, error: Exception) -> str | None:
    server = f"{url.host or 'localhost'}:{url.port or POSTGRES_PORT}"
    for cause in _causes(error):
        sqlstate = getattr(cause, "sqlstate", None)
        if isinstance(sqlstate, str):
            return _explain_sqlstate(url, server, sqlstate, type(cause).__name__)
        if isinstance(cause, OSError):
            reason = _reason(cause)
            return f"PostgreSQL cannot be reached at {server}: {reason}. Start it, or correct LANGFLOW_DATABASE_URL."
    if isinstance(error, TypeError):
        return f"LANGFLOW_DATABASE_URL has a parameter after `?` that is not supported. Write it as {_URL_FORM}."
    return None


def _reason(error: OSError) -> str:
    """Return the meaning of an error's number. The texts of asyncio differ from those of the system."""
    if isinstance(error, socket.gaierror):
        return error.strerror or "the name cannot be resolved"
    return os.strerror(error.errno) if error.errno else "it does not respond"


def _explain_sqlstate(url: URL, server: str, sqlstate: str, name: str) -> str:
    """Return the meaning of an error code of PostgreSQL (documentation of PostgreSQL, appendix A)."""
    database, user = url.database or url.username, url.username
    match sqlstate:
        case "3D000":
            return (
                f"PostgreSQL at {server} has no database {database!r}. Create it, for example with `createdb {database}`, "
                "or correct LANGFLOW_DATABASE_URL."
            )
        case "28P01" | "28000":
            return f"PostgreSQL at {server} rejects the user {user!r} or the password. Correct them in LANGFLOW_DATABASE_URL."
        case "42501":
            return (
                f"The user {user!r} may not create tables in the database {database!r}. Make it the owner: "
                f'ALTER DATABASE "{database}" OWNER TO "{user}".'
            )
        case "53300":
            return (
                f"PostgreSQL at {server} has no free connection. Raise its max_connections, or lower LANGFLOW_POOL_SIZE and "
                "LANGFLOW_MAX_OVERFLOW of the servers that share it."
            )
        case "57P03":
            return f"PostgreSQL at {server} is starting or stopping. Start headrace again in a moment."
    return f"The database {database!r} at {server} cannot be used: {name} (SQLSTATE {sqlstate}). See PostgreSQL's log."


def _explain_sqlite(url: URL, error: Exception) -> str | None:
    path = url.database
    for cause in _causes(error):
        text = str(cause)
        if "not a database" in text or "malformed" in text:
            return f"{path} is damaged or not an SQLite database. Restore a backup, or correct LANGFLOW_DATABASE_URL."
        if "is locked" in text:
            return f"The database {path} is locked by another program. Stop that program."
        if "disk is full" in text or "disk I/O" in text:
            return f"The database {path} cannot be written: {text}. Free space on its disk, or check the disk."
        if "readonly" in text or "unable to open" in text:
            return _not_writable(str(path), text)
        if isinstance(cause, OSError):
            return _not_writable(str(cause.filename or path), cause.strerror or type(cause).__name__)
    return None


def _not_writable(path: str, reason: str) -> str:
    return (
        f"{path} cannot be created or written: {reason}. Let the user that runs headrace write to its folder, or choose another "
        "place with LANGFLOW_CONFIG_DIR or LANGFLOW_DATABASE_URL."
    )
