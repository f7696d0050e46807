"""Texts of error responses: exceptions of custom code, with the limit or the rule of isolation that caused them."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError
from headrace.isolation.guest.limit_errors import ThreadLimitError
from headrace.isolation.guest.python_runner import PythonError
from headrace.isolation.guest.socket_patch import BlockedAddressError
from headrace.isolation.limits import MAX_FILES, MAX_OPEN_FILES
from headrace.isolation.rpc import connection

if TYPE_CHECKING:
    from headrace.isolation.limits import ResourceLimits


def describe_error(error: BaseException, limits: ResourceLimits) -> str:
    """Return the text of an exception of custom code for the author of the code."""
    text = connection.describe_error(error)
    if isinstance(error, PythonError):
        # Its text has that of its cause.
        explanation = _explain(error.__cause__, limits)
    else:
        explanation = _explain(error, limits)
        if isinstance(error, MemoryError):
            return explanation
    return f"{text.rstrip('.')}. {explanation}" if explanation else text


def _explain(error: BaseException | None, limits: ResourceLimits) -> str:
    """Return the limit or the rule of isolation that caused an exception, with its setting, or an empty text."""
    if isinstance(error, HeadraceError | BlockedAddressError):
        return ""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return (
            f"The code needs more memory than the {limits.memory_mib} MiB that isolated code may use. An operator can raise "
            "HEADRACE_CODE_MEMORY_MIB."
        )
    if isinstance(error, PermissionError) or _is_hidden(error):
        return "This code runs isolated: it may read and write files only in its own folder and cannot start processes."
    if number == errno.EFBIG:
        return f"Isolated code may write files of at most {limits.max_file_mib} MiB. An operator can raise HEADRACE_CODE_MAX_FILE_MIB."
    if number == errno.ENOSPC:
        return (
            f"Isolated code may store {limits.max_folder_mib} MiB in {MAX_FILES} files and folders. An operator can raise "
            "HEADRACE_CODE_MAX_FOLDER_MIB."
        )
    if number == errno.EMFILE:
        return f"Isolated code may have {MAX_OPEN_FILES} files and connections open."
    if isinstance(error, ThreadLimitError):
        return (
            f"Isolated code may start {limits.max_threads} threads within {limits.memory_mib} MiB of memory. An operator can raise "
            "HEADRACE_CODE_MAX_THREADS and HEADRACE_CODE_MEMORY_MIB."
        )
    return ""


def _is_hidden(error: BaseException | None) -> bool:
    """Return whether a file does not exist for this process although it may exist on the machine."""
    path = error.filename if isinstance(error, FileNotFoundError) else None
    return isinstance(path, str) and Path(path).is_absolute() and not Path(path).is_relative_to(Path.cwd())
