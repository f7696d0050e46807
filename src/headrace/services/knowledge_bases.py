"""Knowledge bases: one folder per owner and knowledge base, with a metadata file in it.

Paths contain only the owner's id and the SHA-256 of the name, so that a name cannot point outside the root folder.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID, uuid4

import orjson

from headrace.db.quotas import QuotaError
from headrace.errors import NotFoundError
from headrace.limits.byte_budget import readable_size

METADATA_FILE = "metadata.json"


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """Metadata of a knowledge base: counts of its content, and its `size` on disk in bytes."""

    name: str
    embedding_provider: str = "Unknown"
    embedding_model: str = "Unknown"
    chunks: int = 0
    words: int = 0
    characters: int = 0
    size: int = 0

    @property
    def avg_chunk_size(self) -> float:
        """The average number of characters per chunk."""
        return self.characters / self.chunks if self.chunks else 0.0


@dataclass(frozen=True, slots=True)
class BatchDeletion:
    """The names of deleted knowledge bases, and the names that did not exist."""

    deleted: list[str]
    missing: list[str]


class KnowledgeBases:
    """Reads and writes the knowledge bases of each owner. All methods block: call them in a thread."""

    def __init__(self, root: Path, max_user_bytes: int) -> None:
        """Use a folder.

        Args:
            root: the folder of all knowledge bases.
            max_user_bytes: the maximum size of an owner's knowledge bases in bytes.

        """
        self._root = root
        self._max_user_bytes = max_user_bytes

    def folder(self, owner: UUID, name: str) -> Path:
        """Return the folder of a knowledge base, which may not exist."""
        return self._root / str(owner) / hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def list(self, owner: UUID) -> list[KnowledgeBase]:
        """Return the owner's knowledge bases, sorted by name."""
        folder = self._root / str(owner)
        bases = [_read(f) for f in folder.iterdir()] if folder.is_dir() else []
        return sorted((base for base in bases if base is not None), key=lambda base: base.name)

    def get(self, owner: UUID, name: str) -> KnowledgeBase | None:
        """Return one of the owner's knowledge bases, or None."""
        return _read(self.folder(owner, name))

    def save(self, owner: UUID, base: KnowledgeBase) -> None:
        """Write the metadata of a knowledge base atomically, creating its folder if missing.

        Raises:
            QuotaError: the owner's knowledge bases would be too large.

        """
        folder = self.folder(owner, base.name)
        metadata = orjson.dumps({k: v for k, v in asdict(base).items() if k != "size"})
        self.check_quota(owner, len(metadata))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = folder / f".{uuid4().hex}"
        temporary.write_bytes(metadata)
        temporary.replace(folder / METADATA_FILE)

    def check_quota(self, owner: UUID, added: int) -> None:
        """Check that `added` bytes may be written to an owner's knowledge bases.

        Raises:
            QuotaError: they would be too large.

        """
        size = _size_of(self._root / str(owner)) + added
        if size > self._max_user_bytes:
            raise QuotaError(
                f"Your knowledge bases would take {readable_size(size)}; at most {readable_size(self._max_user_bytes)} are allowed",
                "knowledge bases",
                "HEADRACE_MAX_USER_KNOWLEDGE_BASE_MIB",
            )

    def remove(self, owner: UUID, name: str) -> bool:
        """Delete one of the owner's knowledge bases with its content; return whether it existed."""
        folder = self.folder(owner, name)
        if not folder.is_dir():
            return False
        # Renaming first makes the deletion atomic for readers.
        doomed = folder.with_name(f".{uuid4().hex}")
        folder.rename(doomed)
        shutil.rmtree(doomed)
        return True

    def remove_many(self, owner: UUID, names: Iterable[str]) -> BatchDeletion:
        """Delete several of the owner's knowledge bases with their content.

        Raises:
            NotFoundError: The owner has none of them.

        """
        deletion = BatchDeletion([], [])
        for name in dict.fromkeys(names):
            (deletion.deleted if self.remove(owner, name) else deletion.missing).append(name)
        if not deletion.deleted:
            raise NotFoundError(f"Knowledge bases not found: {', '.join(deletion.missing)}")
        return deletion

    def remove_all(self, owner: UUID) -> None:
        """Delete all of an owner's knowledge bases."""
        shutil.rmtree(self._root / str(owner), ignore_errors=True)


def _read(folder: Path) -> KnowledgeBase | None:
    try:
        metadata = orjson.loads((folder / METADATA_FILE).read_bytes())
        return KnowledgeBase(**metadata, size=_size_of(folder))
    except (OSError, orjson.JSONDecodeError, TypeError):
        return None


def _size_of(folder: Path) -> int:
    return sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())
