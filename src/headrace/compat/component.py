"""The base class that components written for Langflow import."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from headrace.compat.values import dotdict
from headrace.component.component import Component as BaseComponent

if TYPE_CHECKING:
    from headrace.component.context import RunContext
    from headrace.component.editing import Editing
    from headrace.schema import Message


@dataclass(frozen=True, slots=True)
class GraphView:
    """What a component may know of the run that it is in."""

    session_id: str
    flow_id: str
    user_id: str | None
    context: dict[str, Any]


class Component(BaseComponent):
    """A component as its author knows it from Langflow.

    An author's own `__init__` takes keyword arguments; the run's values come to the instance afterwards.
    """

    icon: ClassVar[str] = "code"

    def __init__(self, **parameters: Any) -> None:
        """Set attributes; a run sets its own with `made`."""
        self._attributes: dict[str, Any] = {}
        for name, value in parameters.items():
            setattr(self, name, value)

    @classmethod
    def made(
        cls, vertex_id: str, context: RunContext, values: Mapping[str, Any], sources: tuple[BaseComponent, ...] = ()
    ) -> Self:
        """Return an instance for one run."""
        component = cls()
        BaseComponent.__init__(component, vertex_id, context, values, sources)
        component._attributes = component.values
        for name in ("_pre_run_setup", "pre_run_setup"):
            setup: Callable[[], object] | None = getattr(component, name, None)
            if setup is not None:
                setup()
        return component

    def __getattr__(self, name: str) -> Any:
        """Return a value of the node that the class doesn't declare: dynamic fields."""
        values = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    @property
    def ctx(self) -> dict[str, Any]:
        """What the components of one run tell each other."""
        return self.context.shared

    def update_ctx(self, value_dict: dict[str, Any]) -> None:
        """Add to `ctx`."""
        self.ctx.update(value_dict)

    def add_to_ctx(self, key: str, value: Any, *, overwrite: bool = False) -> None:
        """Add one entry to `ctx`.

        Raises:
            ValueError: it is there already.

        """
        if key in self.ctx and not overwrite:
            raise ValueError(f"Key {key} already exists in context. Set overwrite=True to overwrite.")
        self.ctx[key] = value

    @property
    def graph(self) -> GraphView:
        """The run that the component is in."""
        return GraphView(self.context.session_id, self.context.flow_id, self.user_id, self.ctx)

    @property
    def flow_id(self) -> str:
        """The flow's id."""
        return self.context.flow_id

    @property
    def user_id(self) -> str | None:
        """The id of the user whose flow it is."""
        return self.context.user_id

    async def get_variables(self, name: str, field: str = "") -> str:
        """Return one of the owner's variables."""
        return await self.context.variable(name, None)

    get_variable = get_variables

    async def send_message(self, message: Message, id_: str | None = None, *, skip_db_update: bool = False) -> Message:
        """Keep a message in the session and show it in the chat."""
        message.session_id = message.session_id or self.context.session_id
        message.flow_id = message.flow_id or self.context.flow_id
        if skip_db_update:
            self.context.announce(message)
        else:
            await self.context.store(message)
        return message

    def get_input(self, name: str) -> Any:
        """Return an input's declaration."""
        return next(i for i in self.inputs if i.name == name)

    def update_build_config(self, build_config: dotdict, field_value: Any, field_name: str | None = None) -> Any:
        """Return the node's fields after one was changed; authors override it."""
        return build_config

    def update_outputs(self, frontend_node: dict[str, Any], field_name: str, field_value: Any) -> Any:
        """Return the node with its outputs after a field was changed; authors override it."""
        return frontend_node

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return a node after the author's `update_build_config` and `update_outputs` have seen what was changed."""
        component = cls()
        value = node["template"].get(field, {}).get("value") if isinstance(node["template"].get(field), dict) else None
        config = {n: dotdict(f) if isinstance(f, dict) else f for n, f in node["template"].items()}
        template = await _called(component.update_build_config, dotdict(config), value, field)
        node = {**node, "template": dict(template or config)}
        return dict(await _called(component.update_outputs, node, field, value) or node)


async def _called(method: Callable[..., Any], *arguments: Any) -> Any:
    if inspect.iscoroutinefunction(method):
        return await method(*arguments)
    return await asyncio.to_thread(method, *arguments)
