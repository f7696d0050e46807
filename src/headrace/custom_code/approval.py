"""Decide which custom code may run: the operator's policy and the approvals in the database.

Code is identified by the SHA-256 of its text. A user who may run custom code approves it by checking it in the editor, or by
its digest. Saving a flow approves nothing, since its code may come from a file that nobody has read. Approved code runs for
every user of the server, until an operator revokes the approval.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from headrace.compat.published_code import published_type
from headrace.component.component import ComponentError
from headrace.db import approvals, users
from headrace.db.changes import Change, Topic
from headrace.db.lookup_cache import LookupCache
from headrace.errors import ForbiddenError
from headrace.graph.errors import FlowError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.approvals import ApprovalMethod
    from headrace.db.database import Database
    from headrace.graph.flow import Node

#: Which users may run custom code (setting `custom_code`).
CodePolicy = Literal["superuser", "everyone", "nobody"]

#: Approved digests in the cache, of about 100 bytes each.
MAX_CACHED_APPROVALS = 10_000


def _how_to_approve(policy: CodePolicy, digest: str) -> str:
    if policy == "nobody":
        return "The operator has disabled custom code (HEADRACE_CUSTOM_CODE=nobody)."
    approver = "a superuser" if policy == "superuser" else "a user"
    return (
        f"To approve it, {approver} reviews it, and then selects Check & Save in the code editor of the component, or sends "
        f"its digest {digest} to POST /api/v1/approvals."
    )


class UnapprovedCodeError(FlowError):
    """A node of a flow has custom code that is not approved."""

    def __init__(self, node: Node, policy: CodePolicy) -> None:
        code = node.code or ""
        missing_type = published_type(code)
        problem = (
            f"has the Langflow type {missing_type!r}, which this server lacks, and its code is not approved on this server."
            if missing_type is not None
            else f"of type {node.type!r} has custom code that is not approved on this server."
        )
        remedy = _how_to_approve(policy, compute_digest(code))
        super().__init__(f"Component {node.display_name} ({node.id}) {problem} The code was not run. {remedy}")


class UnapprovedSourceError(ForbiddenError):
    """The node of a source can be changed only by running code that is not approved."""

    def __init__(self, name: str, code: str, policy: CodePolicy) -> None:
        remedy = _how_to_approve(policy, compute_digest(code))
        super().__init__(f"The code of {name} is not approved on this server. It was not run. {remedy}")


class ApprovalForbiddenError(ForbiddenError):
    """A user may not approve code."""

    def __init__(self, policy: CodePolicy) -> None:
        super().__init__(
            "The operator has disabled custom code (HEADRACE_CUSTOM_CODE=nobody)."
            if policy == "nobody"
            else "Only superusers may approve code; HEADRACE_CUSTOM_CODE=everyone allows it for all users."
        )


class CodeForbiddenError(ComponentError):
    """The owner of a flow may not run code from a field or from a model."""

    def __init__(self, policy: CodePolicy) -> None:
        remedy = (
            "The operator has disabled custom code (HEADRACE_CUSTOM_CODE=nobody)."
            if policy == "nobody"
            else "Only superusers may; HEADRACE_CUSTOM_CODE=everyone allows it for all users."
        )
        super().__init__(
            "This component runs code that comes from a field or from a model, and the flow's owner may not run code. "
            f"{remedy}"
        )


def compute_digest(code: str) -> str:
    """Return the SHA-256 of a source text, as 64 hexadecimal digits."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class UnapprovedNode:
    """A node that does not run, because its code is not approved."""

    id: str
    name: str
    digest: str
    code: str


class ApprovalPolicy:
    """Answers who may run custom code and which code is approved."""

    def __init__(self, database: Database, policy: CodePolicy) -> None:
        self.policy: CodePolicy = policy
        self._database = database
        #: Digests that are approved. Each run of a flow with custom code checks them.
        self._approved: LookupCache[str, Literal[True]] = LookupCache(
            database.changes,
            depends_on=lambda digest, _: (Change(Topic.APPROVAL, digest),),
            max_entries=MAX_CACHED_APPROVALS,
        )

    def may_run(self, *, is_superuser: bool) -> bool:
        """Return whether a user may run custom code and thereby approve it."""
        return self.policy == "everyone" or (self.policy == "superuser" and is_superuser)

    async def require_may_run(self, user_id: UUID) -> None:
        """Check that a user may run custom code.

        Raises:
            CodeForbiddenError: the user may not, or does not exist.

        """
        async with self._database.connect() as connection:
            user = await users.get(connection, user_id)
        if user is None or not self.may_run(is_superuser=user["is_superuser"]):
            raise CodeForbiddenError(self.policy)

    async def approve(self, user_id: UUID | None, names: Mapping[str, str], method: ApprovalMethod) -> None:
        """Approve code by digest, without running it. The caller has checked that the user may approve code.

        Args:
            user_id: the user who approves; None for the operator.
            names: the name of a component for each digest, empty if it is not known.
            method: how the user approves.

        """
        await self._database.write(lambda connection: approvals.add(connection, user_id, names, method))

    async def is_approved(self, code: str) -> bool:
        """Return whether a source text is approved now."""
        return bool(await self._find_approved([compute_digest(code)]))

    async def check(self, nodes: Mapping[str, Node]) -> None:
        """Check that the code of every node is approved now.

        Args:
            nodes: a node with custom code for each digest.

        Raises:
            UnapprovedCodeError: code is not approved; names the first such node.

        """
        if not nodes:
            return
        approved = await self._find_approved(nodes.keys())
        for digest, node in nodes.items():
            if digest not in approved:
                raise UnapprovedCodeError(node, self.policy)

    async def _find_approved(self, digests: Collection[str]) -> set[str]:
        if self.policy == "nobody":
            return set()
        return {digest for digest in digests if await self._approved.get(digest, partial(self._load, digest))}

    async def _load(self, digest: str) -> Literal[True] | None:
        """Return True if a digest is approved, or None, which the cache does not store."""
        async with self._database.connect() as connection:
            return True if await approvals.filter_approved(connection, [digest]) else None

    async def list_unapproved(self, connection: AsyncConnection, nodes: Collection[Node]) -> list[UnapprovedNode]:
        """Return the nodes whose code is not approved and will not run.

        Args:
            connection: reads the approvals, including those that it has not committed.
            nodes: nodes with custom code.

        """
        digests = {node.id: compute_digest(node.code or "") for node in nodes}
        approved: set[str] = set()
        if digests and self.policy != "nobody":
            approved = await approvals.filter_approved(connection, set(digests.values()))
        return [
            UnapprovedNode(str(node.id), node.display_name, digests[node.id], node.code or "")
            for node in nodes
            if digests[node.id] not in approved
        ]
