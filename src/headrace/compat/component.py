"""The base class that components written for Langflow import."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from headrace.compat.current import Current, awaited_within, context_of, within
from headrace.compat.records import records_from
from headrace.compat.self_description import SelfDescription
from headrace.compat.toolkit import Toolkit, tools_within
from headrace.compat.values import dotdict
from headrace.compat.views import GraphView, ResultData, RunOutputs
from headrace.component.component import Component as BaseComponent
from headrace.component.component import ComponentError, called, field_value
from headrace.component.context import FlowCall
from headrace.component.inputs import MessageInput
from headrace.component.tools import TOOL_OUTPUT, tools_of
from headrace.schema import Data, Message

if TYPE_CHECKING:
    from headrace.component.context import RunContext
    from headrace.component.editing import Editing
    from headrace.component.inputs import Input
    from headrace.component.output import Output


@dataclass(frozen=True, slots=True)
class Link:
    """A component's output that was set as another's field."""

    component: Component
    output: str


@dataclass(slots=True)
class Drawn:
    """A component as it stands in a flow that is written in Python."""

    values: dict[str, Any] = field(default_factory=dict)
    links: dict[str, list[Link]] = field(default_factory=dict)


#: What authors read of the run under a name of their own, which they may set, too.
_OF_THE_RUN = {"_session_id": "session_id", "_user_id": "user_id"}


class Component(SelfDescription, BaseComponent):
    """A component as its author knows it from Langflow.

    An author's own `__init__` takes keyword arguments; the run's values come to the instance afterwards.
    """

    icon: ClassVar[str] = "code"

    def __init__(self, **parameters: Any) -> None:
        """Set attributes, and the fields of a component of a flow in Python; a run sets its own with `made`."""
        self._attributes: dict[str, Any] = {}
        self._drawn = Drawn()
        self.id = self._id = str(parameters.pop("_id", ""))
        # What a run gives an instance; one that an author makes within a run has it too.
        self.values = {}
        self.sources = ()
        self.status = None
        self.stopped = set()
        self.logs = []
        self.collected = []
        self.set(**parameters)

    @classmethod
    def made(
        cls, vertex_id: str, context: RunContext, values: Mapping[str, Any], sources: tuple[BaseComponent, ...] = ()
    ) -> Self:
        """Return an instance for one run."""
        component = cls()
        BaseComponent.__init__(component, vertex_id, context, values, sources)
        component._attributes = component.values
        component._id = component.id
        for declared in cls.inputs:
            # A text that was typed where a message can be connected is a message, too.
            if isinstance(declared, MessageInput) and isinstance(typed := getattr(component, declared.name), str):
                setattr(component, declared.name, Message(text=typed))
        for name in ("_pre_run_setup", "pre_run_setup"):
            setup: Callable[[], object] | None = getattr(component, name, None)
            if setup is not None:
                setup()
        return component

    def method_of(self, output: Output) -> Callable[[], object]:
        """Return what makes an output's value, within the run for functions that look for it."""
        method = super().method_of(output)
        if output.name == TOOL_OUTPUT.name and (own := getattr(self, "_get_tools", None)) is not None:
            method = own
        current = Current(self.context, asyncio.get_running_loop())
        if inspect.iscoroutinefunction(method):
            work = method

            async def make() -> object:
                return tools_within(current, await awaited_within(current, work))

            return make
        return lambda: tools_within(current, within(current, method))

    def to_toolkit(self) -> Toolkit:
        """Return the component as tools, to be awaited or not."""
        return Toolkit(tools_of(self))

    def get_base_args(self) -> dict[str, Any]:
        """Return what a component is made with that this one makes."""
        return {"_user_id": self.user_id, "_session_id": self.context.session_id}

    def __getattr__(self, name: str) -> Any:
        """Return a value of the node that the class doesn't declare: dynamic fields.

        An instance that an author makes within a run has its context, and its inputs' defaults.
        """
        values = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        if name == "context":
            return context_of(f"{type(self).__name__}.context")
        if name in _OF_THE_RUN:
            return getattr(self.context, _OF_THE_RUN[name])
        field = next((i for i in type(self).inputs if i.name == name), None)
        if field is not None:
            return field_value(field, field.value)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def set(self, **fields: Any) -> Self:
        """Set fields to values, or to another component's output: its method, or the component where it has one output.

        Raises:
            ComponentError: a method makes none of its component's outputs.

        """
        for name, value in fields.items():
            items = value if isinstance(value, list) else [value]
            links = [link for item in items if (link := _link_of(item)) is not None]
            if links:
                self._drawn.links[name] = links
            else:
                self._drawn.values[name] = self.values[name] = value
                setattr(self, name, value)
        return self

    @classmethod
    def get_base_inputs(cls) -> list[Any]:
        """Return the inputs that every component of a base class has; none of this one."""
        return list(getattr(cls, "_base_inputs", []))

    @classmethod
    def get_base_outputs(cls) -> list[Any]:
        """Return the outputs that every component of a base class has; none of this one."""
        return list(getattr(cls, "_base_outputs", []))

    def set_id(self, id_: str) -> None:
        """Name the component within its flow."""
        self.id = id_

    def get_id(self) -> str:
        """Return the component's name within its flow."""
        return self.id

    @property
    def drawn(self) -> Drawn:
        """What was set."""
        return self._drawn

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
    def flow_name(self) -> str | None:
        """Nothing: a component is told its flow's id."""
        return self.graph.flow_name

    @property
    def user_id(self) -> str | None:
        """The id of the user whose flow it is."""
        return self.context.user_id

    @property
    def trace_name(self) -> str:
        """What the component is called in a trace."""
        return f"{self.display_name} ({self.id})"

    @property
    def code(self) -> str | None:
        """The component's source."""
        return self.source

    async def get_variables(self, name: str, field: str = "") -> str:
        """Return one of the owner's variables."""
        return await self.get_variable(name, field)

    async def get_variable(self, name: str, field: str = "", session: object = None) -> str:
        """Return one of the owner's variables."""
        return await self.context.variable(name, None)

    async def send_message(self, message: Message, id_: str | None = None, *, skip_db_update: bool = False) -> Message:
        """Keep a message in the session and show it in the chat."""
        message.session_id = message.session_id or self.context.session_id
        message.flow_id = message.flow_id or self.context.flow_id
        if skip_db_update:
            self.context.announce(message)
        else:
            await self.context.store(message)
        return message

    async def send_error(
        self, exception: Exception, session_id: str, trace_name: str = "", source: object = None
    ) -> Message:
        """Show an error in the chat."""
        text = str(exception) or type(exception).__name__
        error = Message(
            text=text, session_id=session_id, sender="Machine", sender_name="AI", error=True, category="error"
        )
        return await self.send_message(error)

    async def run_flow(
        self,
        inputs: dict[str, Any] | list[dict[str, Any]] | None = None,
        flow_id: str | None = None,
        flow_name: str | None = None,
        output_type: str | None = "chat",
        tweaks: dict[str, Any] | None = None,
    ) -> list[RunOutputs]:
        """Run another flow of the owner's, once for each of the inputs, and return what each run answers.

        Raises:
            ComponentError: no flow is named.

        """
        flow = flow_id or flow_name
        if not flow:
            raise ComponentError("Name a flow: flow_id or flow_name.")
        answers: list[RunOutputs] = []
        for one in inputs if isinstance(inputs, list) else [inputs or {}]:
            said = one.get("input_value")
            call = FlowCall(flow=flow, input_value=None if said is None else str(said), tweaks=tweaks or {})
            given = await self.context.run_flow(call)
            results = [ResultData(i, dict(given.outputs[i])) for i in given.answers]
            answers.append(RunOutputs(one, results))
        return answers

    def stop(self, output_name: str | None = None) -> None:
        """Close an output for this run, or all of them: what hangs on it alone, or needs it, does not run."""
        self.stopped |= {output_name} if output_name is not None else {o.name for o in self.outputs}

    def start(self, output_name: str | None = None) -> None:
        """Open an output that was closed, or all of them."""
        self.stopped -= {output_name} if output_name is not None else set(self.stopped)

    def get_input(self, name: str) -> Input:
        """Return an input's declaration."""
        return next(i for i in self.inputs if i.name == name)

    def get_output(self, name: str) -> Output:
        """Return an output's declaration.

        Raises:
            ValueError: there is none of this name.

        """
        found = self.output(name)
        if found is None:
            raise ValueError(f"{self.display_name or type(self).__name__} has no output {name!r}.")
        return found

    def get_output_by_method(self, method: Callable[..., Any]) -> Output:
        """Return the output that a method makes.

        Raises:
            ValueError: it makes none.

        """
        found = next((o for o in self.outputs if o.method == method.__name__), None)
        if found is None:
            raise ValueError(f"{method.__name__} makes no output of {self.display_name or type(self).__name__}.")
        return found

    @staticmethod
    def resolve_path(path: str) -> str:
        """Return a path as it is: it names a file of the owner's, and no place on the disk."""
        return path

    def get_full_path(self, path: str) -> str:
        """Return a path as it is; see `resolve_path`."""
        return path

    def to_data(self, data: Any, *, keys: list[str] | None = None, silent_errors: bool = False) -> list[Data]:
        """Return objects as records; see `records_from`."""
        return records_from(data, keys, silent=silent_errors)

    def create_references_from_data(self, data: list[Data], *, include_data: bool = False) -> str:
        """Return records as a Markdown list of references; empty where there are none."""
        if not data:
            return ""
        lines = [f"- {d.data if include_data else d.get_text()}" for d in data]
        return "---\n" + "\n".join(lines)

    def get_langchain_callbacks(self) -> list[Any]:
        """Return nothing: runs are traced elsewhere."""
        return []

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
        template = await called(component.update_build_config, dotdict(config), value, field)
        node = {**node, "template": dict(template or config)}
        return dict(await called(component.update_outputs, node, field, value) or node)


def _link_of(value: object) -> Link | None:
    """Return the output that a value stands for, or None for any other value."""
    owner = value if isinstance(value, Component) else getattr(value, "__self__", None)
    if not isinstance(owner, Component):
        return None
    if owner is value:
        if not owner.outputs:
            raise ComponentError(f"{owner.display_name or type(owner).__name__} has no output.")
        return Link(owner, owner.outputs[0].name)
    name = cast("Any", value).__name__
    output = next((o for o in owner.outputs if o.method == name), None)
    if output is None:
        raise ComponentError(f"{name} makes no output of {owner.display_name or type(owner).__name__}.")
    return Link(owner, output.name)
