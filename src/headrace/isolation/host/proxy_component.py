"""Component classes on the server that represent classes in a worker. Their outputs are computed in the worker."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from headrace.component.component import Component
from headrace.component.component_run import run_of
from headrace.component.source_view import SourceView
from headrace.component.tools import TOOL_OUTPUT
from headrace.isolation.rpc.class_description import class_attributes
from headrace.isolation.rpc.connection import RemoteError
from headrace.isolation.rpc.decoding import decode, decode_untrusted
from headrace.isolation.rpc.encoding import encode_large

if TYPE_CHECKING:
    from headrace.component.context import RunContext
    from headrace.component.editor_context import EditorContext
    from headrace.component.output import Output
    from headrace.isolation.host.host_run import HostRun
    from headrace.isolation.host.worker import Worker

#: Returns the worker of the class's user, with the code of the class loaded.
GetWorker = Callable[[], Awaitable["Worker"]]


class ProxyComponent(Component):
    """Base of the proxy classes, which `make_proxy_class` creates."""

    is_isolated = True
    #: The digest of the class's code.
    digest: ClassVar[str]
    get_worker: ClassVar[GetWorker]
    #: Whether the class in the worker creates its own tools.
    own_toolkit: ClassVar[bool]

    def __init__(
        self,
        vertex_id: str,
        context: RunContext,
        values: Mapping[str, Any],
        sources: tuple[Component | SourceView, ...] = (),
    ) -> None:
        super().__init__(vertex_id, context, values, sources)
        #: The run in the worker and the number of the component there, once the worker has created it.
        self._remote: tuple[HostRun, int] | None = None

    def output_method(self, output: Output) -> Callable[[], Any]:
        """Return a function that computes an output in the worker."""
        if output.name == TOOL_OUTPUT.name and not type(self).own_toolkit:
            return functools.partial(Component.to_toolkit, self)

        async def run_output() -> Any:
            return await self._run_output(output.name)

        return run_output

    async def _run_output(self, output: str) -> Any:
        state = run_of(self)
        is_first_call = self._remote is None
        if self._remote is None:
            run = (await type(self).get_worker()).run_of(state.context)
            self._remote = run, run.next_instance()
        run, instance = self._remote
        args = {
            "instance": instance,
            "digest": type(self).digest,
            "vertex": state.vertex_id,
            "output": output,
            "sources": [asdict(SourceView.of(source)) for source in state.sources],
        }
        result = await run.run_output(args, state.values if is_first_call else {})
        state.closed_outputs |= {str(name) for name in result["stopped"]}
        state.logs = result["logs"]
        return result["value"]

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return a node after the class in the worker has handled the edit of a field.

        Raises:
            CustomCodeError: the author's code failed.

        """
        worker = await cls.get_worker()
        args = {"digest": cls.digest, "node": await encode_large(node), "field": field}
        try:
            raw = await worker.update_node(args, editing)
        except RemoteError as error:
            raise CustomCodeError(error) from error
        changed: dict[str, Any] = await decode_untrusted(raw, lambda value: decode(value, list))
        return changed


class CustomCodeError(RemoteError):
    """An exception of a component author's code, with the name of its class."""

    def __init__(self, error: RemoteError) -> None:
        super().__init__(f"{error.kind}: {error.message}", error.kind, error.author_traceback, error.frames)


def make_proxy_class(
    description: dict[str, Any], code: str, digest: str, get_worker: GetWorker
) -> type[ProxyComponent]:
    """Return a proxy class for a class in a worker.

    Args:
        description: the worker's description of the class; see `rpc.class_description`.
        code: the source of the class.
        digest: the digest of the source.
        get_worker: returns the worker when an output is computed.

    Raises:
        ComponentError: the description is not valid.

    """
    attributes = {
        **class_attributes(description),
        "source": code,
        "digest": digest,
        "get_worker": staticmethod(get_worker),
        "own_toolkit": bool(description.get("own_toolkit")),
    }
    return type(str(description["class"]), (ProxyComponent,), attributes)
