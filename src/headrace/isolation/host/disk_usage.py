"""Measure the files of a worker: those in its folder, and deleted ones that it still has open or mapped."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Size of a block in the number of blocks of a file, in bytes.
_BLOCK_BYTES = 512
#: Marks a deleted file in the links of /proc/PID/fd and in the lines of /proc/PID/maps.
_DELETED = " (deleted)"


def exceeds_quota(folder: str, pid: int, max_bytes: int, max_files: int) -> bool:
    """Return whether a process's files have more bytes than a limit, or its folder more files and folders."""
    total = files = 0
    for place, folders, names in os.walk(folder):
        files += len(folders) + len(names)
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(place) / name).lstat().st_blocks * _BLOCK_BYTES
            if total > max_bytes:
                return True
        if files > max_files:
            return True
    return total + _deleted_bytes(pid) > max_bytes


def _deleted_bytes(pid: int) -> int:
    """Return the size of the deleted files that a process has open or mapped, in bytes."""
    process = Path("/proc") / str(pid)
    sizes: dict[int, int] = {}
    try:
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(link.readlink()).endswith(_DELETED):
                    status = link.stat()
                    sizes[status.st_ino] = status.st_blocks * _BLOCK_BYTES
        for line in (process / "maps").read_text(errors="replace").splitlines():
            if line.endswith(_DELETED):
                addresses, _, _, _, inode, *_ = line.split(maxsplit=5)
                start, end = (int(address, 16) for address in addresses.split("-"))
                sizes[int(inode)] = max(sizes.get(int(inode), 0), end - start)
    except (OSError, ValueError):
        # The process has ended, or the system has no /proc.
        return 0
    return sum(sizes.values())
