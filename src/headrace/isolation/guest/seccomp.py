"""Restrict the system calls of this process with seccomp, permanently. Supports Linux on x86-64 and ARM64.

The filter is a program in classic BPF. It allows the calls of `syscalls.ALLOWED`, and some calls with some arguments only. Every
other call fails: recent ones with ENOSYS, so that C libraries fall back to older ones, the rest with EPERM. Calls of another
architecture kill the process. Structures and numbers: linux/seccomp.h, linux/filter.h and linux/audit.h.

A worker holds sockets that the server has connected. It must not connect them elsewhere: `connect`, `sendmsg` and `sendmmsg`
are denied, since a filter cannot read the address that a message header points to, and `sendto` is allowed without an
address only. The server alone passes descriptors.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

from headrace.isolation.guest.syscalls import ALLOWED, FIRST_RECENT_CALL, IGNORED, UNSUPPORTED, Numbers

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_DENY = _ERRNO | errno.EPERM
_LOAD, _EQUAL, _ABOVE, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
#: Offsets of a call's number, architecture and arguments in struct seccomp_data, in bytes.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
#: The x32 calls of x86-64 have this bit.
_X32 = 0x40000000

#: The column of the tables in `syscalls`, and the identifier of the architecture in struct seccomp_data.
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

# fmt: off
#: Calls that `_filtered_calls` allows with some arguments only.
FILTERED: Numbers = {
    "mmap": (9, 222), "mprotect": (10, 226), "clone": (56, 220), "tgkill": (234, 131), "prlimit64": (302, 261),
    "prctl": (157, 167), "fcntl": (72, 25), "ioctl": (16, 29), "socketpair": (53, 199), "sendto": (44, 206),
    "setsockopt": (54, 208),
}
# fmt: on

_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
#: SHARED, PRIVATE, FIXED, ANONYMOUS, 32BIT, DENYWRITE, EXECUTABLE, NORESERVE, POPULATE, NONBLOCK, STACK, FIXED_NOREPLACE. Without
#: GROWSDOWN, whose growth RLIMIT_DATA does not count, and LOCKED.
_MAP_FLAGS = 0x13D873
#: READ, WRITE, EXEC, and BTI of ARM64. Without GROWSDOWN.
_PROTECTION_BITS = 0x17
_CLONE_THREAD = 0x00010000
#: VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID, DETACHED, CHILD_SETTID: what C libraries use.
_CLONE_FLAGS = 0x017D0F00
#: GET_PDEATHSIG, GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, GET_NO_NEW_PRIVS, SET_VMA (names of mappings).
_PRCTL_OPTIONS = (2, 3, 15, 16, 21, 23, 39, 0x53564D41)
#: DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK, SETLK, SETLKW, OFD_GETLK, OFD_SETLK, OFD_SETLKW, DUPFD_CLOEXEC, GETPIPE_SZ, GET_SEALS.
#: Without leases, owners and signals, which affect other processes, and larger pipes.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032, 1034)
#: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
_IOCTL_COMMANDS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_AF_UNIX = 1
#: SOCK_STREAM, with and without SOCK_NONBLOCK and SOCK_CLOEXEC. Datagram sockets could send to the sockets of services.
_PAIR_TYPES = (0x1, 0x801, 0x80001, 0x80801)
#: OOB, DONTWAIT, EOR, NOSIGNAL, MORE. Without FASTOPEN, which connects.
_SEND_FLAGS = 0xC0C1
#: Options of sockets, by level: SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6. Buffers, time-outs, keep-alive, type of service.
_SOCKET_OPTIONS = {
    1: (2, 7, 8, 9, 10, 13, 15, 18, 20, 21, 66, 67),
    6: (1, 3, 4, 5, 6, 12, 18),
    0: (1,),
    41: (26, 67),
}


def install_filter() -> bool:
    """Restrict the system calls of this thread and of the threads that it starts.

    Returns:
        Whether the kernel and the architecture are supported. If not, nothing is restricted.

    """
    program = filter_program(platform.machine(), os.getpid())
    if program is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a length and a pointer, with the padding between them.
    header = ctypes.create_string_buffer(struct.pack("HP", len(program) // 8, ctypes.addressof(buffer)))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0) == 0)


def filter_program(machine: str, pid: int) -> bytes | None:
    """Return the BPF program for a machine and a process, or None for an unsupported machine."""
    if machine not in _MACHINES:
        return None
    column, audit = _MACHINES[machine]
    lines = [
        _line(_LOAD, _ARCHITECTURE),
        _line(_EQUAL, audit, yes=1),
        _line(_RETURN, _KILL),
        _line(_LOAD, _NUMBER),
        _line(_AT_LEAST, _X32, no=1),
        _line(_RETURN, _KILL),
    ]
    for table, outcome in ((ALLOWED, _ALLOW), (IGNORED, _ERRNO), (UNSUPPORTED, _ERRNO | errno.ENOTSUP)):
        for first, last in _ranges(row[column] for row in table.values()):
            lines += [_line(_AT_LEAST, first, no=2), _line(_ABOVE, last, yes=1), _line(_RETURN, outcome)]
    for name, body in _filtered_calls(pid).items():
        number = FILTERED[name][column]
        lines += [_line(_EQUAL, number or 0, no=len(body)), *body]
    lines += [_line(_AT_LEAST, FIRST_RECENT_CALL, no=1), _line(_RETURN, _ERRNO | errno.ENOSYS), _line(_RETURN, _DENY)]
    return b"".join(lines)


def _ranges(numbers: Iterable[int | None]) -> list[tuple[int, int]]:
    """Return the first and last number of each run of consecutive numbers."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(n for n in numbers if n is not None):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _filtered_calls(pid: int) -> dict[str, list[bytes]]:
    """Return the instructions that decide about each call of `FILTERED`."""
    return {
        # RLIMIT_DATA does not count shared memory.
        "mmap": [
            *_only_bits(3, _MAP_FLAGS),
            _line(_ANY_BIT, _MAP_SHARED, no=2),
            _line(_ANY_BIT, _MAP_ANONYMOUS, no=1),
            _line(_RETURN, _ERRNO | errno.ENOMEM),
            _line(_RETURN, _ALLOW),
        ],
        "mprotect": [*_only_bits(2, _PROTECTION_BITS), _line(_RETURN, _ALLOW)],
        # Threads, and no processes and namespaces.
        "clone": [
            *_only_bits(0, _CLONE_FLAGS),
            _line(_ANY_BIT, _CLONE_THREAD, no=1),
            _line(_RETURN, _ALLOW),
            _line(_RETURN, _DENY),
        ],
        # Signals to this process, which abort() sends.
        "tgkill": _one_of(0, (pid,)),
        # Reading limits: the third argument, the new limit, is null.
        "prlimit64": [*_null(2), _line(_RETURN, _ALLOW)],
        "prctl": _one_of(0, _PRCTL_OPTIONS),
        "fcntl": _one_of(1, _FCNTL_COMMANDS),
        "ioctl": _one_of(1, _IOCTL_COMMANDS),
        "socketpair": [
            _argument(0),
            _line(_EQUAL, _AF_UNIX, yes=1),
            _line(_RETURN, _DENY),
            *_one_of(1, _PAIR_TYPES),
        ],
        "sendto": [*_only_bits(3, _SEND_FLAGS), *_null(4), _line(_RETURN, _ALLOW)],
        "setsockopt": _socket_options(),
    }


