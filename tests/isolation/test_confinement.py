"""Isolated code cannot reach files, processes or networks of the machine, and does not affect the runs of other users."""

from __future__ import annotations

import ctypes
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import psutil
import pytest

from headrace.app import create_app
from headrace.isolation.guest import landlock
from tests.conftest import settings_for
from tests.support.custom_code import (
    People,
    answer_text,
    create_flow,
    flow_with_code,
    open_clients,
    run_flow,
    unique_source,
)
from tests.support.server import serving
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not landlock.version(ctypes.CDLL(None)), reason="this kernel has no Landlock"
)


class Strict(NamedTuple):
    """Users of a server with low limits that blocks all private addresses, and the server's folder."""

    people: People
    folder: Path


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    folder = tmp_path_factory.mktemp("strict")
    settings = settings_for(
        folder,
        ssrf_allowed_hosts=[],
        code_memory=300,
        code_seconds=4,
        code_file_size=1,
        code_max_folder_mib=10,
        custom_code="everyone",
    )
    with serving(create_app(settings)) as base:
        yield from (Strict(people, folder) for people in open_clients(base))


def source(body: str) -> str:
    """Return a component whose method runs `body`; `text` is its input, and it assigns `result`."""
    return unique_source(
        "from lfx.custom import Component\nfrom lfx.io import MessageTextInput, Output\nfrom lfx.schema.message import Message\n\n"
        "class Probe(Component):\n    display_name = 'Probe'\n"
        "    inputs = [MessageTextInput(name='input_value')]\n"
        "    outputs = [Output(name='output', method='build')]\n\n"
        "    def build(self) -> Message:\n        text = self.input_value\n"
        + textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
        + "\n        return Message(text=str(result))\n"
    )


def probe(client: httpx2.Client, body: str, text: str = "x") -> httpx2.Response:
    flow = create_flow(client, flow_with_code(source(body), "Probe"))
    return run_flow(client, flow["id"], text)


def error_detail(answer: httpx2.Response) -> str:
    assert answer.status_code == 500, answer.text
    return str(answer.json()["detail"])


OWN_FOLDER = "may read and write files only in its own folder and cannot start processes"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/shadow",
        "/proc/self/environ",
        "/proc/1/environ",
        "/",
        "/root",
        "/tmp",
        "/var/run",
    ],
)
def test_code_cannot_read_files_of_the_machine(strict: Strict, path: str) -> None:
    detail = error_detail(
        probe(
            strict.people.ada,
            "import os\nresult = os.listdir(text) if os.path.isdir(text) else open(text).read()",
            path,
        )
    )
    assert OWN_FOLDER in detail


