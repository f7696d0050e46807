"""Remove the values of rows from errors of database drivers, whose texts end up in logs and tracebacks.

PostgreSQL's errors quote values, as in `Key (username)=(ada) already exists`. SQLite's errors do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

#: The SQLSTATE classes of data exceptions and integrity violations, whose messages quote values.
_CLASSES_WITH_VALUES = ("22", "23")
#: Attributes of asyncpg's errors that can quote values or statements.
_DETAILS = ("detail", "hint", "context", "query", "internal_query")
#: Attributes of asyncpg's errors that name parts of the schema.
_NAMES = ("table_name", "column_name", "constraint_name")


def hide_values(error: BaseException) -> None:
    """Remove values from the message and the details of asyncpg's errors, in place."""
    sqlstate = getattr(error, "sqlstate", None)
    if not isinstance(sqlstate, str):
        return
    for name in _DETAILS:
        if getattr(error, name, None) is not None:
            setattr(error, name, None)
    if sqlstate.startswith(_CLASSES_WITH_VALUES):
        names = [f"{name} {value}" for name in _NAMES if (value := getattr(error, name, None))]
        error.args = (", ".join([f"SQLSTATE {sqlstate}", *names]),)


def hide_values_in_context(context: ExceptionContext) -> None:
    """Remove values from an error that SQLAlchemy is about to raise; a listener of the event `handle_error`.

    SQLAlchemy's own errors repeat the driver's text, so their texts are replaced too.
    """
    original = context.original_exception
    driver_error = original.__cause__ or original
    before = str(driver_error)
    hide_values(driver_error)
    after = str(driver_error)
    if before == after:
        return
    for error in (original, context.sqlalchemy_exception):
        if error is not None and error is not driver_error:
            error.args = tuple(arg.replace(before, after) if isinstance(arg, str) else arg for arg in error.args)
