"""Files of the OpenAI API, which are the owner's own files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, get_args
from typing import Literal as OneOf
from uuid import UUID

from headrace.db import files
from headrace.formats.openai.errors import ObjectNotFoundError, ParameterError
from headrace.runs.tweaks import MAX_FILES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import RowMapping

    from headrace.db.database import Database
    from headrace.storage.files import FileService

#: The prefix of the ids of files.
FILE_PREFIX = "file-"
#: The purposes of an upload.
Purpose = OneOf["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
PURPOSES: tuple[str, ...] = get_args(Purpose)
#: The purpose of a file that was uploaded otherwise.
DEFAULT_PURPOSE = "user_data"


def public_id(file_id: UUID) -> str:
    """Return the id of a file in the OpenAI API."""
    return f"{FILE_PREFIX}{file_id.hex}"


class OpenAIFileService:
    """Reads and writes the files that users own directly, by the ids of the OpenAI API."""

    def __init__(self, database: Database, files_: FileService) -> None:
        self._database = database
        self._files = files_

    async def create(
        self, owner: UUID, name: str, chunks: AsyncIterator[bytes], purpose: Callable[[], str | None]
    ) -> RowMapping:
        """Store a file and return its row. A name in use gets a number.

        Args:
            owner: the file's owner.
            name: the file's name.
            chunks: the file's bytes.
            purpose: returns the purpose. It is called after the last chunk, since the form may end with it.

        Raises:
            ParameterError: The purpose is missing or unknown; nothing is stored.

        """
        row = await self._files.add(owner, name, chunks)
        try:
            stated = check_purpose(purpose())
        except ParameterError:
            await self._files.remove(owner, [row["id"]])
            raise
        changed = await self._database.write(lambda c: files.change(c, owner, row["id"], {"purpose": stated}))
        if changed is None:
            raise ObjectNotFoundError("file", public_id(row["id"]))
        return changed

    async def list_files(self, owner: UUID, purpose: str | None) -> Sequence[RowMapping]:
        """Return the owner's files, oldest first; with a purpose, only those."""
        async with self._database.connect() as connection:
            rows = await files.list_(connection, owner)
        return [row for row in rows if purpose is None or (row["purpose"] or DEFAULT_PURPOSE) == purpose]

    async def get(self, owner: UUID, file_id: str) -> RowMapping:
        """Return one of the owner's files.

        Raises:
            ObjectNotFoundError: The owner has no such file.

        """
        rows = await self._rows(owner, [file_id])
        if not rows:
            raise ObjectNotFoundError("file", file_id)
        return rows[0]

    async def delete(self, owner: UUID, file_id: str) -> None:
        """Delete one of the owner's files.

        Raises:
            ObjectNotFoundError: The owner has no such file.

        """
        row = await self.get(owner, file_id)
        await self._files.remove(owner, [row["id"]])

    async def paths(self, owner: UUID, file_ids: Iterable[str]) -> dict[str, str]:
        """Return the paths of the owner's files among `file_ids`, by which flows refer to them."""
        ids = list(dict.fromkeys(file_ids))
        return {public_id(row["id"]): row["path"] for row in await self._rows(owner, ids)} if ids else {}

    async def request_paths(self, owner: UUID, file_ids: Sequence[str], parameter: str) -> dict[str, str]:
        """Return the paths of the files in a request, by id.

        Args:
            owner: the owner of the files.
            file_ids: the ids, each as often as the request refers to the file, since each part is read.
            parameter: the parameter of the request that contains them, for errors.

        Raises:
            ParameterError: There are too many.
            ObjectNotFoundError: The owner has no such file.

        """
        if len(file_ids) > MAX_FILES:
            raise ParameterError(
                parameter,
                f"'{parameter}' has {len(file_ids)} files; at most {MAX_FILES} are allowed. Send fewer in a request.",
            )
        paths = await self.paths(owner, file_ids)
        for file_id in file_ids:
            if file_id not in paths:
                raise ObjectNotFoundError("file", file_id, parameter)
        return paths

    async def _rows(self, owner: UUID, file_ids: Sequence[str]) -> Sequence[RowMapping]:
        ids = [file_id for text in file_ids if (file_id := _parse_id(text)) is not None]
        async with self._database.connect() as connection:
            return await files.get_many(connection, owner, ids)


def check_purpose(purpose: str | None) -> str:
    """Return a purpose that is known.

    Raises:
        ParameterError: It is missing or unknown.

    """
    if purpose is None:
        raise ParameterError("purpose", "Missing required parameter: 'purpose'.", "missing_required_parameter")
    if purpose not in PURPOSES:
        raise ParameterError("purpose", f"'purpose' must be one of {', '.join(PURPOSES)}.")
    return purpose


def _parse_id(text: str) -> UUID | None:
    digits = text.removeprefix(FILE_PREFIX)
    if not text.startswith(FILE_PREFIX) or len(digits) != 32:
        return None
    try:
        return UUID(hex=digits)
    except ValueError:
        return None