def _socket_options() -> list[bytes]:
    lines = [_argument(1)]
    for level, names in _SOCKET_OPTIONS.items():
        body = _one_of(2, names, otherwise=_ERRNO | errno.ENOPROTOOPT)
        lines += [_line(_EQUAL, level, no=len(body)), *body]
    return [*lines, _line(_RETURN, _ERRNO | errno.ENOPROTOOPT)]


def _one_of(argument: int, values: Iterable[int], otherwise: int = _DENY) -> list[bytes]:
    """Allow the call if an argument has one of these values."""
    choices = [line for value in values for line in (_line(_EQUAL, value, no=1), _line(_RETURN, _ALLOW))]
    return [_argument(argument), *choices, _line(_RETURN, otherwise)]


def _only_bits(argument: int, mask: int) -> list[bytes]:
    """Deny the call if an argument has a bit outside the mask; continue otherwise, with the argument loaded."""
    return [_argument(argument), _line(_ANY_BIT, ~mask, no=1), _line(_RETURN, _DENY)]


def _null(argument: int) -> list[bytes]:
    """Deny the call if an argument, a pointer, is not null; continue otherwise."""
    return [
        line
        for half in (0, 4)
        for line in (
            _line(_LOAD, _ARGUMENTS + 8 * argument + half),
            _line(_EQUAL, 0, yes=1),
            _line(_RETURN, _DENY),
        )
    ]


def _argument(place: int) -> bytes:
    """Load the lower half of an argument that is not a pointer. The kernel ignores the upper half."""
    return _line(_LOAD, _ARGUMENTS + 8 * place)


def _line(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """Return one instruction. `yes` and `no` are the numbers of instructions that a jump skips."""
    return struct.pack("HBBI", code, yes, no, value & 0xFFFFFFFF)
