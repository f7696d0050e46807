"""A component class on the server that stands for one in a worker: drawn, checked and planned here, run there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from headrace.compat.views import SourceView
from headrace.component.component import Component
from headrace.component.tools import TOOL_OUTPUT
from headrace.isolation.description import class_attributes
from headrace.isolation.frames import RemoteError
from headrace.isolation.values import from_json, to_json

if TYPE_CHECKING:
    from headrace.component.context import RunContext
    from headrace.component.editing import Editing
    from headrace.component.output import Output
    from headrace.isolation.run import IsolatedRun
    from headrace.isolation.worker import Worker

#: Returns the worker of the class's user, the class's code loaded in it.
Where = Callable[[], Awaitable["Worker"]]


class IsolatedComponent(Component):
    """The base of all that stand for another; `stand_in` makes them."""

    digest: ClassVar[str]
    where: ClassVar[Where]
    own_toolkit: ClassVar[bool]

    def __init__(
        self, vertex_id: str, context: RunContext, values: Mapping[str, Any], sources: tuple[Component, ...] = ()
    ) -> None:
        super().__init__(vertex_id, context, values, sources)
        #: The run and the component in the worker, once there is one.
        self._there: tuple[IsolatedRun, int] | None = None

    def method_of(self, output: Output) -> Callable[[], Any]:
        """Return what has the worker make an output's value."""
        if output.name == TOOL_OUTPUT.name and not self.own_toolkit:
            return self.to_toolkit

        async def make() -> Any:
            return await self._make(output.name)

        return make

    async def _make(self, output: str) -> Any:
        first = self._there is None
        if self._there is None:
            run = (await type(self).where()).run_of(self.context)
            self._there = run, run.instance()
        run, instance = self._there
        args = {
            "instance": instance,
            "digest": self.digest,
            "vertex": self.id,
            "output": output,
            "sources": [asdict(SourceView(s.id, s.display_name, s.source_name, s.icon)) for s in self.sources],
        }
        given = await run.call(args, self.values if first else {})
        self.stopped |= {str(name) for name in given["stopped"]}
        self.logs = given["logs"]
        return given["value"]

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return a node after the author's code, in the worker, has seen what was changed.

        Raises:
            AuthorsError: the author's code fails.

        """
        worker = await cls.where()
        args = {"digest": cls.digest, "node": to_json(node, lambda _: None), "field": field}
        try:
            changed: dict[str, Any] = from_json(await worker.edit(args, editing), list)
        except RemoteError as error:
            raise AuthorsError(error) from error
        return changed


class AuthorsError(RemoteError):
    """What an author's code raised, under the name of its class."""

    def __init__(self, error: RemoteError) -> None:
        super().__init__(f"{error.kind}: {error.message}", error.kind)


def stand_in(described: dict[str, Any], code: str, digest: str, where: Where) -> type[IsolatedComponent]:
    """Return a class that stands for the one that a worker describes.

    Raises:
        ComponentError: what the worker says is no description.

    """
    attributes = {
        **class_attributes(described),
        "source": code,
        "digest": digest,
        "where": staticmethod(where),
        "own_toolkit": bool(described.get("own_toolkit")),
    }
    return type(str(described["class"]), (IsolatedComponent,), attributes)
