"""Permissions of the server's folder and files: only the user of the server may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

#: SQLite's files beside a database. SQLite creates them with the permissions of the database.
_SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal")


def protect_folder(folder: Path) -> None:
    """Take the permissions of other users from an existing folder of this user.

    A folder that other programs probably use too is left alone: a top-level folder, the home folder, a shared temporary
    folder.
    """
    folder = folder.absolute()
    if folder.parent == folder or folder.parent.parent == folder.parent or folder == Path.home():
        return
    if folder.is_dir() and not folder.stat().st_mode & stat.S_ISVTX:
        protect(folder)


def create_private_database(path: Path) -> None:
    """Create a SQLite database file that only this user can read, or take the permissions of other users from its files."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        for suffix in _SQLITE_SUFFIXES:
            protect(path.with_name(path.name + suffix))


def protect(path: Path) -> None:
    """Take the permissions of other users from a file or folder, if it exists and belongs to this user."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    if status.st_uid == os.geteuid() and status.st_mode & 0o077:
        # By name: closing a second descriptor of a SQLite database would release the locks of this process.
        path.chmod(stat.S_IMODE(status.st_mode) & 0o700)
