"""Attempts to leave isolation: each runs in a worker of a server that runs as root, and of one that runs as an ordinary user."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.isolation.guest import seccomp
from tests.support.accounts import account_prefix

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or seccomp.filter_program(platform.machine(), 1) is None,
    reason="seccomp filters exist for Linux on x86-64 and ARM64",
)

#: `call(name, …)` makes a system call and returns the name of its error or "done".
PRELUDE = """
import ctypes, errno, os, mmap, socket, struct
c = ctypes.CDLL(None, use_errno=True)
c.syscall.restype = ctypes.c_long
NUMBERS = {
    "socket": (41, 198), "connect": (42, 203), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269), "bind": (49, 200),
    "listen": (50, 201), "accept4": (288, 242), "socketpair": (53, 199), "setsockopt": (54, 208), "fcntl": (72, 25),
    "ioctl": (16, 29), "prctl": (157, 167), "mmap": (9, 222), "mprotect": (10, 226), "mlockall": (151, 230), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186), "mq_open": (240, 180), "clone": (56, 220),
    "clone3": (435, 435), "unshare": (272, 97), "setns": (308, 268), "execve": (59, 221), "execveat": (322, 281),
    "prlimit64": (302, 261), "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "io_uring_setup": (425, 425), "bpf": (321, 280),
    "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217), "perf_event_open": (298, 241), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "fsopen": (430, 430), "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "capset": (126, 91),
    "seccomp": (317, 277), "personality": (135, 92), "setpriority": (141, 140), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "inotify_init1": (294, 26), "fanotify_init": (300, 262), "timer_create": (222, 107),
    "timerfd_create": (283, 85), "signalfd4": (289, 74), "vmsplice": (278, 75), "splice": (275, 76), "tee": (276, 77),
    "io_setup": (206, 0), "syslog": (103, 116), "reboot": (169, 142), "sethostname": (170, 161), "clock_settime": (227, 112),
    "init_module": (175, 105), "kexec_load": (246, 104), "quotactl": (179, 60), "swapon": (167, 224), "mknodat": (259, 33),
    "setsid": (112, 157), "setpgid": (109, 154), "sync": (162, 81), "name_to_handle_at": (303, 264), "remap_file_pages": (216, 234),
    "process_madvise": (440, 440), "mount_setattr": (442, 442), "landlock_create_ruleset": (444, 444), "openat2": (437, 437),
}
COLUMN = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
def call(name, *arguments):
    outcome = c.syscall(NUMBERS[name][COLUMN], *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return "done" if outcome >= 0 else errno.errorcode[ctypes.get_errno()]
"""
#: One component of an attempt's outcome: the call was denied.
DENIED = {"EPERM", "ENOSYS", "ENOMEM", "EACCES", "ENOPROTOOPT"}
LIMITS = {"memory_mib": 400, "cpu_seconds": 20, "max_file_mib": 20, "max_folder_mib": 30, "max_threads": 40}


@pytest.fixture(params=["root", "ordinary user"])
def account(request: pytest.FixtureRequest) -> str:
    account_prefix(request.param)
    return str(request.param)


def attack(account: str, *bodies: str, **limits: float) -> list[Any]:
    """Run sources in a worker below a server of an account; return `[value, error]` of each, and the facts about the process."""
    sources = [PRELUDE + textwrap.dedent(body) for body in bodies]
    command = [
        *account_prefix(account),
        sys.executable,
        "-m",
        "tests.isolation.attack_host",
        json.dumps({**LIMITS, **limits}),
    ]
    outcome = subprocess.run(
        command, input=json.dumps(sources), capture_output=True, text=True, timeout=120, check=False
    )
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    return list(json.loads(outcome.stdout))


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """Listen on a port that workers may reach, and return the port and what was received."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    received.append(connection.recv(100))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], received
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_worker_is_not_root_and_has_no_capability(account: str) -> None:
    [[value, error], status] = attack(account, "result = [os.getresuid(), os.getresgid(), os.getgroups()]")
    assert error is None
    assert 0 not in (*value[0], *value[1])
    assert "0" not in (*status["Uid"], *status["Gid"], *status["Groups"])
    assert {status[name][0].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {""}
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])


