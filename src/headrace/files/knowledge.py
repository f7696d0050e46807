"""Knowledge bases: a folder per user and base, with what is known of the base beside it.

A base's name is for people; where it lies follows from the owner's id and the name's SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID, uuid4

import orjson

METADATA_FILE = "metadata.json"


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """What is known of a base. `characters`, `words` and `chunks` count what is in it; `size` is bytes on the disk."""

    name: str
    embedding_provider: str = "Unknown"
    embedding_model: str = "Unknown"
    chunks: int = 0
    words: int = 0
    characters: int = 0
    size: int = 0

    @property
    def avg_chunk_size(self) -> float:
        """Characters a chunk."""
        return self.characters / self.chunks if self.chunks else 0.0


class KnowledgeBases:
    """Every owner's bases. All methods block: call them in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, owner: UUID, name: str) -> Path:
        """Return the folder of one of the owner's bases, whether or not it is there."""
        return self._root / str(owner) / hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def all_of(self, owner: UUID) -> list[KnowledgeBase]:
        """Return the owner's bases by name."""
        folder = self._root / str(owner)
        found = [_read(f) for f in folder.iterdir()] if folder.is_dir() else []
        return sorted((base for base in found if base is not None), key=lambda base: base.name)

    def one(self, owner: UUID, name: str) -> KnowledgeBase | None:
        """Return one of the owner's bases."""
        return _read(self.folder(owner, name))

    def keep(self, owner: UUID, base: KnowledgeBase) -> None:
        """Write down what is known of a base, whole or not at all; its folder is made where it is missing."""
        folder = self.folder(owner, base.name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f".{uuid4().hex}"
        draft.write_bytes(orjson.dumps({k: v for k, v in asdict(base).items() if k != "size"}))
        draft.replace(folder / METADATA_FILE)

    def remove(self, owner: UUID, name: str) -> bool:
        """Delete one of the owner's bases with all that is in it; return whether there was one."""
        folder = self.folder(owner, name)
        if not folder.is_dir():
            return False
        # Gone at once for everybody else, however long its files take.
        leaving = folder.with_name(f".{uuid4().hex}")
        folder.rename(leaving)
        shutil.rmtree(leaving)
        return True

    def remove_all(self, owner: UUID) -> None:
        """Delete all of an owner's bases."""
        shutil.rmtree(self._root / str(owner), ignore_errors=True)


def _read(folder: Path) -> KnowledgeBase | None:
    try:
        known = orjson.loads((folder / METADATA_FILE).read_bytes())
        size = sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())
        return KnowledgeBase(**known, size=size)
    except (OSError, orjson.JSONDecodeError, TypeError):
        return None
