"""Keep the files of a server process away from the processes that it starts."""

from __future__ import annotations

import os
from pathlib import Path

#: Folders in which the kernel lists the open descriptors of a process: on Linux, and on macOS.
_DESCRIPTOR_FOLDERS = ("/proc/self/fd", "/dev/fd")


def make_files_private() -> None:
    """Close all open files but the standard streams in programs that this process starts from now on.

    uvloop, unlike Python, leaves inheritable descriptors open in subprocesses. multiprocessing makes those of a server process
    inheritable: its listening sockets, and the pipe to its supervisor, from which both ends unpickle objects.
    """
    folder = next((Path(path) for path in _DESCRIPTOR_FOLDERS if Path(path).is_dir()), None)
    if folder is None:
        # Windows, whose event loop passes on no handles.
        return
    for number in sorted(int(entry.name) for entry in folder.iterdir()):
        # One of them was that of the list itself, and is closed.
        if number > 2 and _is_open(number):
            os.set_inheritable(number, False)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
