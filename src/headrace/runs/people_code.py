"""People's own code: which of it may run, and the component classes that it makes.

Code is known by the SHA-256 of its text. Saving it as somebody who may run code approves it; everybody else's runs use it from
then on. A class is made once a process, and looked for among the approved at each use of a flow that holds it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

from headrace.compat.loading import load_component
from headrace.component.component import ComponentError
from headrace.errors import HeadraceError, TryAgainError
from headrace.graph.errors import FlowError
from headrace.graph.flow import Flow, Node, NodeId, parse_flow
from headrace.graph.plan import carries_own_code
from headrace.store import approvals, users

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.component.component import Component
    from headrace.component.context import PythonOutcome
    from headrace.component.registry import Registry
    from headrace.isolation.workers import Workers
    from headrace.store.store import Store

#: Who may run code that is not the server's.
CodePolicy = Literal["superuser", "everyone", "nobody"]

CLASSES_KEPT = 500
#: An approval is looked up again after so many seconds, in case the command line took it back.
REMEMBER_SECONDS = 1.0


class UnapprovedCodeError(FlowError):
    """A flow holds code that nobody who may has approved."""

    def __init__(self, node: Node, policy: CodePolicy) -> None:
        what = (
            f"Component {node.display_name} ({node.id}) of the type {node.type!r} carries code of its own, "
            "which is not approved on this server and was not run. "
        )
        ask = (
            "The operator lets no such code run (HEADRACE_CUSTOM_CODE=nobody)."
            if policy == "nobody"
            else "Ask a superuser to look at it and to save a flow with it; that approves it."
        )
        super().__init__(what + ask)


class MayNotRunCodeError(ComponentError):
    """A flow's owner may run no code of theirs, nor of a model's."""

    def __init__(self, policy: CodePolicy) -> None:
        ask = (
            "The operator lets nobody (HEADRACE_CUSTOM_CODE=nobody)."
            if policy == "nobody"
            else "Superusers may; HEADRACE_CUSTOM_CODE=everyone lets all."
        )
        super().__init__(
            f"This component runs code that is written in a field or by a model, and the flow's owner may not. {ask}"
        )


def digest_of(code: str) -> str:
    """Return the mark of a code: its SHA-256 in hex."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


class Loader(Protocol):
    """Makes component classes from code: in this process, or in one of the user's own."""

    #: Whether each user's code lives apart from that of others.
    apart: bool

    async def make_room(self, user: UUID) -> None:
        """Make sure that a user's code can run now.

        Raises:
            TooManyWorkersError: that of as many others does.

        """
        ...

    async def load(self, user: UUID, digest: str, code: str) -> type[Component]:
        """Return the class of a code, for one user.

        Raises:
            ComponentCodeError: it fails, or holds no component.

        """
        ...


class InProcess:
    """Loads code into this process."""

    apart = False

    async def make_room(self, user: UUID) -> None:
        """Do nothing: there is always room."""

    async def load(self, user: UUID, digest: str, code: str) -> type[Component]:
        """Return the class of a code; see `Loader`."""
        return await asyncio.to_thread(load_component, code)


