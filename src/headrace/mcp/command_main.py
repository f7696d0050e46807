"""Supervise the local command of an MCP server: limit its memory and processes, and end it with the server.

This is a program of its own, which imports only the standard library. It starts the command as its child with the same standard
streams, and becomes the parent of orphaned descendants, so that it can end all of them.

Arguments: the file descriptor of a pipe that the server holds open, the memory limit in bytes, the maximum number of processes, and
the command with its arguments. The current folder is that of the command, and is deleted at the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
import sys

#: Exit statuses that tell the server why the command was ended.
EXIT_MEMORY = 201
EXIT_PROCESSES = 202
EXIT_NOT_STARTED = 203
#: Time between two measurements, in seconds.
CHECK_SECONDS = 0.1
#: A single process may have this many times the memory limit in private mappings, which are not all in use.
MAPPING_FACTOR = 2
_PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Run the command and return the exit status of this program."""
    lifeline, memory_bytes, max_processes = map(int, arguments[:3])
    command = arguments[3:]
    folder = os.getcwd()  # noqa: PTH109 - starts fast
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        _execute(command, lifeline, memory_bytes)
    # The command alone holds the streams, so that their ends are visible on both sides.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    try:
        return _watch(child, lifeline, memory_bytes, max_processes)
    finally:
        _kill_descendants()
        # The server deletes it too, unless it was killed.
        shutil.rmtree(folder, ignore_errors=True)


def _execute(command: list[str], lifeline: int, memory_bytes: int) -> None:
    try:
        os.close(lifeline)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_DATA, (MAPPING_FACTOR * memory_bytes,) * 2)
        os.execvp(command[0], command)  # noqa: S606 - a list of arguments, without a shell
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(EXIT_NOT_STARTED)


def _watch(child: int, lifeline: int, memory_bytes: int, max_processes: int) -> int:
    while True:
        # The pipe becomes readable when its other end is closed, also if the server was killed.
        if select.select([lifeline], [], [], CHECK_SECONDS)[0]:
            return 0
        status = _reap(child)
        if status is not None:
            return status
        pids = _descendants()
        if len(pids) > max_processes:
            return EXIT_PROCESSES
        if sum(map(_resident_bytes, pids)) > memory_bytes:
            return EXIT_MEMORY


def _reap(child: int) -> int | None:
    """Wait for processes that have ended, and return the exit status of the command if it has."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 0
        if pid == 0:
            return None
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _descendants() -> list[int]:
    found: list[int] = []
    pending = [os.getpid()]
    while pending:
        parent = pending.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):  # noqa: PTH208 - starts fast
                with open(f"/proc/{parent}/task/{thread}/children", encoding="ascii") as file:  # noqa: PTH123 - starts fast
                    children = [int(pid) for pid in file.read().split()]
                found += children
                pending += children
    return found


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - starts fast
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _kill_descendants() -> None:
    """End all descendants. On systems without /proc, end the process group, with this process in it."""
    if sys.platform != "linux":
        os.killpg(0, signal.SIGKILL)
    while pids := _descendants():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
