"""Give up the privileges of this process: the root user, groups and capabilities.

Numbers: linux/prctl.h, linux/capability.h and linux/securebits.h.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT = 1, 24, 28, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522
#: NOROOT, NOROOT_LOCKED, KEEP_CAPS_LOCKED: no way back to the capabilities of root.
_SECURE_BITS = 0x23

#: A worker of a server that runs as root gets this id plus its process id: no two workers share an id, and no account has one.
FIRST_WORKER_ID = 0x7000_0000
#: The id where a container does not map ids of that size: nobody.
FALLBACK_WORKER_ID = 65_534


class PrivilegeError(Exception):
    """The process cannot give up its privileges. The message says what to change."""


def worker_user() -> int:
    """Return the id of the user and the group of this worker: its own id, unless the server runs as root."""
    if os.geteuid() != 0:
        return os.geteuid()
    wanted = FIRST_WORKER_ID + os.getpid()
    return (
        wanted
        if all(_is_mapped(wanted, Path(f"/proc/self/{kind}_map")) for kind in ("uid", "gid"))
        else FALLBACK_WORKER_ID
    )


def _is_mapped(number: int, table: Path) -> bool:
    rows = [[int(word) for word in line.split()] for line in table.read_text().splitlines()]
    return any(first <= number < first + count for first, _, count in rows)


def drop_privileges(user: int) -> None:
    """Change to an ordinary user and give up all capabilities, permanently. The process must have one thread.

    Args:
        user: the id of the user and of the group.

    Raises:
        PrivilegeError: the system does not permit it.

    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    libc.prctl(_PR_SET_SECUREBITS, _SECURE_BITS, 0, 0, 0)
    capability = 0
    while libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        except OSError as error:
            raise PrivilegeError(
                "The server runs as root and cannot start code as another user. Run the server as an ordinary user, or give it "
                "the capabilities SETUID and SETGID."
            ) from error
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) or os.geteuid() == 0:
        raise PrivilegeError("The process could not give up its capabilities.")


def die_with_server(server: int) -> None:
    """Let the kernel kill this process when the server ends, however it ends. seccomp keeps code from changing this.

    Args:
        server: the process id of the server. A change of user resets the request, so this is called afterwards.

    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        os._exit(1)