def test_code_cannot_open_the_database_or_uploaded_files(strict: Strict) -> None:
    upload = strict.people.root.post("/api/v2/files/", files={"file": ("secret.txt", b"for root alone")}).json()
    files = [path for path in strict.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert any(path.read_bytes() == b"for root alone" for path in files)
    for path in files:
        assert OWN_FOLDER in error_detail(probe(strict.people.ada, "result = open(text, 'rb').read()", str(path)))
        assert OWN_FOLDER in error_detail(probe(strict.people.ada, "result = open(text, 'ab')", str(path)))
    detail = error_detail(
        probe(
            strict.people.ada,
            "import sqlite3\nresult = sqlite3.connect(text).execute('select * from user')",
            str(files[0]),
        )
    )
    assert "unable to open database file" in detail
    # The API does not return another user's file either.
    detail = error_detail(
        probe(
            strict.people.ada,
            "from lfx.utils.async_helpers import run_until_complete\nresult = run_until_complete(self.context.read_file(text))",
            upload["path"],
        )
    )
    assert upload["path"] in detail
    assert "does not exist" in detail
    assert [path for path in strict.folder.rglob("*") if path.is_file()] == files


def test_code_sees_no_environment_variable_of_the_server(strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-operator")
    result = answer_text(probe(strict.people.ada, "import os\nresult = sorted(os.environ)"))
    assert set(eval(result)) == {
        "HOME", "LANG", "MALLOC_ARENA_MAX", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "TMPDIR", "USER",
    }  # fmt: skip


def test_code_can_use_a_working_folder_that_other_users_cannot_read(strict: Strict) -> None:
    body = """
        import os, pathlib, shutil, tempfile
        pathlib.Path('here.txt').write_text(text)
        shutil.copy2('here.txt', 'there.txt')
        with tempfile.TemporaryFile() as file:
            file.write(b'x')
        result = pathlib.Path('there.txt').read_text() + ' ' + os.getcwd()
    """
    text, folder = answer_text(probe(strict.people.ada, body, "hello")).split()
    assert text == "hello"
    assert Path(folder).is_dir()
    # The process of another user cannot read this folder.
    assert OWN_FOLDER in error_detail(probe(strict.people.root, "result = open(text).read()", f"{folder}/here.txt"))


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("127.0.0.1", 5432),
        ("localhost", 80),
        ("10.0.0.1", 80),
        ("192.168.0.1", 443),
        ("169.254.169.254", 80),
        ("::1", 80),
    ],
)
@pytest.mark.parametrize(
    "connect",
    [
        "import socket\nresult = socket.create_connection((host, port), 5)",
        "import urllib.request\nresult = urllib.request.urlopen(f'http://[{host}]:{port}/' if ':' in host else f'http://{host}:{port}/')",
        "import asyncio\nresult = asyncio.run(asyncio.open_connection(host, port))",
    ],
)
def test_code_cannot_connect_to_private_addresses(strict: Strict, host: str, port: int, connect: str) -> None:
    detail = error_detail(probe(strict.people.ada, f"host, port = {host!r}, {port}\n{connect}"))
    assert f"{host} is a private or local address" in detail
    assert "LANGFLOW_SSRF_ALLOWED_HOSTS" in detail


@pytest.mark.parametrize(
    "body",
    [
        "import os\nresult = os.fork()",
        "import subprocess\nresult = subprocess.run(['/bin/true'])",
        "import os\nresult = os.execv('/bin/true', ['true'])",
        "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=print)\np.start()\nresult = p",
        "import os, signal\nresult = os.kill(os.getppid(), signal.SIGKILL)",
        "import os\nresult = os.kill(os.getpid(), 9)",
        "import resource\nresult = resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))",
        "import _socket\nresult = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)",
        "import _socket\nresult = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)",
        "import os\nresult = os.symlink('/etc/passwd', 'link') or open('link').read()",
        "import os\nresult = os.mknod('device', 0o600 | 0o060000, os.makedev(8, 0))",
        "import os\nresult = os.setpriority(os.PRIO_PROCESS, os.getppid(), 5)",
        "import os\nresult = os.sched_setaffinity(os.getppid(), {0})",
        "import os\nresult = os.truncate('/etc/hostname', 0)",
        "import os\nresult = os.memfd_create('unbounded')",
        "import fcntl, os\nresult = fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid())",
        "import fcntl, os\nresult = fcntl.fcntl(1, fcntl.F_SETSIG, 9)",
        "import fcntl, os\nresult = fcntl.ioctl(1, 0x8901, os.getppid().to_bytes(4, 'little'))",
    ],
)
def test_code_cannot_use_processes_signals_or_raw_sockets(strict: Strict, body: str) -> None:
    detail = error_detail(probe(strict.people.ada, body))
    assert any(
        words in detail for words in ("Permission", "permitted", "not allowed", "no other sockets", "No such file")
    ), detail


def test_forbidden_system_calls_fail_through_the_c_library_too(strict: Strict) -> None:
    body = """
        import ctypes, os
        c = ctypes.CDLL(None, use_errno=True)
        def call(*arguments):
            result = c.syscall(*arguments)
            return os.strerror(ctypes.get_errno()) if result < 0 else 'done'
        by_machine = {'x86_64': (41, 57, 101, 425, 435), 'aarch64': (198, 220, 117, 425, 435)}
        socket, fork, ptrace, io_uring, clone3 = by_machine[os.uname().machine]
        result = [call(socket, 2, 1, 0), call(fork, 17, 0, 0, 0, 0), call(ptrace, 16, os.getppid(), 0, 0), call(io_uring, 8, 0),
                 call(clone3, 0, 0)]
    """
    assert answer_text(probe(strict.people.ada, body)) == str(
        ["Operation not permitted"] * 3 + ["Function not implemented"] * 2
    )


