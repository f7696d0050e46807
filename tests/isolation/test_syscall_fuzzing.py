"""Every system call, with random arguments: those outside the allow-list fail, and those on it do not harm others."""

from __future__ import annotations

import os
import platform
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.isolation.guest import seccomp
from headrace.isolation.guest.syscalls import ALLOWED, FIRST_RECENT_CALL, IGNORED, UNSUPPORTED
from tests.isolation.test_escapes import attack
from tests.support.accounts import account_prefix

#: The column of the tables. Other machines have no filter.
COLUMN = int(platform.machine() == "aarch64")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or seccomp.filter_program(platform.machine(), 1) is None,
    reason="seccomp filters exist for Linux on x86-64 and ARM64",
)

#: uretprobe and uprobe of x86-64: newer kernels do not filter them, and end a process that makes them itself.
UNFILTERED = {335, 336}
#: Calls that end or damage the process that makes them, or stop its threads.
FATAL = frozenset(
    {"exit", "exit_group", "rt_sigreturn", "munmap", "mremap", "brk", "close", "close_range", "dup2", "dup3", "madvise", "mmap", "mprotect",
     "rt_sigaction", "rt_sigprocmask", "sigaltstack", "set_tid_address", "set_robust_list", "rseq", "alarm", "setitimer", "fcntl", "ioctl",
     "read", "readv", "recvfrom", "recvmsg", "preadv", "preadv2", "write", "writev", "sendto", "sendfile", "shutdown", "tgkill", "clone",
     "pause", "rt_sigsuspend", "rt_sigtimedwait", "getrandom", "pread64", "futex", "restart_syscall", "vfork"}
)  # fmt: skip

DENIED_BODY = """
import random
source = random.Random({seed})
interesting = [0, 1, 2, 3, 7, -1, 4096, 1 << 31, (1 << 63) - 1, os.getpid(), os.getppid(), ctypes.addressof(ctypes.create_string_buffer(4096))]
result = []
for number in {numbers}:
    for _ in range(20):
        arguments = [source.choice(interesting) if source.random() < 0.7 else source.getrandbits(64) - (1 << 63) for _ in range(6)]
        ctypes.set_errno(0)
        outcome = c.syscall(number, *map(ctypes.c_long, arguments))
        error = ctypes.get_errno()
        if outcome != -1 or error != (errno.ENOSYS if number >= {recent} else errno.EPERM):
            result.append([number, arguments, outcome, error])
"""

ALLOWED_BODY = """
import random, threading
source = random.Random({seed})
page = ctypes.create_string_buffer(65536)
interesting = [0, 1, 2, 3, 4, 5, -1, 64, 4096, 1 << 31, os.getpid(), os.getppid(), ctypes.addressof(page)]
paths = [ctypes.create_string_buffer(path.encode()) for path in {paths!r}]
interesting += map(ctypes.addressof, paths)
def fuzz(number):
    for _ in range(30):
        arguments = [source.choice(interesting) if source.random() < 0.9 else source.getrandbits(64) - (1 << 63) for _ in range(6)]
        c.syscall(number, *map(ctypes.c_long, arguments))
for number in {numbers}:
    thread = threading.Thread(target=fuzz, args=[number], daemon=True)
    thread.start()
    thread.join(0.05)
result = "done"
"""


@pytest.fixture(params=["root", "ordinary user"])
def account(request: pytest.FixtureRequest) -> str:
    account_prefix(request.param)
    return str(request.param)


@pytest.fixture
def seed() -> int:
    """Return a random seed, which failed tests show. `HEADRACE_FUZZ_SEED` repeats one."""
    value = int(os.environ.get("HEADRACE_FUZZ_SEED") or random.SystemRandom().getrandbits(32))
    sys.stdout.write(f"HEADRACE_FUZZ_SEED={value}\n")
    return value


def numbers_of(table: Any) -> set[int]:
    return {row[COLUMN] for row in table.values() if row[COLUMN] is not None}


def test_every_call_outside_the_allow_list_fails(account: str, seed: int) -> None:
    known = set().union(*(numbers_of(table) for table in (ALLOWED, IGNORED, UNSUPPORTED, seccomp.FILTERED)))
    numbers = sorted({*range(600), *range(1000, 1100), 0xFFFF} - known - UNFILTERED)
    [[value, error], _] = attack(
        account, DENIED_BODY.format(seed=seed, numbers=numbers, recent=FIRST_RECENT_CALL), cpu_seconds=60
    )
    assert error is None
    assert value == []


def test_allowed_calls_with_random_arguments_do_not_harm_others(account: str, seed: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    canary.chmod(0o666)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and folder not in (Path("/"), Path("/tmp")):
            folder.chmod(0o777)
    before = canary.stat()
    names = {**ALLOWED, **IGNORED, **UNSUPPORTED, **seccomp.FILTERED}
    source = random.Random(seed)
    safe = [row[COLUMN] for name, row in names.items() if name not in FATAL and row[COLUMN] is not None]
    fatal = [row[COLUMN] for name, row in names.items() if name in FATAL and row[COLUMN] is not None]
    source.shuffle(safe)
    rounds = [safe, *(source.sample(fatal, len(fatal)) for _ in range(4))]
    bystander = subprocess.Popen([*account_prefix(account), sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        paths = [str(canary), str(tmp_path), "/etc/passwd", "own", "."]
        bodies = [ALLOWED_BODY.format(seed=seed, numbers=numbers, paths=paths) for numbers in rounds]
        *_, status = attack(account, *bodies, cpu_seconds=10)
        # The server has survived the workers that ended.
        assert status["Seccomp"] == ["2"]
        assert bystander.poll() is None
    finally:
        bystander.communicate(b"\n", timeout=20)
    after = canary.stat()
    assert canary.read_text() == "untouched"
    assert (after.st_mode, after.st_uid, after.st_mtime_ns, after.st_nlink) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime_ns,
        before.st_nlink,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]


def test_the_numbers_of_both_architectures_are_complete() -> None:
    for machine in ("x86_64", "aarch64"):
        program = seccomp.filter_program(machine, 1)
        assert program is not None
        assert len(program) // 8 < 4096, "the kernel accepts at most 4096 instructions"
    tables = (ALLOWED, IGNORED, UNSUPPORTED, seccomp.FILTERED)
    for column in (0, 1):
        numbers = [row[column] for table in tables for row in table.values() if row[column] is not None]
        assert len(numbers) == len(set(numbers)), "the tables have a number twice"
