"""seccomp: which system calls a process may make, from now on and for good. Linux on x86-64 and ARM64.

The filter is a list of what is refused, written in classic BPF: linux/seccomp.h, linux/filter.h, linux/audit.h and the
kernel's tables of system calls.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
#: Where the filter finds the number, the architecture, and the arguments of a call: struct seccomp_data.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_CLONE_THREAD = 0x00010000
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
#: The x32 calls of x86-64 have this bit.
_X32 = 0x40000000


@dataclass(frozen=True, slots=True)
class _Machine:
    """One architecture's numbers."""

    audit: int
    #: Calls that are refused: connections, processes, other processes' things, the machine's.
    refused: tuple[int, ...]
    #: Calls that do nothing and succeed: owners, modes and times of files, which no code here needs to change.
    idle: tuple[int, ...]
    clone: int
    tgkill: int
    prlimit: int
    fcntl: int
    ioctl: int
    mmap: int


#: From pidfd_send_signal on, one table for all machines: processes by descriptor, io_uring, mounts, process_madvise,
#: quotactl_fd, process_mrelease; without close_range (436), openat2 (437) and faccessat2 (439).
_COMMON = (424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442, 443, 448)
#: Have a signal sent to another process when a descriptor is ready: F_SETOWN, F_SETSIG, F_SETOWN_EX; FIOSETOWN, SIOCSPGRP.
_FCNTL_OWNERS, _IOCTL_OWNERS = (8, 10, 15), (0x8901, 0x8902)
_CLONE3 = 435
_FCHMODAT2 = 452

# fmt: off
_MACHINES = {
    "x86_64": _Machine(
        audit=0xC000003E,
        refused=(
            41, 42, 43, 49, 50, 288,  # socket connect accept bind listen accept4
            57, 58, 59, 322,  # fork vfork execve execveat
            62, 200, 129, 297, 101, 310, 311, 312,  # kill tkill rt_sigqueueinfo rt_tgsigqueueinfo ptrace process_vm_* kcmp
            165, 166, 155, 161, 272, 308,  # mount umount2 pivot_root chroot unshare setns
            321, 298, 323, 300, 303, 304,  # bpf perf_event_open userfaultfd fanotify_init *_handle_at
            248, 249, 250, 175, 313, 176, 246, 320,  # keys, modules, kexec
            135, 172, 173, 179, 163, 103, 169, 167, 168, 170, 171, 153,  # personality to vhangup: the machine's own
            164, 227, 305, 159, 160, 133, 259,  # clocks, setrlimit, mknod mknodat
            29, 30, 31, 67, 64, 65, 66, 220, 68, 69, 70, 71, 240,  # System V memory, semaphores and queues; mq_open
            141, 142, 144, 314, 203, 251, 256, 279,  # priorities, cores and pages of others
            76, 254,  # truncate by path, which older Landlocks let through; inotify_add_watch
            319,  # memfd_create: memory that no limit counts
        ),
        idle=(90, 91, 268, 92, 93, 94, 260, 188, 189, 190, 197, 198, 199, 132, 235, 261, 280),
        clone=56, tgkill=234, prlimit=302, fcntl=72, ioctl=16, mmap=9,
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        refused=(
            198, 203, 202, 200, 201, 242,
            221, 281,
            129, 130, 138, 240, 117, 270, 271, 272,
            40, 39, 41, 51, 97, 268,
            280, 241, 282, 262, 264, 265,
            217, 218, 219, 105, 273, 106, 104, 294,
            92, 60, 89, 116, 142, 224, 225, 161, 162, 58,
            170, 112, 266, 171, 164, 33,
            194, 195, 196, 197, 190, 191, 192, 193, 186, 187, 188, 189, 180,
            140, 118, 119, 274, 122, 30, 238, 239,
            45, 27,
            279,
        ),
        idle=(52, 53, 54, 55, 5, 6, 7, 14, 15, 16, 88),
        clone=220, tgkill=131, prlimit=261, fcntl=25, ioctl=29, mmap=222,
    ),
}
# fmt: on


def refuse_calls() -> bool:
    """Refuse this thread, and all that it starts, connections, processes, and whatever reaches beyond the process.

    Returns:
        whether the kernel has seccomp and the machine is one of those known; where not, nothing was done.

    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    program = b"".join(_filter(machine))
    buffer = ctypes.create_string_buffer(program, len(program))
    count = len(program) // 8
    # struct sock_fprog: a length and, after the gap that its alignment leaves, a pointer.
    head = ctypes.create_string_buffer(struct.pack("HP", count, ctypes.addressof(buffer)))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, head, 0, 0) == 0)


def _filter(machine: _Machine) -> list[bytes]:
    lines = [
        _line(_LOAD, _ARCHITECTURE),
        _line(_EQUAL, machine.audit, yes=1),
        _line(_RETURN, _KILL),
        _line(_LOAD, _NUMBER),
        _line(_AT_LEAST, _X32, no=1),
        _line(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for numbers, outcome in (
        ((*machine.refused, *_COMMON), _ERRNO | errno.EPERM),
        ((*machine.idle, _FCHMODAT2), _ERRNO),
        # Without it, C libraries fall back to clone, whose flags a filter can read.
        ((_CLONE3,), _ERRNO | errno.ENOSYS),
    ):
        for number in numbers:
            lines += [_line(_EQUAL, number, no=1), _line(_RETURN, outcome)]
    for number, commands in ((machine.fcntl, _FCNTL_OWNERS), (machine.ioctl, _IOCTL_OWNERS)):
        lines += [
            _line(_EQUAL, number, no=3 + len(commands)),
            _line(_LOAD, _ARGUMENTS + 8),
            *(_line(_EQUAL, command, yes=len(commands) - place) for place, command in enumerate(commands)),
            _line(_RETURN, _ALLOW),
            _line(_RETURN, _ERRNO | errno.EPERM),
        ]
    lines += [
        # Shared memory without a file is what the limit on memory does not count.
        _line(_EQUAL, machine.mmap, no=5),
        _line(_LOAD, _ARGUMENTS + 3 * 8),
        _line(_ANY_BIT, _MAP_ANONYMOUS, no=2),
        _line(_ANY_BIT, _MAP_SHARED, no=1),
        _line(_RETURN, _ERRNO | errno.ENOMEM),
        _line(_RETURN, _ALLOW),
        # A thread is no process.
        _line(_EQUAL, machine.clone, no=4),
        _line(_LOAD, _ARGUMENTS),
        _line(_ANY_BIT, _CLONE_THREAD, no=1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERRNO | errno.EPERM),
        # A signal to itself, which abort() sends.
        _line(_EQUAL, machine.tgkill, no=4),
        _line(_LOAD, _ARGUMENTS),
        _line(_EQUAL, os.getpid(), no=1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERRNO | errno.EPERM),
        # Limits may be read: the third argument, the new limit, is null then.
        _line(_EQUAL, machine.prlimit, no=5),
        _line(_LOAD, _ARGUMENTS + 2 * 8),
        _line(_EQUAL, 0, no=2),
        _line(_LOAD, _ARGUMENTS + 2 * 8 + 4),
        _line(_EQUAL, 0, yes=1),
        _line(_RETURN, _ERRNO | errno.EPERM),
        _line(_RETURN, _ALLOW),
    ]
    return lines


def _line(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """Return one instruction; `yes` and `no` say how many of the following a jump leaves out."""
    return struct.pack("HBBI", code, yes, no, value & 0xFFFFFFFF)
