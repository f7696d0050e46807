"""Listing, reading and deleting knowledge bases."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from headrace.app import create_app
from headrace.db.quotas import QuotaError
from headrace.services.knowledge_bases import KnowledgeBase, KnowledgeBases
from tests.conftest import settings_for
from tests.support.clients import signed_in

ADDRESS = "/api/v1/knowledge_bases"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx2.Client]:
    with signed_in(create_app(settings_for(tmp_path, knowledge_bases_dir=tmp_path / "kb"))) as client:
        yield client


@pytest.fixture
def bases(client: httpx2.Client, tmp_path: Path) -> KnowledgeBases:
    """Return the caller's knowledge bases, whose names are not safe as paths."""
    knowledge_bases = KnowledgeBases(tmp_path / "kb", 10**9)
    owner = uuid.UUID(client.get("/api/v1/users/whoami").json()["id"])
    for name in ("manuals", "..", "über uns", "a\\b"):
        knowledge_bases.save(
            owner, KnowledgeBase(name, "OpenAI", "text-embedding-3-small", chunks=4, words=10, characters=100)
        )
        (knowledge_bases.folder(owner, name) / "index.bin").write_bytes(b"x" * 1000)
    return knowledge_bases


def test_knowledge_bases_are_listed_with_their_metadata(client: httpx2.Client, bases: KnowledgeBases) -> None:
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


def test_deleting_a_knowledge_base_deletes_only_its_folder(
    client: httpx2.Client, bases: KnowledgeBases, tmp_path: Path
) -> None:
    response = client.delete(f"{ADDRESS}/%C3%BCber%20uns")
    assert response.json() == {"message": "Knowledge base 'über uns' deleted successfully"}
    missing = client.delete(f"{ADDRESS}/none")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Knowledge base 'none' not found"})
    deletion = client.request("DELETE", ADDRESS, json={"kb_names": ["..", "a\\b", "none"]}).json()
    assert deletion == {
        "message": "Successfully deleted 2 knowledge base(s)",
        "deleted_count": 2,
        "not_found": "none",
    }
    assert client.request("DELETE", f"{ADDRESS}/", json={"kb_names": ["none"]}).status_code == 404
    assert [b["name"] for b in client.get(ADDRESS).json()] == ["manuals"]
    (owner,) = (tmp_path / "kb").iterdir()
    assert len(list(owner.iterdir())) == 1


def test_knowledge_bases_beyond_the_quota_are_refused_with_the_setting(tmp_path: Path) -> None:
    bases, owner = KnowledgeBases(tmp_path / "kb", 10_000), uuid4()
    bases.save(owner, KnowledgeBase("notes"))
    (bases.folder(owner, "notes") / "vectors").write_bytes(b"x" * 9_900)
    with pytest.raises(QuotaError, match="HEADRACE_MAX_USER_KNOWLEDGE_BASE_MIB"):
        bases.save(owner, KnowledgeBase("more"))
    bases.save(uuid4(), KnowledgeBase("of another user"))
    bases.remove(owner, "notes")
    bases.save(owner, KnowledgeBase("more"))