class PeopleCode:
    """Decides which code runs, and keeps the classes of what does."""

    def __init__(self, store: Store, registry: Registry, policy: CodePolicy, loader: Loader, workers: Workers) -> None:
        """Set up.

        Args:
            store: where approvals are.
            registry: the server's own components.
            policy: who may run code.
            loader: where component code is loaded.
            workers: where code runs that a field or a model brings: never in this process.

        """
        self._store = store
        self._registry = registry
        self._policy: CodePolicy = policy
        self._loader = loader
        self._workers = workers
        #: Approvals that were seen, and until when they are taken for given.
        self._seen: dict[str, float] = {}
        self._classes: OrderedDict[tuple[UUID | None, str], type[Component]] = OrderedDict()

    def may_run(self, *, is_superuser: bool) -> bool:
        """Return whether a user may run code of their own."""
        return self._policy == "everyone" or (self._policy == "superuser" and is_superuser)

    async def approve(self, connection: AsyncConnection, user: UUID, nodes: list[Node], *, is_superuser: bool) -> None:
        """Approve the code of nodes that are saved, where who saves them may run code. Nothing of it is run."""
        if nodes and self.may_run(is_superuser=is_superuser):
            await approvals.add(connection, user, {digest_of(n.code or ""): n.display_name for n in nodes})

    def in_drawing(self, drawing: object) -> list[Node]:
        """Return the nodes of a drawing that carry code of their own; none of half a drawing, which is kept too."""
        try:
            return self.of(parse_flow(drawing)) if isinstance(drawing, dict) else []
        except FlowError:
            return []

    def of(self, flow: Flow) -> list[Node]:
        """Return the nodes of a flow that carry code of their own."""
        return [node for node in flow.nodes if node.code and carries_own_code(node, self._registry)]

    async def check(self, digests: Mapping[str, Node]) -> None:
        """Make sure that codes are approved now.

        Raises:
            UnapprovedCodeError: one is not; names its node.

        """
        if not digests:
            return
        known: set[str] = set()
        if self._policy != "nobody":
            now = time.monotonic()
            known = {digest for digest in digests if self._seen.get(digest, 0) > now}
            if len(known) < len(digests):
                async with self._store.reading() as connection:
                    known = await approvals.known(connection, digests.keys())
                if self._store.sole_writer:
                    self._seen.update(dict.fromkeys(known, now + REMEMBER_SECONDS))
        for digest, node in digests.items():
            if digest not in known:
                raise UnapprovedCodeError(node, self._policy)

    async def make_room(self, user: UUID) -> None:
        """Make sure that a user's code can run now, before a run of it begins.

        Raises:
            TooManyWorkersError: that of as many others does.

        """
        await self._loader.make_room(user)

    def forget(self, digest: str) -> None:
        """Look an approval up again: it was taken back."""
        self._seen.pop(digest, None)

    async def classes(self, owner: UUID, flow: Flow) -> tuple[dict[NodeId, type[Component]], dict[str, Node]]:
        """Return the classes of a flow's own nodes by node, and the nodes by the marks of their code.

        Raises:
            UnapprovedCodeError: code is not approved; none of it was run.
            FlowError: a code fails when it is loaded; names the node and the line.

        """
        nodes = self.of(flow)
        digests = {digest_of(node.code or ""): node for node in nodes}
        await self.check(digests)
        return {node.id: await self._class_of(owner, node) for node in nodes}, digests

    async def _class_of(self, owner: UUID, node: Node) -> type[Component]:
        try:
            return await self.load(owner, node.code or "")
        except TryAgainError:
            raise
        except HeadraceError as error:
            raise FlowError(f"Component {node.display_name} ({node.id}) cannot be loaded: {error.message}") from error

    async def load(self, user: UUID, code: str) -> type[Component]:
        """Return the class of a code for a user. To load it is to run it: only for callers who may, or once it is approved.

        Raises:
            ComponentCodeError: it fails, or holds no component.

        """
        digest = digest_of(code)
        key = (user if self._loader.apart else None, digest)
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = await self._loader.load(user, digest, code)
            if len(self._classes) > CLASSES_KEPT:
                self._classes.popitem(last=False)
        return found

    async def run_python(
        self, owner: UUID, source: str, names: Mapping[str, object], imports: Sequence[str], expression: str | None
    ) -> PythonOutcome:
        """Run Python that stands in a field or that a model wrote, in the owner's worker.

        Raises:
            MayNotRunCodeError: the owner may run no code.
            ComponentError: it fails; names its line.

        """
        async with self._store.reading() as connection:
            user = await users.by_id(connection, owner)
        if user is None or not self.may_run(is_superuser=user["is_superuser"]):
            raise MayNotRunCodeError(self._policy)
        return await self._workers.python(owner, source, names, imports, expression)

    async def not_running(self, connection: AsyncConnection, nodes: list[Node]) -> list[str]:
        """Return the names of the nodes among these that will not run, since their code is not approved."""
        digests = {digest_of(n.code or "") for n in nodes}
        known = await approvals.known(connection, digests) if digests and self._policy != "nobody" else set()
        return [f"{n.display_name} ({n.id})" for n in nodes if digest_of(n.code or "") not in known]