def test_a_socket_of_the_broker_cannot_be_connected_elsewhere(account: str, listener: tuple[int, list[bytes]]) -> None:
    port, received = listener
    body = f"""
        s = socket.create_connection(("127.0.0.1", {port}), 10)
        fd = s.fileno()
        address = struct.pack("=HH4s8x", 2, socket.htons({port}), bytes((127, 0, 0, 1)))
        pointer = ctypes.create_string_buffer(address, 16)
        data = ctypes.create_string_buffer(b"x", 1)
        vector = ctypes.create_string_buffer(struct.pack("PN", ctypes.addressof(data), 1))
        header = ctypes.create_string_buffer(struct.pack("PI4xPNPNi4x", ctypes.addressof(pointer), 16, ctypes.addressof(vector), 1, 0, 0, 0), 64)
        FASTOPEN = 0x20000000
        result = {{
            "connect": call("connect", fd, pointer, 16),
            "disconnect": call("connect", fd, ctypes.create_string_buffer(16), 16),
            "sendto": call("sendto", fd, data, 1, 0, pointer, 16),
            "sendto fastopen": call("sendto", fd, data, 1, FASTOPEN, pointer, 16),
            "send fastopen": call("sendto", fd, data, 1, FASTOPEN, None, 0),
            "sendmsg": call("sendmsg", fd, header, 0),
            "sendmsg fastopen": call("sendmsg", fd, header, FASTOPEN),
            "sendmmsg": call("sendmmsg", fd, header, 1, FASTOPEN),
            "bind": call("bind", fd, pointer, 16),
            "listen": call("listen", fd, 1),
            "attach filter": call("setsockopt", fd, 1, 26, data, 1),
            "ulp": call("setsockopt", fd, 6, 31, data, 1),
            "fastopen connect": call("setsockopt", fd, 6, 30, data, 1),
        }}
        s.sendall(b"hello")
        # The method of the socket module sends without the system call.
        s.sendmsg([b" wo", b"rld"])
        s.close()
    """
    [[value, error], _] = attack(account, body)
    assert error is None
    assert {name: outcome for name, outcome in value.items() if outcome not in DENIED} == {}
    assert b"".join(received).startswith(b"hello")


def test_denied_system_calls_fail(account: str) -> None:
    body = """
        import resource
        own = open("own", "w+b")
        fd, ppid, pid = own.fileno(), os.getppid(), os.getpid()
        buffer = ctypes.create_string_buffer(4096)
        P = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
        attempts = {
            "families": [("socket", family, kind, 0) for family in (1, 2, 10, 16, 17, 38, 40, 44) for kind in (1, 2, 3, 5)],
            "pairs": [("socketpair", 1, kind, 0, buffer) for kind in (2, 5, 0x80002, 3)] + [("socketpair", 2, 1, 0, buffer)],
            "leases and owners": [("fcntl", fd, command, argument) for command, argument in
                ((1024, 0), (1024, 1), (1026, 1), (8, ppid), (10, 9), (15, 0), (1031, 1 << 20), (1033, 1))],
            "ioctl": [("ioctl", fd, command, buffer) for command in (0x5412, 0x8901, 0x8902, 0x5452, 0x8912, 0x541D, 0x40049409, 0x1271)],
            "prctl": [("prctl", option, 0, 0, 0, 0) for option in (1, 4, 8, 14, 22, 24, 28, 35, 36, 38, 47, 52, 59, 62, 65, 0x59616D61)],
            "mappings": [("mmap", 0, 4096, 3, flags, -1, 0) for flags in (P | 0x100, 0x21, 0x23, P | 0x40000, P | 0x2000, 0x28)]
                + [("mprotect", 0, 0, 0x1000003), ("mprotect", 0, 0, 0x2000003)],
            "memory": [("mlockall", 3), ("memfd_create", buffer, 0), ("memfd_secret", 0), ("shmget", 0, 4096, 0o1600), ("msgget", 0, 0o1600),
                ("mq_open", b"/q", 0o102, 0o600, 0), ("remap_file_pages", 0, 0, 0, 0, 0)],
            "processes": [("clone", flags, 0, 0, 0, 0) for flags in (17, 0x11, 0x4100, 0x10000000, 0x10010000 | 0xF00, 0x20000011, 0x1000)]
                + [("clone3", buffer, 88), ("unshare", 0x10000000), ("setns", fd, 0), ("execve", b"/bin/true", 0, 0), ("execveat", fd, b"", 0, 0, 0x1000)],
            "limits": [("prlimit64", 0, number, buffer, 0) for number in range(16)] + [("prlimit64", ppid, 7, buffer, 0)],
            "signals": [("kill", target, 0) for target in (pid, ppid, 1, -1, 0)] + [("tkill", ppid, 0), ("tgkill", ppid, ppid, 0),
                ("rt_sigqueueinfo", ppid, 9, buffer), ("pidfd_open", ppid, 0), ("pidfd_send_signal", fd, 9, 0, 0), ("pidfd_getfd", fd, 0, 0)],
            "other processes": [("ptrace", 16, ppid, 0, 0), ("process_vm_readv", ppid, buffer, 1, buffer, 1, 0), ("process_vm_writev", ppid, buffer, 1, buffer, 1, 0),
                ("kcmp", pid, ppid, 0, 0, 0), ("process_madvise", fd, buffer, 1, 4, 0), ("setpriority", 0, ppid, 5), ("sched_setaffinity", ppid, 8, buffer),
                ("sched_setscheduler", ppid, 0, buffer)],
            "identity": [("setresuid", 0, 0, 0), ("setresgid", 0, 0, 0), ("setgroups", 0, 0), ("capset", buffer, buffer), ("setsid",), ("setpgid", 0, 0)],
            "kernel": [(name, 0, 0, 0, 0, 0) for name in ("io_uring_setup", "bpf", "userfaultfd", "keyctl", "add_key", "perf_event_open", "seccomp",
                "personality", "inotify_init1", "fanotify_init", "timer_create", "timerfd_create", "signalfd4", "vmsplice", "splice", "tee", "io_setup",
                "syslog", "reboot", "sethostname", "clock_settime", "init_module", "kexec_load", "quotactl", "swapon", "sync", "landlock_create_ruleset")],
            "file systems": [(name, -100, buffer, buffer, 0, 0) for name in ("mount", "umount2", "pivot_root", "chroot", "open_by_handle_at", "open_tree",
                "fsopen", "mount_setattr", "mknodat", "name_to_handle_at", "openat2")],
        }
        result = [[group, *map(str, attempt[:4]), outcome] for group, calls in attempts.items() for attempt in calls
                  if (outcome := call(*attempt)) not in ("EPERM", "ENOSYS", "ENOMEM")]
        for change in (lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)), lambda: open("/dev/zero")):
            try:
                change()
                result.append("a change was possible")
            except (OSError, ValueError):
                pass
    """
    [[value, error], _] = attack(account, body)
    assert error is None
    assert value == []


