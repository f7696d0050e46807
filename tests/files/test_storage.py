"""Bytes are kept whole or not at all, in a folder and in a bucket."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from headrace.files.folder import FolderStorage
from headrace.files.s3 import S3Storage
from headrace.files.storage import LostFileError, Storage, StorageError, location
from tests.s3_server import BUCKET, S3, s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Storage:
    if request.param == "folder":
        return FolderStorage(tmp_path / "files")
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return S3Storage(bucket=BUCKET, prefix="files", tags={"team": "a"})


def a_place() -> str:
    return location(uuid.uuid4(), uuid.uuid4())


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(storage: Storage, at: str) -> bytes:
    return b"".join([chunk async for chunk in storage.read(at)])


@pytest.mark.parametrize("size", [0, 1, 3_000_000, 20_000_000])
def test_what_is_saved_is_read_and_what_is_removed_is_gone(storage: Storage, size: int) -> None:
    at, content = a_place(), bytes(range(256)) * (size // 256 + 1)

    async def live() -> None:
        assert await storage.save(at, pieces(content[: size // 2], content[size // 2 : size])) == size
        assert await read(storage, at) == content[:size]
        await storage.remove(at)
        with pytest.raises(LostFileError):
            await read(storage, at)
        await storage.remove(at)

    asyncio.run(live())


@pytest.mark.parametrize("before", [10, 20_000_000])
def test_an_upload_that_breaks_off_leaves_nothing(storage: Storage, s3: S3, tmp_path: Path, before: int) -> None:
    at = a_place()

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * before
        raise ConnectionResetError("the caller hung up")

    async def live() -> None:
        with pytest.raises(ConnectionResetError):
            await storage.save(at, broken())
        with pytest.raises(LostFileError):
            await read(storage, at)

    asyncio.run(live())
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == []
    assert s3.unfinished() == []


def test_objects_carry_the_operators_prefix_and_tags(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    at = a_place()
    asyncio.run(S3Storage(bucket=BUCKET, prefix="/mine/", tags={"team": "a"}).save(at, pieces(b"x")))
    assert f"mine/{at}" in s3.held()
    tags = s3.client.get_object_tagging(Bucket=BUCKET, Key=f"mine/{at}")["TagSet"]
    assert tags == [{"Key": "team", "Value": "a"}]


def test_a_bucket_that_is_not_there_is_told_without_its_keys(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**s3.environment, "AWS_SECRET_ACCESS_KEY": "hunter2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError, match="gone-bucket does not answer") as caught:
        asyncio.run(S3Storage(bucket="gone-bucket", prefix="", tags=None).save(a_place(), pieces(b"x")))
    assert "hunter2" not in caught.value.message
