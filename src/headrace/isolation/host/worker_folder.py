"""The temporary folders of workers, and the removal of those that a killed server has left behind."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path

from headrace.isolation.guest.privileges import FIRST_WORKER_ID

log = logging.getLogger(__name__)

FOLDER_PREFIX = "headrace-code-"
#: Younger folders are not removed: their server may not have locked them yet.
MIN_STALE_SECONDS = 60.0


class WorkerFolder:
    """A folder that the server locks as long as it runs. The kernel releases the lock when the server ends, however it ends."""

    def __init__(self) -> None:
        """Create the folder."""
        self.name = tempfile.mkdtemp(prefix=FOLDER_PREFIX)
        self._lock = _lock(Path(self.name))

    def remove(self) -> None:
        """Delete the folder with its content."""
        shutil.rmtree(self.name, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove_stale_folders(min_age_seconds: float = MIN_STALE_SECONDS) -> None:
    """Delete the folders of workers whose server was killed. Blocks: call it in a thread.

    Folders of other users, and those that a running server has locked, stay.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):
            if not _is_own(folder, time.time() - min_age_seconds):
                continue
            lock = _lock(folder)
            if lock is None:
                continue
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
            log.info("Removed the folder %s of a worker whose server was killed", folder)


def _is_own(folder: Path, before: float) -> bool:
    """Return whether a path is a folder of this user, or of a worker of a server that runs as root, and older than a time."""
    status = folder.lstat()
    user = os.geteuid()
    is_own = status.st_uid == user or (user == 0 and status.st_uid >= FIRST_WORKER_ID)
    return stat.S_ISDIR(status.st_mode) and is_own and status.st_ctime <= before


def _lock(folder: Path) -> int | None:
    """Return a descriptor that holds the lock of a folder, or None if another process holds it or the system has none."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
