"""Landlock: which files a process may touch, from now on and for good. Linux 5.13 and later.

Structures and numbers: linux/landlock.h; https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_SOCK, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_RIGHTS = (1 << 13) - 1
_NET = 0b11
_SCOPES = 0b11

_READ = _READ_FILE | _READ_DIR
#: What a file that is no folder can be allowed.
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


class _RulesetAttr(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def version(libc: ctypes.CDLL) -> int:
    """Return the kernel's version of Landlock, 0 where it has none."""
    return max(int(libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)), 0)


def confine(read: Iterable[Path], write: Iterable[Path]) -> bool:
    """Leave this thread, and all that it starts, these files alone: some to read, others to read and write, none to execute.

    TCP, signals and abstract sockets are closed too where the kernel's version knows them.

    Returns:
        whether the kernel has Landlock; where it has not, nothing was done.

    Raises:
        OSError: the kernel has it and refuses.

    """
    libc = ctypes.CDLL(None, use_errno=True)
    has = version(libc)
    if not has:
        return False
    rights = _FIRST_RIGHTS
    for right, since in ((_REFER, 2), (_TRUNCATE, 3), (_IOCTL_DEV, 5)):
        rights |= right if has >= since else 0
    attributes = _RulesetAttr(rights, _NET if has >= 4 else 0, _SCOPES if has >= 6 else 0)
    # Older kernels know a shorter structure.
    size = 24 if has >= 6 else 16 if has >= 4 else 8
    ruleset = _done(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0))
    try:
        for path in read:
            _allow(libc, ruleset, path, _READ & rights)
        for path in write:
            _allow(libc, ruleset, path, rights & ~(_EXECUTE | _MAKE_CHAR | _MAKE_SOCK | _MAKE_BLOCK))
        _done(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _done(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = _PathBeneathAttr(rights if path.is_dir() else rights & _OF_FILES, opened)
        _done(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(opened)


def _done(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
