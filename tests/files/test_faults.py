"""A full disk, a vanished bucket, a closed database: a clear answer, nothing lost, and on it goes."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from headrace.app import create_app
from tests.clients import log_in
from tests.conftest import settings_for
from tests.databases import ADMIN_URL, postgres_database
from tests.flow_builder import echo_flow
from tests.process import running
from tests.s3_server import S3, s3_server
from tests.server import serving

MIB = 1 << 20
SMALL_DISK = 'mount -t tmpfs -o size=32m none "$0" && exec "$@"'


def uploaded(client: httpx2.Client, name: str, content: bytes) -> httpx2.Response:
    return client.post("/api/v2/files", files={"file": (name, content)})


def needs_mounts(folder: Path) -> None:
    tried = subprocess.run(["unshare", "-rm", "sh", "-c", SMALL_DISK, str(folder), "true"], capture_output=True)
    if tried.returncode:
        pytest.skip(f"no small disk can be mounted here: {tried.stderr.decode().strip()}")


def test_a_full_disk_loses_nothing_and_is_told(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare, which mounts the small disk")
    needs_mounts(tmp_path)
    before = ("unshare", "-rm", "sh", "-c", SMALL_DISK, str(tmp_path))
    with running(tmp_path, before=before) as (base, pid), httpx2.Client(base_url=base, timeout=60) as client:
        client.headers.update(log_in(base))
        flow = client.post("/api/v1/flows/", json={"name": "echo", "data": echo_flow()}).json()["id"]
        kept = uploaded(client, "kept.txt", b"kept")
        assert kept.status_code == 201
        refused = uploaded(client, "large.bin", b"x" * 64 * MIB)
        assert (refused.status_code, refused.json()["detail"][:20]) == (507, "The storage is full.")

        # What the server sees of its disk, seen from outside.
        disk = Path(f"/proc/{pid}/root{tmp_path}")
        ballast = disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"\0" * MIB):
                pass
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while file.write(b"\0" * 512):
                pass
        statuses = {
            client.post(f"/api/v1/run/{flow}", json={"input_value": "x" * 50_000}).status_code for _ in range(3)
        }
        assert statuses == {507}
        assert client.get(f"/api/v2/files/{kept.json()['id']}").text == "kept"
        ballast.unlink()

        assert client.post(f"/api/v1/run/{flow}", json={"input_value": "after"}).status_code == 200
        assert {m["text"] for m in client.get("/api/v1/monitor/messages").json()} == {"after"}
        assert [f["name"] for f in client.get("/api/v2/files").json()] == ["kept"]
        assert uploaded(client, "more.txt", b"more").status_code == 201
        assert list((disk / "files" / "parts").iterdir()) == []


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_vanished_bucket_is_told_and_used_again_once_it_is_back(tmp_path: Path, s3: S3) -> None:
    settings = settings_for(tmp_path, storage_type="s3")
    with serving(create_app(settings)) as base, httpx2.Client(base_url=base, timeout=60) as client:
        client.headers.update(log_in(base))
        file_id = uploaded(client, "doc.txt", b"in the bucket").json()["id"]
        assert client.get(f"/api/v2/files/{file_id}").text == "in the bucket"
        (key,) = s3.held()
        assert "doc" not in key
        s3.drop_bucket()
        for answer in (uploaded(client, "new.txt", b"x"), client.get(f"/api/v2/files/{file_id}")):
            assert answer.status_code == 503
            assert "bucket" in answer.json()["detail"]
        assert [f["name"] for f in client.get("/api/v2/files").json()] == ["doc"]
        s3.make_bucket()
        assert uploaded(client, "new.txt", b"back").status_code == 201
        assert client.delete(f"/api/v2/files/{file_id}").status_code == 200
        assert len(s3.held()) == 1


async def _admin(*statements: str) -> None:
    connection = await asyncpg.connect(ADMIN_URL, timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def test_a_closed_database_is_told_and_used_again_once_it_is_open(tmp_path: Path) -> None:
    with postgres_database() as url:
        name = url.rpartition("/")[2]
        with (
            serving(create_app(settings_for(tmp_path, url))) as base,
            httpx2.Client(base_url=base, timeout=60) as client,
        ):
            client.headers.update(log_in(base))
            flow = client.post("/api/v1/flows/", json={"name": "echo", "data": echo_flow()}).json()["id"]
            session = str(uuid.uuid4())
            said = {"input_value": "before", "session_id": session}
            assert client.post(f"/api/v1/run/{flow}", json=said).status_code == 200
            asyncio.run(
                _admin(
                    f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
                )
            )
            for answer in (
                client.get("/health_check"),
                client.get("/api/v1/flows/"),
                client.post(f"/api/v1/run/{flow}", json=said),
                uploaded(client, "doc.txt", b"x"),
            ):
                assert answer.status_code == 503
                assert "The database does not answer" in answer.json()["detail"]
            assert client.get("/health").status_code == 200
            asyncio.run(_admin(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
            assert client.post(f"/api/v1/run/{flow}", json={**said, "input_value": "after"}).status_code == 200
            texts = [m["text"] for m in client.get("/api/v1/monitor/messages", params={"session_id": session}).json()]
            assert texts == ["before", "before", "after", "after"]
            assert uploaded(client, "doc.txt", b"x").json()["name"] == "doc"
    assert [f for f in (tmp_path / "files").rglob("*") if f.is_file()][1:] == []
