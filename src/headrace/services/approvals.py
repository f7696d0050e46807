"""Approvals: the component sources that may run on this server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.custom_code.approval import ApprovalForbiddenError
from headrace.custom_code.custom_nodes import find_custom_nodes_in_data
from headrace.db import approvals, flows
from headrace.db.approvals import ApprovalMethod
from headrace.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.auth.authenticator import User
    from headrace.component.registry import Registry
    from headrace.custom_code.approval import ApprovalPolicy, UnapprovedNode
    from headrace.db.database import Database


class ApprovalService:
    """Lists, gives and revokes approvals, for users and the command line."""

    def __init__(self, database: Database, policy: ApprovalPolicy, registry: Registry) -> None:
        """Create the service.

        Args:
            database: the database with the approvals and the flows.
            policy: decides who may approve code.
            registry: the server's own components, whose code needs no approval.

        """
        self._database = database
        self._policy = policy
        self._registry = registry

    async def list_approvals(self) -> Sequence[RowMapping]:
        """Return all approvals, newest first, each with the name of the user who gave it."""
        async with self._database.connect() as connection:
            return await approvals.list_(connection)

    async def list_unapproved_nodes(self, owner: UUID, flow_id: UUID) -> list[UnapprovedNode]:
        """Return the nodes of one of the owner's flows whose code is not approved.

        Raises:
            NotFoundError: The owner has no such flow.

        """
        async with self._database.connect() as connection:
            row = await flows.get(connection, owner, flow_id)
            if row is None:
                raise NotFoundError("Flow not found")
            nodes = find_custom_nodes_in_data(row["data"], self._registry)
            return await self._policy.list_unapproved(connection, nodes)

    async def approve(self, caller: User, digests: Collection[str], flow_id: UUID | None = None) -> None:
        """Approve code by its digest, in the caller's name. The code is not run.

        Args:
            caller: the user who approves.
            digests: the digests of code that the caller has read.
            flow_id: one of the caller's flows, whose nodes name the approvals. It must contain all of the code, unless that
                code is already approved.

        Raises:
            ApprovalForbiddenError: The caller may not approve code.
            BadRequestError: The flow has no unapproved code with one of the digests.
            NotFoundError: The caller has no such flow.

        """
        if not digests:
            return
        if not self._policy.may_run(is_superuser=caller.is_superuser):
            raise ApprovalForbiddenError(self._policy.policy)
        names = dict.fromkeys(digests, "")
        if flow_id is not None:
            names = await self._names_in_flow(caller.id, flow_id, digests)
        await self._policy.approve(caller.id, names, ApprovalMethod.REQUESTED)

    async def approve_as_operator(self, names: Mapping[str, str]) -> None:
        """Approve code in the operator's name. The code is not run.

        Args:
            names: the name of a component for each digest, empty if it is not known.

        Raises:
            ApprovalForbiddenError: The settings disable custom code.

        """
        if self._policy.policy == "nobody":
            raise ApprovalForbiddenError(self._policy.policy)
        await self._policy.approve(None, names, ApprovalMethod.COMMAND_LINE)

    async def revoke_approval(self, digest: str) -> None:
        """Revoke the approval of the code with this SHA-256; runs that start later do not use the code.

        Raises:
            NotFoundError: No code with this digest is approved.

        """
        was_approved = await self._database.write(lambda c: approvals.remove(c, digest))
        if not was_approved:
            raise NotFoundError(f"No code with the digest {digest!r} is approved.")

    async def _names_in_flow(self, owner: UUID, flow_id: UUID, digests: Collection[str]) -> dict[str, str]:
        names = {node.digest: node.name for node in await self.list_unapproved_nodes(owner, flow_id)}
        missing = set(digests) - names.keys()
        if missing:
            async with self._database.connect() as connection:
                missing -= await approvals.filter_approved(connection, missing)
        if missing:
            raise BadRequestError(
                f"The flow has no code with the digest {min(missing)}. It may have changed since you read it."
            )
        return {digest: names[digest] for digest in digests if digest in names}
