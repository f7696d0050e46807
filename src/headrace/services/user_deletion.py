"""Deletion of a user with everything that the user owns."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from headrace.auth.authenticator import User
    from headrace.services.knowledge_bases import KnowledgeBases
    from headrace.storage.files import FileService


class UserDeletion:
    """Deletes users from the database, the file storage, the knowledge bases and the folder of linked files."""

    def __init__(self, files: FileService, knowledge_bases: KnowledgeBases, flows_folder: Path) -> None:
        self._files = files
        self._knowledge_bases = knowledge_bases
        self._flows_folder = flows_folder

    async def delete_user(self, caller: User, user_id: UUID) -> None:
        """Delete a user with all flows, files, knowledge bases, messages, API keys and variables.

        Raises:
            BadRequestError: The user is the caller.
            NotFoundError: No user has this id.

        """
        if user_id == caller.id:
            raise BadRequestError("You can't delete your own user account")
        was_deleted = await self._files.remove_user(user_id)
        await asyncio.to_thread(self._knowledge_bases.remove_all, user_id)
        # Does not follow a symbolic link.
        await asyncio.to_thread(shutil.rmtree, self._flows_folder / str(user_id), ignore_errors=True)
        if not was_deleted:
            raise NotFoundError("User not found")
