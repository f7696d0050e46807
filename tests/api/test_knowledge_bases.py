"""Knowledge bases are listed, read and deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.files.knowledge import KnowledgeBase, KnowledgeBases
from tests.clients import signed_in
from tests.conftest import settings_for

ADDRESS = "/api/v1/knowledge_bases"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx2.Client]:
    with signed_in(create_app(settings_for(tmp_path, knowledge_bases_dir=tmp_path / "kb"))) as client:
        yield client


@pytest.fixture
def bases(client: httpx2.Client, tmp_path: Path) -> KnowledgeBases:
    """Bases of the caller under names that no path would take."""
    kept = KnowledgeBases(tmp_path / "kb")
    owner = uuid.UUID(client.get("/api/v1/users/whoami").json()["id"])
    for name in ("manuals", "..", "über uns", "a\\b"):
        kept.keep(owner, KnowledgeBase(name, "OpenAI", "text-embedding-3-small", chunks=4, words=10, characters=100))
        (kept.folder(owner, name) / "index.bin").write_bytes(b"x" * 1000)
    return kept


def test_bases_are_listed_with_what_is_in_them(client: httpx2.Client, bases: KnowledgeBases) -> None:
    listed = client.get(ADDRESS).json()
    assert [b["name"] for b in listed] == ["..", "a\\b", "manuals", "über uns"]
    assert listed == client.get(f"{ADDRESS}/").json()
    manuals = client.get(f"{ADDRESS}/manuals").json()
    assert manuals.pop("size") > 1000
    assert manuals == {
        "id": "manuals",
        "name": "manuals",
        "embedding_provider": "OpenAI",
        "embedding_model": "text-embedding-3-small",
        "words": 10,
        "characters": 100,
        "chunks": 4,
        "avg_chunk_size": 25.0,
    }


def test_a_base_is_deleted_with_its_folder_and_nothing_else(
    client: httpx2.Client, bases: KnowledgeBases, tmp_path: Path
) -> None:
    answer = client.delete(f"{ADDRESS}/%C3%BCber%20uns")
    assert answer.json() == {"message": "Knowledge base 'über uns' deleted successfully"}
    missing = client.delete(f"{ADDRESS}/none")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Knowledge base 'none' not found"})
    many = client.request("DELETE", ADDRESS, json={"kb_names": ["..", "a\\b", "none"]}).json()
    assert many == {
        "message": "Successfully deleted 2 knowledge base(s)",
        "deleted_count": 2,
        "not_found": "none",
    }
    assert client.request("DELETE", f"{ADDRESS}/", json={"kb_names": ["none"]}).status_code == 404
    assert [b["name"] for b in client.get(ADDRESS).json()] == ["manuals"]
    (owner,) = (tmp_path / "kb").iterdir()
    assert len(list(owner.iterdir())) == 1
