"""Limits of stored files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from headrace.settings import Settings


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The maximum size of a file, the size and number of a user's files, and the size of a file that is read into memory."""

    file_bytes: int
    user_bytes: int
    user_files: int
    read_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the operator's limits."""
        limits = settings.limits
        return cls(
            settings.storage.max_upload_bytes,
            limits.max_user_storage_bytes,
            limits.max_files,
            limits.max_file_read_bytes,
        )
