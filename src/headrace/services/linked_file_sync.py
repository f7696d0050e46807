"""Reads flows back from their linked files when the files change on disk."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.db import flows, linked_files
from headrace.errors import BadRequestError, ConflictError, ContentTooLargeError, HeadraceError, UnprocessableError
from headrace.limits.account import Account, current_account
from headrace.limits.byte_budget import ByteLimitError
from headrace.services.hidden_values import restore_hidden
from headrace.services.linked_files import digest_of, names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.runs.runner import Runner
    from headrace.services.flows import FlowService
    from headrace.services.linked_files import LinkedFileSource
    from headrace.storage.confined_folder import FileVersion

log = logging.getLogger(__name__)

#: Errors of a file. Others, such as a full budget, say nothing about it, and the next check reads it again.
_FILE_ERRORS = (BadRequestError, UnprocessableError, ContentTooLargeError, ConflictError)


class _SupersededError(Exception):
    """Another process has read the file, or the flow was saved, in the meantime."""


class LinkedFileSync:
    """Looks for changed files at an interval, so that no request pays for it.

    Several processes may do so at once: a change is stored only if the flow's file still has the digest that the process
    compared it with.
    """

    def __init__(
        self,
        database: Database,
        flow_service: FlowService,
        runner: Runner,
        source: LinkedFileSource,
        interval_seconds: float,
    ) -> None:
        """Create the service; `start` starts it.

        Args:
            database: the database with the flows.
            flow_service: stores the changes.
            runner: opens the budgets that the parsed files count against.
            source: where the files are, and how they are read.
            interval_seconds: the time between two checks.

        """
        self._database = database
        self._flows = flow_service
        self._runner = runner
        self._source = source
        self._interval_seconds = interval_seconds
        #: The version of each flow's file that was examined last, and the digest that it was compared with.
        self._examined: dict[UUID, tuple[FileVersion, str]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to look for changes."""
        self._task = asyncio.create_task(self._watch(), name="linked-files")

    async def stop(self) -> None:
        """Stop looking for changes."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._interval_seconds)
            try:
                await self.read_changes()
            except Exception:
                log.exception("The linked files of flows cannot be read. The next check tries again.")

    async def read_changes(self) -> None:
        """Store the content of all linked files that have changed on disk since they were written or read."""
        async with self._database.connect() as connection:
            links = await linked_files.list_all(connection)
        self._examined = {i: e for i, e in self._examined.items() if i in {link["flow_id"] for link in links}}
        for link, version in await asyncio.to_thread(self._changed, links):
            token = current_account.set(Account(str(link["user_id"])))
            try:
                await self._read(link, version)
            except Exception:
                log.exception("The file %s of flow %s cannot be read.", link["path"], link["flow_id"])
            finally:
                current_account.reset(token)

    def _changed(self, links: Sequence[RowMapping]) -> list[tuple[RowMapping, FileVersion]]:
        """Return the links whose files are newer than their flows, with the files' versions. A missing file is ignored."""
        changed: list[tuple[RowMapping, FileVersion]] = []
        for link in links:
            try:
                version = self._source.folder.find_version(names_of(link["user_id"], link["path"]))
            except HeadraceError as error:
                log.warning("The file %s of flow %s cannot be read: %s", link["path"], link["flow_id"], error.message)
                continue
            if version is None or version.changed_ns <= link["changed_ns"]:
                continue
            if self._examined.get(link["flow_id"]) != (version, link["digest"]):
                changed.append((link, version))
        return changed

    async def _read(self, link: RowMapping, version: FileVersion) -> None:
        try:
            try:
                content, version = await asyncio.to_thread(
                    self._source.folder.read, names_of(link["user_id"], link["path"]), self._source.max_file_bytes
                )
                digest = digest_of(content)
                if digest == link["digest"]:
                    await self._store_error(link, None)
                else:
                    with self._runner.open_budget(link["user_id"]) as budget:
                        columns = await asyncio.to_thread(self._source.file_format.parse, content, budget)
                        await self._database.write(lambda c: self._store(c, link, columns, digest, version))
                    log.info("Flow %s was read from its file %s.", link["flow_id"], link["path"])
            except FileNotFoundError:
                return
            except HeadraceError as error:
                if isinstance(error, ByteLimitError) or not isinstance(error, _FILE_ERRORS):
                    log.warning(
                        "The file %s of flow %s is read later: %s", link["path"], link["flow_id"], error.message
                    )
                    return
                log.warning(
                    "The file %s of flow %s cannot be read, so the flow stays as it is: %s",
                    link["path"],
                    link["flow_id"],
                    error.message,
                )
                await self._store_error(link, error.message)
        except _SupersededError:
            return
        self._examined[link["flow_id"]] = (version, link["digest"])

    async def _store(
        self, connection: AsyncConnection, link: RowMapping, columns: dict[str, Any], digest: str, version: FileVersion
    ) -> None:
        owner, flow_id = link["user_id"], link["flow_id"]
        stored = await flows.get(connection, owner, flow_id)
        if stored is None:
            raise _SupersededError
        if "data" in columns:
            shown = await asyncio.to_thread(self._source.file_format.visible_data, dict(stored))
            columns = {**columns, "data": restore_hidden(columns["data"], shown, stored["data"])}
        # Takes the lock of the flow's row, in which saves write the link.
        if await self._flows.change_in_transaction(connection, owner, flow_id, columns) is None:
            raise _SupersededError
        await _check_is_current(connection, link)
        # The file may have contained a change that was not committed.
        names = names_of(owner, link["path"])
        if await asyncio.to_thread(self._source.folder.find_version, names) != version:
            raise _SupersededError
        await linked_files.put(connection, owner, flow_id, digest=digest, changed_ns=version.changed_ns, error=None)

    async def _store_error(self, link: RowMapping, message: str | None) -> None:
        if link["error"] == message:
            return

        async def store(connection: AsyncConnection) -> None:
            await _check_is_current(connection, link)
            await linked_files.put(connection, link["user_id"], link["flow_id"], error=message)

        await self._database.write(store)


async def _check_is_current(connection: AsyncConnection, link: RowMapping) -> None:
    current = await linked_files.get(connection, link["flow_id"])
    if current is None or (current["path"], current["digest"]) != (link["path"], link["digest"]):
        raise _SupersededError
