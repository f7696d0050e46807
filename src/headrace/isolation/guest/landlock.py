"""Restrict file access of this process with Landlock, permanently. Needs Linux 5.13 or later.

Structures and numbers: linux/landlock.h and https://docs.kernel.org/userspace-api/landlock.html
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
#: Rights that apply to files; the others apply to folders only.
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


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
    """Return the kernel's version of the Landlock ABI, or 0 if it does not support Landlock."""
    return max(int(libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)), 0)


def restrict_filesystem(read: Iterable[Path], write: Iterable[Path]) -> bool:
    """Restrict this thread and the threads and processes that it starts to these files; no file may be executed.

    TCP, signals to other processes and abstract sockets are denied if the kernel's version of Landlock supports that.

    Args:
        read: files and folders that may be read.
        write: files and folders that may be read and written.

    Returns:
        Whether the kernel supports Landlock. If not, nothing is restricted.

    Raises:
        OSError: the kernel supports Landlock and rejects the rules.

    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = version(libc)
    if not abi:
        return False
    rights = _FIRST_RIGHTS
    for right, since in ((_REFER, 2), (_TRUNCATE, 3), (_IOCTL_DEV, 5)):
        rights |= right if abi >= since else 0
    attributes = _RulesetAttr(rights, _NET if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    # The structure is shorter in older versions.
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = _check(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0))
    try:
        for path in read:
            _allow(libc, ruleset, path, _READ & rights)
        for path in write:
            _allow(libc, ruleset, path, rights & ~(_EXECUTE | _MAKE_CHAR | _MAKE_SOCK | _MAKE_BLOCK))
        _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _check(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = _PathBeneathAttr(rights if path.is_dir() else rights & _FILE_RIGHTS, opened)
        _check(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(opened)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
