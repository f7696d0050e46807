"""Storage in a folder and in a bucket saves a file completely or not at all."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from headrace.storage.local import LocalStorage
from headrace.storage.s3 import S3Storage
from headrace.storage.storage import MissingBlobError, Storage, StorageError, blob_path
from tests.support.s3_server import BUCKET, S3, s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Storage:
    if request.param == "folder":
        return LocalStorage(tmp_path / "files")
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return S3Storage(bucket=BUCKET, prefix="files", tags={"team": "a"})


def new_path() -> str:
    return blob_path(uuid.uuid4(), uuid.uuid4())


async def chunks_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(storage: Storage, path: str) -> bytes:
    return b"".join([chunk async for chunk in storage.read(path)])


@pytest.mark.parametrize("size", [0, 1, 3_000_000, 20_000_000])
def test_saved_bytes_are_read_until_they_are_removed(storage: Storage, size: int) -> None:
    path, content = new_path(), bytes(range(256)) * (size // 256 + 1)

    async def save_and_remove() -> None:
        assert await storage.save(path, chunks_of(content[: size // 2], content[size // 2 : size])) == size
        assert await read(storage, path) == content[:size]
        await storage.remove(path)
        with pytest.raises(MissingBlobError):
            await read(storage, path)
        await storage.remove(path)

    asyncio.run(save_and_remove())


@pytest.mark.parametrize("before", [10, 20_000_000])
def test_an_interrupted_upload_leaves_nothing(storage: Storage, s3: S3, tmp_path: Path, before: int) -> None:
    path = new_path()

    async def failing_chunks() -> AsyncIterator[bytes]:
        yield b"x" * before
        raise ConnectionResetError("the client disconnected")

    async def save_and_read() -> None:
        with pytest.raises(ConnectionResetError):
            await storage.save(path, failing_chunks())
        with pytest.raises(MissingBlobError):
            await read(storage, path)

    asyncio.run(save_and_read())
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == []
    assert s3.unfinished() == []


def test_objects_carry_the_operators_prefix_and_tags(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    path = new_path()
    asyncio.run(S3Storage(bucket=BUCKET, prefix="/mine/", tags={"team": "a"}).save(path, chunks_of(b"x")))
    assert f"mine/{path}" in s3.held()
    tags = s3.client.get_object_tagging(Bucket=BUCKET, Key=f"mine/{path}")["TagSet"]
    assert tags == [{"Key": "team", "Value": "a"}]


def test_the_error_for_a_missing_bucket_contains_no_credentials(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**s3.environment, "AWS_SECRET_ACCESS_KEY": "hunter2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError, match="gone-bucket does not answer") as raised:
        asyncio.run(S3Storage(bucket="gone-bucket", prefix="", tags=None).save(new_path(), chunks_of(b"x")))
    assert "hunter2" not in raised.value.message