@pytest.mark.parametrize(
    "machine_code",
    [
        # mov eax, 0x40000027 (getpid of x32); syscall; ret
        "b82700004 00f05c3",
        # mov eax, 20 (getpid of i386); int 0x80; ret
        "b814000000cd80c3",
    ],
)
def test_calls_of_another_architecture_end_the_worker(machine_code: str) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the machine code is that of x86-64")
    body = f"""
        page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
        page.write(bytes.fromhex("{machine_code.replace(" ", "")}"))
        result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    """
    [[value, error], _] = attack("ordinary user", body)
    assert value is None
    # SIGSEGV: a kernel without 32-bit calls.
    assert "SIGSYS" in error or "SIGSEGV" in error


def test_memory_has_a_limit_whatever_kind_it_is(account: str) -> None:
    fill = """
        held = []
        while True:
            {}
    """
    kinds = [
        "held.append(bytearray(1 << 20))",
        "held.append(mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)); held[-1].write(b'x' * (1 << 20))",
        # Pages of zeros that are only read take tables of pages.
        "held.append(mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=1)); [held[-1][n] for n in range(0, 1 << 30, 1 << 21)]",
        "held.append(socket.socketpair()); held[-1][0].setblocking(False); held[-1][0].send(b'x' * (1 << 17))",
        "held.append(os.pipe()); os.set_blocking(held[-1][1], False); os.write(held[-1][1], b'x' * (1 << 16))",
    ]
    outcomes = attack(account, *(fill.format(kind) for kind in kinds), "result = 'alive'")
    assert all(error for _, error in outcomes[: len(kinds)]), outcomes
    assert "HEADRACE_CODE_MEMORY_MIB" in outcomes[0][1]
    assert outcomes[len(kinds)] == ["alive", None]


def test_threads_have_a_limit(account: str) -> None:
    body = """
        import threading
        stop = threading.Event()
        threads = []
        try:
            while len(threads) < 1000:
                threads.append(threading.Thread(target=stop.wait))
                threads[-1].start()
        finally:
            stop.set()
        result = len(threads)
    """
    [[value, error], _] = attack(account, body)
    assert value is None
    assert "HEADRACE_CODE_MAX_THREADS" in error


@pytest.mark.parametrize(
    "body",
    [
        # Unlinked files
        """
        files = []
        while True:
            files.append(open("unlinked", "wb"))
            os.unlink("unlinked")
            files[-1].write(b"x" * (1 << 20))
            files[-1].flush()
        """,
        # Mapped unlinked files
        """
        maps = []
        while True:
            with open("mapped", "w+b") as file:
                file.truncate(1 << 20)
                maps.append(mmap.mmap(file.fileno(), 1 << 20))
                maps[-1].write(b"x" * (1 << 20))
            os.unlink("mapped")
        """,
        # Folders
        """
        for number in range(10**6):
            os.mkdir(f"folder-{number}")
        """,
    ],
)
def test_the_disk_has_a_limit_that_counts_every_file_and_folder(account: str, body: str) -> None:
    [[value, error], _] = attack(account, body)
    assert value is None
    # SIGBUS: a mapped file in the folder of limited size.
    assert "HEADRACE_CODE_MAX_FOLDER_MIB" in error or "SIGBUS" in error