@pytest.mark.parametrize(
    "body",
    [
        "result = []\nwhile True:\n    result.append(bytearray(1 << 20))",
        "import mmap\nresult = []\nwhile True:\n    result.append(mmap.mmap(-1, 1 << 20))",
        "import mmap\nresult = [mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(1000)]",
    ],
)
def test_code_that_exceeds_the_memory_limit_fails_and_the_next_run_succeeds(strict: Strict, body: str) -> None:
    detail = error_detail(probe(strict.people.ada, body))
    assert "more memory than the 300 MiB" in detail
    assert "HEADRACE_CODE_MEMORY_MIB" in detail
    assert answer_text(probe(strict.people.ada, "result = text", "well")) == "well"


def test_a_file_has_a_maximum_size(strict: Strict) -> None:
    detail = error_detail(
        probe(strict.people.ada, "with open('big', 'wb') as f:\n    f.write(b'x' * (2 << 20))\nresult = 1")
    )
    assert "at most 1 MiB" in detail


def test_the_working_folder_has_a_maximum_size(strict: Strict) -> None:
    body = """
        import time
        for number in range(100):
            with open(f'part-{number}', 'wb') as file:
                file.write(b'x' * (1 << 20))
        while True:
            time.sleep(0.1)
        result = 1
    """
    detail = error_detail(probe(strict.people.ada, body))
    assert "10 MiB" in detail
    assert "HEADRACE_CODE_MAX_FOLDER_MIB" in detail


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    pass",
        # Holds the GIL all the time.
        "import re\nresult = re.match(r'(a+)+$', 'a' * 64 + 'b')",
    ],
)
def test_an_endless_loop_is_stopped_while_other_users_run(strict: Strict, body: str) -> None:
    outcome: list[str] = []
    looping = threading.Thread(
        target=lambda: outcome.append(error_detail(probe(strict.people.ada, f"{body}\nresult = 1")))
    )
    looping.start()
    others = 0
    while looping.is_alive():
        assert answer_text(probe(strict.people.root, "result = text", "others")) == "others"
        others += 1
    assert others > 3
    assert "used the processor for 4 s in one call and was stopped" in outcome[0]
    assert answer_text(probe(strict.people.ada, "result = text", "again")) == "again"


def test_an_async_method_that_never_waits_is_stopped(strict: Strict) -> None:
    code = source("while True:\n    pass\nresult = 1").replace("def build", "async def build")
    assert "was stopped" in error_detail(
        run_flow(strict.people.ada, create_flow(strict.people.ada, flow_with_code(code, "Probe"))["id"])
    )


def test_a_worker_that_exits_is_reported(strict: Strict) -> None:
    assert "ended by itself" in error_detail(probe(strict.people.ada, "import os\nresult = os._exit(3)"))
    assert "SIGABRT" in error_detail(probe(strict.people.ada, "import os\nresult = os.abort()"))


def test_an_endless_loop_at_load_time_is_stopped(strict: Strict) -> None:
    answer = strict.people.ada.post("/api/v1/custom_component", json={"code": unique_source("while True:\n    pass")})
    assert answer.status_code >= 400
    assert "was stopped" in answer.text


def test_loading_has_a_time_limit(strict: Strict) -> None:
    sleeps = unique_source("import time\ntime.sleep(600)")
    answer = strict.people.ada.post("/api/v1/custom_component", json={"code": sleeps})
    assert (answer.status_code, "took longer than 4 s" in answer.text) == (400, True), answer.text
    assert answer_text(probe(strict.people.ada, "result = text", "again")) == "again"


def test_a_background_thread_that_computes_is_stopped_after_the_run(strict: Strict) -> None:
    body = """
        import os, threading
        def work():
            while True:
                pass
        threading.Thread(target=work, daemon=True).start()
        result = os.getpid()
    """
    process = psutil.Process(int(answer_text(probe(strict.people.ada, body))))
    until(lambda: not process.is_running(), seconds=60)


