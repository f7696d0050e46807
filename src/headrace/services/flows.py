"""Flows: the rules for creating, reading, changing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.db import flow_changes, flows, linked_files, tables
from headrace.db.quotas import Quota
from headrace.db.row_batches import RowBatches, RowKey
from headrace.errors import ForbiddenError, NotFoundError
from headrace.graph.redaction import redact_secrets

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.auth.authenticator import User
    from headrace.custom_code.approval import UnapprovedNode
    from headrace.custom_code.custom_code import CustomCode
    from headrace.db.database import Database
    from headrace.db.flows import FlowFilter
    from headrace.services.linked_files import LinkedFiles
    from headrace.services.model_warm_up import ModelWarmUp
    from headrace.storage.files import FileService


@dataclass(frozen=True, slots=True)
class SavedFlow:
    """A flow's row after a write, and its nodes whose code is not approved."""

    row: RowMapping
    unapproved_nodes: list[UnapprovedNode]


class FlowService:
    """Reads and writes the flows of each owner. Storing a flow neither runs nor approves its code."""

    def __init__(
        self,
        database: Database,
        files: FileService,
        custom_code: CustomCode,
        model_warm_up: ModelWarmUp,
        linked_files: LinkedFiles,
        *,
        max_flows: int,
        removes_secrets: bool,
    ) -> None:
        """Create the service.

        Args:
            database: the database with the flows.
            files: deletes the files of deleted flows.
            custom_code: finds the code of saved flows that is not approved.
            model_warm_up: imports the packages that saved flows need.
            linked_files: writes flows to the files that they are linked to.
            max_flows: the maximum number of flows of an owner.
            removes_secrets: whether password fields are emptied before a flow is stored.

        """
        self._database = database
        self._files = files
        self._custom_code = custom_code
        self._model_warm_up = model_warm_up
        self._linked_files = linked_files
        self._quota = Quota(tables.flows, "flows", max_flows, "HEADRACE_MAX_FLOWS")
        self._removes_secrets = removes_secrets

    async def create_flow(self, caller: User, columns: Mapping[str, Any]) -> SavedFlow:
        """Store a flow."""
        return (await self.create_flows(caller, [columns]))[0]

    async def create_flows(self, caller: User, columns: Sequence[Mapping[str, Any]]) -> list[SavedFlow]:
        """Store several flows, all or none."""
        return await self._database.write(lambda c: self.insert_flows(c, caller, columns))

    async def import_flows(
        self, caller: User, columns: Sequence[Mapping[str, Any]], project_id: UUID | None = None
    ) -> list[SavedFlow]:
        """Store the flows of a file, all or none.

        Args:
            caller: the owner of the new flows.
            columns: the columns of each flow.
            project_id: the project for all of them; by default each flow's own.

        """
        if project_id is not None:
            columns = [{**c, "folder_id": project_id} for c in columns]
        return await self._database.write(lambda c: self.insert_flows(c, caller, columns))

    async def insert_flows(
        self,
        connection: AsyncConnection,
        caller: User,
        columns: Sequence[Mapping[str, Any]],
    ) -> list[SavedFlow]:
        """Store flows in an open transaction; for services that write more than flows in it."""
        await self._quota.check(connection, caller.id, len(columns))
        rows = await flow_changes.create_many(connection, caller.id, [self._to_stored_columns(c) for c in columns])
        for row in rows:
            if row["fs_path"] is not None:
                await self._linked_files.save(connection, row)
        return [await self._saved(connection, row) for row in rows]

    async def get_flow(self, owner: UUID, flow_id: UUID) -> dict[str, Any]:
        """Return one of the owner's flows; `fs_error` is the reason why its linked file cannot be read, or None.

        Raises:
            NotFoundError: The owner has no such flow.

        """
        async with self._database.connect() as connection:
            row = await flows.get(connection, owner, flow_id)
            has_file = row is not None and row["fs_path"] is not None
            link = await linked_files.get(connection, flow_id) if has_file else None
        if row is None:
            raise NotFoundError("Flow not found")
        return {**row, "fs_error": link["error"] if link is not None else None}

    async def get_flows(self, owner: UUID, flow_ids: list[UUID]) -> RowBatches:
        """Return the owner's flows among `flow_ids`, in their order.

        Raises:
            NotFoundError: None of them is the owner's.

        """
        async with self._database.connect() as connection:
            keys = await flows.sizes_of(connection, owner, flow_ids)
        if not keys:
            raise NotFoundError("No flows found")
        return self._batches(owner, keys)

    async def get_public_flow(self, flow_id: UUID) -> RowMapping:
        """Return a public flow of any owner. The row still contains secrets.

        Raises:
            ForbiddenError: No public flow has this id.

        """
        async with self._database.connect() as connection:
            row = await flows.get_public(connection, flow_id)
        if row is None:
            raise ForbiddenError("Flow is not public")
        return row

    async def list_flows(self, owner: UUID, flow_filter: FlowFilter) -> RowBatches:
        """Return the owner's flows that match a filter, oldest first."""
        async with self._database.connect() as connection:
            return self._batches(owner, await flows.list_keys(connection, owner, flow_filter))

    async def list_headers(self, owner: UUID, flow_filter: FlowFilter) -> RowBatches:
        """Return the owner's flows that match a filter, oldest first, without the data of those that are not components."""
        async with self._database.connect() as connection:
            keys = await flows.list_header_keys(connection, owner, flow_filter)
        return RowBatches(self._database, owner, tables.flows.c.id, keys, flows.HEADER_COLUMNS)

    async def list_names(self, owner: UUID, flow_filter: FlowFilter) -> Sequence[RowMapping]:
        """Return id, name, endpoint name and time of creation of the owner's flows that match a filter, oldest first."""
        async with self._database.connect() as connection:
            return await flows.list_names(connection, owner, flow_filter)

    async def list_flow_page(
        self, owner: UUID, flow_filter: FlowFilter, *, page: int, size: int
    ) -> tuple[int, RowBatches]:
        """Return the number of the owner's flows that match a filter and a page of them, oldest first. Pages count from 1."""
        async with self._database.connect() as connection:
            total = await flows.count(connection, owner, flow_filter)
            keys = await flows.list_keys(connection, owner, flow_filter, limit=size, offset=(page - 1) * size)
        return total, self._batches(owner, keys)

    def _batches(self, owner: UUID, keys: Sequence[RowKey]) -> RowBatches:
        return RowBatches(self._database, owner, tables.flows.c.id, keys)

    async def update_flow(
        self, caller: User, flow_id: UUID, columns: Mapping[str, Any], base_updated_at: datetime | None = None
    ) -> SavedFlow:
        """Set columns of one of the caller's flows.

        Args:
            caller: the flow's owner.
            flow_id: the flow's id.
            columns: the columns to set.
            base_updated_at: `updated_at` of the version that the change is based on; None skips the check.

        Raises:
            NotFoundError: The caller has no such flow.
            StaleFlowError: The flow has changed since `base_updated_at`.
            LinkedFileConflictError: The flow's file has changed on disk, or cannot be read.

        """

        async def update(connection: AsyncConnection) -> SavedFlow | None:
            row = await self.change_in_transaction(connection, caller.id, flow_id, columns, base_updated_at)
            if row is None:
                return None
            if row["fs_path"] is not None or "fs_path" in columns:
                await self._linked_files.save(connection, row)
            return await self._saved(connection, row)

        saved = await self._database.write(update)
        if saved is None:
            raise NotFoundError("Flow not found")
        return saved

    async def change_in_transaction(
        self,
        connection: AsyncConnection,
        owner: UUID,
        flow_id: UUID,
        columns: Mapping[str, Any],
        base_updated_at: datetime | None = None,
    ) -> RowMapping | None:
        """Set columns of a flow in an open transaction, without writing its linked file; return None if it does not exist."""
        return await flow_changes.update_(connection, owner, flow_id, self._to_stored_columns(columns), base_updated_at)

    async def delete_flow(self, owner: UUID, flow_id: UUID) -> None:
        """Delete one of the owner's flows with its files. The messages of its sessions remain.

        Raises:
            NotFoundError: The owner has no such flow.

        """
        if not await self.delete_flows(owner, [flow_id]):
            raise NotFoundError("Flow not found")

    async def delete_flows(self, owner: UUID, flow_ids: list[UUID]) -> int:
        """Delete the owner's flows among `flow_ids` with their files and return their number."""
        return await self._files.remove_flows(owner, flow_ids)

    def _to_stored_columns(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        stored = dict(columns)
        if self._removes_secrets and "data" in stored:
            stored["data"] = redact_secrets(stored["data"])
        return stored

    async def _saved(self, connection: AsyncConnection, row: RowMapping) -> SavedFlow:
        self._model_warm_up.schedule(row["data"])
        return SavedFlow(row, await self._custom_code.unapproved_nodes(connection, row["data"]))
