"""Isolated code against the machine: each way out is closed, says so, and others' runs go on."""

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
from headrace.isolation import landlock
from tests.compat.test_people_code import People, changed, people_of, ran, saved, text_of, with_code
from tests.conftest import settings_for
from tests.server import serving
from tests.waiting import until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not landlock.version(ctypes.CDLL(None)), reason="this kernel has no Landlock"
)


class Strict(NamedTuple):
    """A server with small limits and no private address allowed, its folder, and people on it."""

    people: People
    folder: Path


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    folder = tmp_path_factory.mktemp("strict")
    settings = settings_for(
        folder, ssrf_allowed_hosts=[], code_memory=300, code_seconds=4, code_file_size=1, custom_code="everyone"
    )
    with serving(create_app(settings)) as base:
        yield from (Strict(people, folder) for people in people_of(base))


def source(body: str) -> str:
    """A component whose method runs `body`, `said` being what was said to it."""
    return changed(
        "from lfx.custom import Component\nfrom lfx.io import MessageTextInput, Output\nfrom lfx.schema.message import Message\n\n"
        "class Probe(Component):\n    display_name = 'Probe'\n"
        "    inputs = [MessageTextInput(name='input_value')]\n"
        "    outputs = [Output(name='output', method='build')]\n\n"
        "    def build(self) -> Message:\n        said = self.input_value\n"
        + textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
        + "\n        return Message(text=str(found))\n"
    )


def probe(client: httpx2.Client, body: str, said: str = "x") -> httpx2.Response:
    flow = saved(client, with_code(source(body), "Probe"))
    return ran(client, flow["id"], said)


def refused(answer: httpx2.Response) -> str:
    assert answer.status_code == 500, answer.text
    return str(answer.json()["detail"])


OWN_FOLDER = "may read and write files in its own folder alone, and start no processes"


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
def test_files_of_the_machine_are_closed(strict: Strict, path: str) -> None:
    told = refused(
        probe(
            strict.people.ada, "import os\nfound = os.listdir(said) if os.path.isdir(said) else open(said).read()", path
        )
    )
    assert "Permission denied" in told
    assert OWN_FOLDER in told


