"""A full disk, a missing bucket and an unavailable database are reported, and the server recovers."""

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
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.databases import ADMIN_URL, postgres_database
from tests.support.flow_builder import echo_flow
from tests.support.process import running
from tests.support.s3_server import S3, s3_server
from tests.support.server import serving

MIB = 1 << 20
SMALL_DISK = 'mount -t tmpfs -o size=32m none "$0" && exec "$@"'


def upload_file(client: httpx2.Client, name: str, content: bytes) -> httpx2.Response:
    return client.post("/api/v2/files", files={"file": (name, content)})


def skip_without_mounts(folder: Path) -> None:
    result = subprocess.run(["unshare", "-rm", "sh", "-c", SMALL_DISK, str(folder), "true"], capture_output=True)
    if result.returncode:
        pytest.skip(f"a small disk cannot be mounted: {result.stderr.decode().strip()}")


def test_a_full_disk_is_reported_and_loses_nothing(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is missing, which mounts the small disk")
    skip_without_mounts(tmp_path)
    before = ("unshare", "-rm", "sh", "-c", SMALL_DISK, str(tmp_path))
    with running(tmp_path, before=before) as (base, pid), httpx2.Client(base_url=base, timeout=60) as client:
        client.headers.update(log_in(base))
        flow = client.post("/api/v1/flows/", json={"name": "echo", "data": echo_flow()}).json()["id"]
        file_before = upload_file(client, "kept.txt", b"kept")
        assert file_before.status_code == 201
        rejected = upload_file(client, "large.bin", b"x" * 64 * MIB)
        assert (rejected.status_code, rejected.json()["detail"][:20]) == (507, "The storage is full.")

        # The server's disk, as seen from outside its mount namespace.
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
        assert client.get(f"/api/v2/files/{file_before.json()['id']}").text == "kept"
        ballast.unlink()

        assert client.post(f"/api/v1/run/{flow}", json={"input_value": "after"}).status_code == 200
        assert {m["text"] for m in client.get("/api/v1/monitor/messages").json()} == {"after"}
        assert [f["name"] for f in client.get("/api/v2/files").json()] == ["kept"]
        assert upload_file(client, "more.txt", b"more").status_code == 201
        assert list((disk / "files" / "parts").iterdir()) == []


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_missing_bucket_is_reported_and_used_again_after_its_return(tmp_path: Path, s3: S3) -> None:
    settings = settings_for(tmp_path, storage_type="s3")
    with serving(create_app(settings)) as base, httpx2.Client(base_url=base, timeout=60) as client:
        client.headers.update(log_in(base))
        file_id = upload_file(client, "doc.txt", b"in the bucket").json()["id"]
        assert client.get(f"/api/v2/files/{file_id}").text == "in the bucket"
        (key,) = s3.held()
        assert "doc" not in key
        s3.drop_bucket()
        for response in (upload_file(client, "new.txt", b"x"), client.get(f"/api/v2/files/{file_id}")):
            assert response.status_code == 503
            assert "bucket" in response.json()["detail"]
        assert [f["name"] for f in client.get("/api/v2/files").json()] == ["doc"]
        s3.make_bucket()
        assert upload_file(client, "new.txt", b"back").status_code == 201
        assert client.delete(f"/api/v2/files/{file_id}").status_code == 200
        assert len(s3.held()) == 1


async def _admin(*statements: str) -> None:
    connection = await asyncpg.connect(ADMIN_URL, timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def test_an_unavailable_database_is_reported_and_used_again_after_its_return(tmp_path: Path) -> None:
    with postgres_database() as url:
        name = url.rpartition("/")[2]
        with (
            serving(create_app(settings_for(tmp_path, url))) as base,
            httpx2.Client(base_url=base, timeout=60) as client,
        ):
            client.headers.update(log_in(base))
            flow = client.post("/api/v1/flows/", json={"name": "echo", "data": echo_flow()}).json()["id"]
            session = str(uuid.uuid4())
            body = {"input_value": "before", "session_id": session}
            assert client.post(f"/api/v1/run/{flow}", json=body).status_code == 200
            asyncio.run(
                _admin(
                    f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
                )
            )
            for response in (
                client.get("/health_check"),
                client.get("/api/v1/flows/"),
                client.post(f"/api/v1/run/{flow}", json=body),
                upload_file(client, "doc.txt", b"x"),
            ):
                assert response.status_code == 503
                assert "The database does not answer" in response.json()["detail"]
            assert client.get("/health").status_code == 200
            asyncio.run(_admin(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
            assert client.post(f"/api/v1/run/{flow}", json={**body, "input_value": "after"}).status_code == 200
            texts = [m["text"] for m in client.get("/api/v1/monitor/messages", params={"session_id": session}).json()]
            assert texts == ["before", "before", "after", "after"]
            assert upload_file(client, "doc.txt", b"x").json()["name"] == "doc"
    assert [f for f in (tmp_path / "files").rglob("*") if f.is_file()][1:] == []
