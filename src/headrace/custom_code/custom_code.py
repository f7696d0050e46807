"""Run the custom code of a flow: the code of its nodes, and code in fields or from models.

`CustomCode` is the interface for services, runs and routers. `approval` decides what may run, `class_cache` and `loaders`
load component classes, and `isolation` runs code in worker processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.custom_code.approval import UnapprovedSourceError, compute_digest
from headrace.custom_code.custom_nodes import find_custom_nodes, find_custom_nodes_in_data
from headrace.db.approvals import ApprovalMethod
from headrace.errors import HeadraceError, RetryLaterError
from headrace.graph.errors import FlowError
from headrace.graph.flow import Flow, Node, NodeId

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.component.component import Component
    from headrace.component.context import PythonResult
    from headrace.component.registry import Registry
    from headrace.custom_code.approval import ApprovalPolicy, UnapprovedNode
    from headrace.custom_code.class_cache import ClassCache
    from headrace.isolation.host.worker_pool import WorkerPool


class CustomCode:
    """Approves, loads and runs custom code."""

    def __init__(self, approval: ApprovalPolicy, classes: ClassCache, workers: WorkerPool, registry: Registry) -> None:
        """Create the facade.

        Args:
            approval: decides which code may run.
            classes: loads the classes of nodes.
            workers: run code from fields and models, which never runs in this process.
            registry: the server's own components, whose code needs no approval.

        """
        self._approval = approval
        self._classes = classes
        self._workers = workers
        self._registry = registry

    def may_run(self, *, is_superuser: bool) -> bool:
        """Return whether a user may run custom code."""
        return self._approval.may_run(is_superuser=is_superuser)

    async def approve_source(self, user: UUID, code: str, name: str) -> None:
        """Approve a source text that a user who may run custom code has typed or checked in the editor.

        Args:
            user: the user.
            code: the source text.
            name: the name of its component.

        """
        if not await self._approval.is_approved(code):
            await self._approval.approve(user, {compute_digest(code): name}, ApprovalMethod.CHECKED)

    async def check_source(self, code: str, name: str) -> None:
        """Check that a source text is approved now.

        Raises:
            UnapprovedSourceError: the source text is not approved; names its component.

        """
        if not await self._approval.is_approved(code):
            raise UnapprovedSourceError(name, code, self._approval.policy)

    async def is_approved(self, code: str) -> bool:
        """Return whether a source text is approved now."""
        return await self._approval.is_approved(code)

    async def check(self, digests: Mapping[str, Node]) -> None:
        """Check that code is approved now, given a node for each digest.

        Raises:
            UnapprovedCodeError: code is not approved; names its node.

        """
        await self._approval.check(digests)

    async def reserve(self, user: UUID) -> None:
        """Make sure that a user's code can run, before a run starts.

        Raises:
            TooManyWorkersError: all workers are busy with the code of other users.

        """
        await self._classes.reserve(user)

    async def classes(self, owner: UUID, flow: Flow) -> tuple[dict[NodeId, type[Component]], dict[str, Node]]:
        """Return the classes of a flow's custom nodes, and a node for each digest of their code.

        Raises:
            UnapprovedCodeError: code is not approved. None of the flow's code was run.
            FlowError: code fails when it is loaded; names the node and the line.

        """
        nodes = find_custom_nodes(flow, self._registry)
        digests = {compute_digest(node.code or ""): node for node in nodes}
        await self.check(digests)
        return {node.id: await self._load_node(owner, node) for node in nodes}, digests

    async def _load_node(self, owner: UUID, node: Node) -> type[Component]:
        try:
            return await self.load(owner, node.code or "")
        except RetryLaterError:
            raise
        except HeadraceError as error:
            raise FlowError(f"Component {node.display_name} ({node.id}) cannot be loaded: {error.message}") from error

    async def load(self, user: UUID, code: str) -> type[Component]:
        """Return the class that a source text defines. Loading runs the code, so the caller checks permission first.

        Raises:
            ComponentCodeError: the code fails or defines no component.

        """
        return await self._classes.load(user, code)

    async def run_python(
        self, owner: UUID, source: str, names: Mapping[str, object], imports: Sequence[str], expression: str | None
    ) -> PythonResult:
        """Run Python from a field or from a model in the owner's worker.

        Args:
            owner: the user who owns the flow.
            source: statements to run.
            names: global variables of the code.
            imports: modules to import first.
            expression: an expression to evaluate afterwards, or None.

        Raises:
            CodeForbiddenError: the owner may not run code.
            ComponentError: the code fails; names its line.

        """
        await self._approval.require_may_run(owner)
        return await self._workers.run_python(owner, source, names, imports, expression)

    async def unapproved_nodes(self, connection: AsyncConnection, data: object) -> list[UnapprovedNode]:
        """Return the nodes of flow JSON that will not run because their code is not approved."""
        return await self._approval.list_unapproved(connection, find_custom_nodes_in_data(data, self._registry))