def test_a_background_thread_that_sleeps_is_stopped_after_the_run(strict: Strict) -> None:
    body = """
        import asyncio, os, time
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
        result = os.getpid()
    """
    code = source(body).replace("def build", "async def build")
    flow = create_flow(strict.people.ada, flow_with_code(code, "Probe"))
    process = psutil.Process(int(answer_text(run_flow(strict.people.ada, flow["id"]))))
    until(lambda: not process.is_running(), seconds=60)


SLEEPS = """
import threading, time
for _ in range(3):
    threading.Thread(target=time.sleep, args=[600], daemon=True).start()
time.sleep(600)
result = 1
"""


def test_cancelling_a_run_stops_its_worker(strict: Strict) -> None:
    whoami = "import os\nresult = os.getpid()"
    process = psutil.Process(int(answer_text(probe(strict.people.ada, whoami))))
    flow = create_flow(strict.people.ada, flow_with_code(source(SLEEPS), "Probe"))
    threads = process.num_threads()
    inputs = {"inputs": {"input_value": "x"}}
    job = strict.people.ada.post(f"/api/v1/build/{flow['id']}/flow", json=inputs).json()["job_id"]
    # The threads of earlier work are idle: a new one shows that the code runs.
    until(lambda: process.num_threads() > threads + 1)
    assert strict.people.ada.post(f"/api/v1/build/{job}/cancel").json()["success"] is True
    until(lambda: not process.is_running(), seconds=30)
    assert int(answer_text(probe(strict.people.ada, whoami))) != process.pid


WAITS_FOR_VARIABLE = """
import asyncio
await self.send_message(Message(text='started', sender='Machine', sender_name='Probe'))
while True:
    try:
        result = await self.get_variables('GO')
        break
    except Exception:
        await asyncio.sleep(0.05)
"""


def test_a_user_waits_for_a_free_worker_and_idle_workers_are_replaced(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, code_workers=1, custom_code="everyone")
    with serving(create_app(settings)) as base:
        for root, ada, _ in open_clients(base):
            waits = source(WAITS_FOR_VARIABLE).replace("def build", "async def build")
            waiting_flow, quick_flow = (
                create_flow(root, flow_with_code(waits, "Probe")),
                create_flow(ada, flow_with_code(source("result = text"), "Probe")),
            )
            build = f"/api/v1/build/{waiting_flow['id']}/flow"
            job = root.post(build, json={"inputs": {"input_value": "x", "session": "waiting"}}).json()["job_id"]
            messages_url = "/api/v1/monitor/messages?session_id=waiting"
            until(lambda: "started" in root.get(messages_url).text)  # noqa: B023 - done within this round
            refusal = run_flow(ada, quick_flow["id"])
            assert refusal.status_code == 429
            assert "HEADRACE_CODE_MAX_WORKERS" in refusal.text
            assert refusal.headers["retry-after"] == "1"
            go = {"name": "GO", "value": "went", "type": "Generic", "default_fields": []}
            assert root.post("/api/v1/variables/", json=go).status_code == 201
            events = root.get(f"/api/v1/build/{job}/events?event_delivery=streaming").text
            assert "went" in events
            assert answer_text(run_flow(ada, quick_flow["id"], "room")) == "room"


def test_users_do_not_share_a_process(strict: Strict) -> None:
    body = "import builtins\nresult = getattr(builtins, 'left_behind', None)\nbuiltins.left_behind = text"
    assert answer_text(probe(strict.people.root, body, "roots")) == "None"
    assert answer_text(probe(strict.people.ada, body, "adas")) == "None"


def test_invalid_bytes_from_a_worker_fail_only_its_own_run(strict: Strict) -> None:
    """A worker that writes to its channel itself affects only its own run."""
    body = """
        import os
        for number in range(3, 256):
            try:
                os.write(number, b'\\0\\0\\0\\x05{"id"')
            except OSError:
                pass
        result = 1
    """
    assert "cannot read" in error_detail(probe(strict.people.ada, body))
    assert answer_text(probe(strict.people.ada, "result = text", "again")) == "again"