def test_the_database_and_everybodys_files_are_closed(strict: Strict) -> None:
    kept = strict.people.root.post("/api/v2/files/", files={"file": ("secret.txt", b"for root alone")}).json()
    files = [path for path in strict.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert any(path.read_bytes() == b"for root alone" for path in files)
    for path in files:
        assert "Permission denied" in refused(probe(strict.people.ada, "found = open(said, 'rb').read()", str(path)))
        assert "Permission denied" in refused(probe(strict.people.ada, "found = open(said, 'ab')", str(path)))
    told = refused(
        probe(
            strict.people.ada,
            "import sqlite3\nfound = sqlite3.connect(said).execute('select * from user')",
            str(files[0]),
        )
    )
    assert "unable to open database file" in told
    # By the name that the API gives it, it is not another user's either.
    told = refused(
        probe(
            strict.people.ada,
            "from lfx.utils.async_helpers import run_until_complete\nfound = run_until_complete(self.context.read_file(said))",
            kept["path"],
        )
    )
    assert "There is no file" in told
    assert [path for path in strict.folder.rglob("*") if path.is_file()] == files


def test_nothing_of_the_servers_environment_is_there(strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-operator")
    found = text_of(probe(strict.people.ada, "import os\nfound = sorted(os.environ)"))
    assert set(eval(found)) == {
        "HOME", "LANG", "MALLOC_ARENA_MAX", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "TMPDIR", "USER",
    }  # fmt: skip


def test_a_folder_of_its_own_is_open_and_goes_with_the_process(strict: Strict) -> None:
    body = """
        import os, pathlib, shutil, tempfile
        pathlib.Path('here.txt').write_text(said)
        shutil.copy2('here.txt', 'there.txt')
        with tempfile.TemporaryFile() as file:
            file.write(b'x')
        found = pathlib.Path('there.txt').read_text() + ' ' + os.getcwd()
    """
    text, folder = text_of(probe(strict.people.ada, body, "kept")).split()
    assert text == "kept"
    assert Path(folder).is_dir()
    # Another user's process has another folder, and this one is closed to it.
    assert "Permission denied" in refused(probe(strict.people.root, "found = open(said).read()", f"{folder}/here.txt"))


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
    "way",
    [
        "import socket\nfound = socket.create_connection((host, port), 5)",
        "import urllib.request\nfound = urllib.request.urlopen(f'http://[{host}]:{port}/' if ':' in host else f'http://{host}:{port}/')",
        "import asyncio\nfound = asyncio.run(asyncio.open_connection(host, port))",
    ],
)
def test_addresses_of_the_machine_and_its_network_are_closed(strict: Strict, host: str, port: int, way: str) -> None:
    told = refused(probe(strict.people.ada, f"host, port = {host!r}, {port}\n{way}"))
    assert f"{host} is a private or local address" in told
    assert "LANGFLOW_SSRF_ALLOWED_HOSTS" in told


@pytest.mark.parametrize(
    "body",
    [
        "import os\nfound = os.fork()",
        "import subprocess\nfound = subprocess.run(['/bin/true'])",
        "import os\nfound = os.execv('/bin/true', ['true'])",
        "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=print)\np.start()\nfound = p",
        "import os, signal\nfound = os.kill(os.getppid(), signal.SIGKILL)",
        "import os\nfound = os.kill(os.getpid(), 9)",
        "import resource\nfound = resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))",
        "import _socket\nfound = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)",
        "import _socket\nfound = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)",
        "import os\nfound = os.symlink('/etc/passwd', 'link') or open('link').read()",
        "import os\nfound = os.mknod('device', 0o600 | 0o060000, os.makedev(8, 0))",
        "import os\nfound = os.setpriority(os.PRIO_PROCESS, os.getppid(), 5)",
        "import os\nfound = os.sched_setaffinity(os.getppid(), {0})",
        "import os\nfound = os.truncate('/etc/hostname', 0)",
        "import os\nfound = os.memfd_create('unbounded')",
        "import fcntl, os\nfound = fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid())",
        "import fcntl, os\nfound = fcntl.fcntl(1, fcntl.F_SETSIG, 9)",
        "import fcntl, os\nfound = fcntl.ioctl(1, 0x8901, os.getppid().to_bytes(4, 'little'))",
    ],
)
def test_processes_signals_and_raw_sockets_are_closed(strict: Strict, body: str) -> None:
    told = refused(probe(strict.people.ada, body))
    assert any(words in told for words in ("Permission", "permitted", "not allowed", "no other sockets")), told


def test_the_c_librarys_own_calls_are_refused_too(strict: Strict) -> None:
    body = """
        import ctypes, os
        c = ctypes.CDLL(None, use_errno=True)
        def call(*arguments):
            result = c.syscall(*arguments)
            return os.strerror(ctypes.get_errno()) if result < 0 else 'done'
        by_machine = {'x86_64': (41, 57, 101, 425, 435), 'aarch64': (198, 220, 117, 425, 435)}
        socket, fork, ptrace, io_uring, clone3 = by_machine[os.uname().machine]
        found = [call(socket, 2, 1, 0), call(fork, 17, 0, 0, 0, 0), call(ptrace, 16, os.getppid(), 0, 0), call(io_uring, 8, 0),
                 call(clone3, 0, 0)]
    """
    assert text_of(probe(strict.people.ada, body)) == str(
        ["Operation not permitted"] * 4 + ["Function not implemented"]
    )


@pytest.mark.parametrize(
    "body",
    [
        "found = []\nwhile True:\n    found.append(bytearray(1 << 20))",
        "import mmap\nfound = []\nwhile True:\n    found.append(mmap.mmap(-1, 1 << 20))",
        "import mmap\nfound = [mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(1000)]",
    ],
)
def test_memory_has_an_end_and_the_next_run_is_well(strict: Strict, body: str) -> None:
    told = refused(probe(strict.people.ada, body))
    assert "more memory than the 300 MiB" in told
    assert "HEADRACE_CODE_MEMORY" in told
    assert text_of(probe(strict.people.ada, "found = said", "well")) == "well"


def test_a_file_has_a_largest_size(strict: Strict) -> None:
    told = refused(probe(strict.people.ada, "with open('big', 'wb') as f:\n    f.write(b'x' * (2 << 20))\nfound = 1"))
    assert "at most 1 MiB" in told


def test_a_folder_has_a_largest_size_too(strict: Strict) -> None:
    body = """
        import time
        for number in range(100):
            with open(f'part-{number}', 'wb') as file:
                file.write(b'x' * (1 << 20))
        while True:
            time.sleep(0.1)
        found = 1
    """
    assert "wrote more than 10 MiB" in refused(probe(strict.people.ada, body))


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    pass",
        # Holds the interpreter's lock all the time.
        "import re\nfound = re.match(r'(a+)+$', 'a' * 64 + 'b')",
    ],
)
def test_what_loops_for_ever_is_stopped_while_others_run(strict: Strict, body: str) -> None:
    outcome: list[str] = []
    looping = threading.Thread(target=lambda: outcome.append(refused(probe(strict.people.ada, f"{body}\nfound = 1"))))
    looping.start()
    others = 0
    while looping.is_alive():
        assert text_of(probe(strict.people.root, "found = said", "others")) == "others"
        others += 1
    assert others > 3
    assert "used the processor for 4 s in one call and was stopped" in outcome[0]
    assert text_of(probe(strict.people.ada, "found = said", "again")) == "again"


def test_an_async_method_that_never_waits_is_stopped(strict: Strict) -> None:
    code = source("while True:\n    pass\nfound = 1").replace("def build", "async def build")
    assert "was stopped" in refused(ran(strict.people.ada, saved(strict.people.ada, with_code(code, "Probe"))["id"]))


def test_a_process_that_ends_itself_says_so(strict: Strict) -> None:
    assert "ended by itself" in refused(probe(strict.people.ada, "import os\nfound = os._exit(3)"))
    assert "SIGABRT" in refused(probe(strict.people.ada, "import os\nfound = os.abort()"))


def test_what_loops_while_it_is_loaded_is_stopped_too(strict: Strict) -> None:
    answer = strict.people.ada.post("/api/v1/custom_component", json={"code": changed("while True:\n    pass")})
    assert answer.status_code >= 400
    assert "was stopped" in answer.text


def test_loading_waits_for_nothing_for_long(strict: Strict) -> None:
    sleeps = changed("import time\ntime.sleep(600)")
    answer = strict.people.ada.post("/api/v1/custom_component", json={"code": sleeps})
    assert (answer.status_code, "took longer than 4 s" in answer.text) == (400, True), answer.text
    assert text_of(probe(strict.people.ada, "found = said", "again")) == "again"


def test_a_thread_that_is_left_behind_does_not_run_for_ever(strict: Strict) -> None:
    left = """
        import os, threading
        def work():
            while True:
                pass
        threading.Thread(target=work, daemon=True).start()
        found = os.getpid()
    """
    process = psutil.Process(int(text_of(probe(strict.people.ada, left))))
    until(lambda: not process.is_running(), seconds=30)


def test_a_thread_that_waits_for_nothing_does_not_stay(strict: Strict) -> None:
    left = """
        import asyncio, os, time
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
        found = os.getpid()
    """
    code = source(left).replace("def build", "async def build")
    flow = saved(strict.people.ada, with_code(code, "Probe"))
    process = psutil.Process(int(text_of(ran(strict.people.ada, flow["id"]))))
    until(lambda: not process.is_running(), seconds=60)


def test_a_run_that_is_cancelled_takes_its_process_with_it(strict: Strict) -> None:
    whoami = "import os\nfound = os.getpid()"
    process = psutil.Process(int(text_of(probe(strict.people.ada, whoami))))
    flow = saved(strict.people.ada, with_code(source("import time\ntime.sleep(600)\nfound = 1"), "Probe"))
    asked = {"inputs": {"input_value": "x"}}
    job = strict.people.ada.post(f"/api/v1/build/{flow['id']}/flow", json=asked).json()["job_id"]
    until(lambda: process.num_threads() > 1)
    assert strict.people.ada.post(f"/api/v1/build/{job}/cancel").json()["success"] is True
    until(lambda: not process.is_running(), seconds=30)
    assert int(text_of(probe(strict.people.ada, whoami))) != process.pid


WAITS_FOR_A_WORD = """
import asyncio
await self.send_message(Message(text='begun', sender='Machine', sender_name='Probe'))
while True:
    try:
        found = await self.get_variables('GO')
        break
    except Exception:
        await asyncio.sleep(0.05)
"""


def test_there_is_room_for_so_many_users_and_idle_ones_make_room(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, code_workers=1, custom_code="everyone")
    with serving(create_app(settings)) as base:
        for root, ada, _ in people_of(base):
            waits = source(WAITS_FOR_A_WORD).replace("def build", "async def build")
            held, mine = saved(root, with_code(waits, "Probe")), saved(ada, with_code(source("found = said"), "Probe"))
            build = f"/api/v1/build/{held['id']}/flow"
            job = root.post(build, json={"inputs": {"input_value": "x", "session": "held"}}).json()["job_id"]
            said = "/api/v1/monitor/messages?session_id=held"
            until(lambda: "begun" in root.get(said).text)  # noqa: B023 - done within this round
            refusal = ran(ada, mine["id"])
            assert refusal.status_code == 429
            assert "HEADRACE_CODE_WORKERS" in refusal.text
            assert refusal.headers["retry-after"] == "1"
            go = {"name": "GO", "value": "went", "type": "Generic", "default_fields": []}
            assert root.post("/api/v1/variables/", json=go).status_code == 201
            events = root.get(f"/api/v1/build/{job}/events?event_delivery=streaming").text
            assert "went" in events
            assert text_of(ran(ada, mine["id"], "room")) == "room"


def test_users_do_not_see_each_others_process(strict: Strict) -> None:
    body = "import builtins\nfound = getattr(builtins, 'left_behind', None)\nbuiltins.left_behind = said"
    assert text_of(probe(strict.people.root, body, "roots")) == "None"
    assert text_of(probe(strict.people.ada, body, "adas")) == "None"


def test_what_is_said_to_the_server_is_taken_as_data(strict: Strict) -> None:
    """A worker that writes to its channel itself reaches nothing but its own run."""
    body = """
        import os
        for number in range(3, 256):
            try:
                os.write(number, b'\\0\\0\\0\\x05{"id"')
            except OSError:
                pass
        found = 1
    """
    assert "cannot read" in refused(probe(strict.people.ada, body))
    assert text_of(probe(strict.people.ada, "found = said", "again")) == "again"
