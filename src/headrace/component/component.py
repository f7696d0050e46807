"""The base class of every component."""

from __future__ import annotations

import asyncio
import inspect
import re
import typing
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from headrace.component.component_run import ComponentRun, attribute_of, run_of, shadowable_property
from headrace.component.field_table import FieldTable, field_table
from headrace.component.inputs import Input
from headrace.component.output import Output
from headrace.component.source_view import SourceView
from headrace.component.tools import TOOL_OUTPUT, build_tools
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.tools import BaseTool

    from headrace.component.context import RunContext
    from headrace.component.editor_context import EditorContext
    from headrace.component.model_use import ModelUse


class ComponentError(HeadraceError):
    """A component failed. The message is shown to the author of the flow."""


class PythonExecutionError(ComponentError):
    """Python code from a field or from a model failed. The message names the line."""


class Component:
    """A unit of work with typed ports. A subclass is one short file in `components/<category>/`.

    Each input becomes an attribute of the instance that holds the value of one run. Each output
    names the method that computes its value, plain or `async`. A plain method runs in a thread
    and may block.

        class Shout(Component):
            display_name = "Shout"
            inputs = [MessageTextInput(name="text")]
            outputs = [Output(name="loud", method="shout")]

            def shout(self) -> Message:
                return Message(text=self.text.upper())
    """

    name: ClassVar[str] = ""
    display_name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    documentation: ClassVar[str] = ""
    icon: ClassVar[str] = "component"
    minimized: ClassVar[bool] = False
    beta: ClassVar[bool] = False
    legacy: ClassVar[bool] = False
    inputs: ClassVar[list[Input]] = []
    outputs: ClassVar[list[Output]] = []
    #: The source of a component from a flow or from an operator's folder; None for built-in components, which are files.
    source: ClassVar[str | None] = None
    #: Whether the component's code runs in an isolated process, which this class represents.
    is_isolated: ClassVar[bool] = False
    #: Other `type` names of this component in flows, such as those of older versions.
    aliases: ClassVar[tuple[str, ...]] = ()
    #: `chat` or `text` if the component receives the run's input, or returns the run's answer.
    input_kind: ClassVar[str | None] = None
    output_kind: ClassVar[str | None] = None
    #: Whether the component accepts a message with a token stream that is not complete.
    accepts_stream: ClassVar[bool] = False
    #: Whether plain methods may block and therefore run in a thread; False for short computations on the event loop.
    blocking: ClassVar[bool] = True
    #: The field with the key under which the component sends data to others, or receives data from others.
    notifies: ClassVar[str | None] = None
    listens: ClassVar[str | None] = None
    #: How the component answers with a chat model; None if it has none, or if the options of a run's caller do not reach it.
    model_use: ClassVar[ModelUse | None] = None
    #: Maximum number of retries of an output's method, and the time limit of each attempt in seconds; None for the
    #: time limit of the run. A plain method that exceeds the limit continues in its thread; its result is discarded.
    output_retries: ClassVar[int] = 0
    output_timeout: ClassVar[float | None] = None

    #: The text or value that the editor shows below the node. An output method sets it.
    status: object = None

    _component_run: ComponentRun
    _field_table: ClassVar[FieldTable]

    def __init__(
        self,
        vertex_id: str,
        context: RunContext,
        values: Mapping[str, Any],
        sources: tuple[Component | SourceView, ...] = (),
    ) -> None:
        """Create an instance for one run.

        Args:
            vertex_id: the node's id in the flow.
            context: the run that the instance belongs to.
            values: field name to value; a missing field gets its default.
            sources: the components that are connected to the inputs of this one.

        """
        self._component_run = run = ComponentRun(vertex_id, context, values, sources)
        field_table(type(self)).assign(self, run.values)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return the value of a field, which `inputs` declares."""

    @classmethod
    def type_name(cls) -> str:
        """Return the component's type name, as in a flow's `type`."""
        return cls.name or cls.__name__

    @classmethod
    def output(cls, name: str) -> Output | None:
        """Return the output with this name, or None. A component whose outputs depend on its fields overrides it."""
        return TOOL_OUTPUT if name == TOOL_OUTPUT.name else next((o for o in cls.outputs if o.name == name), None)

    @classmethod
    def create(
        cls,
        vertex_id: str,
        context: RunContext,
        values: Mapping[str, Any],
        sources: tuple[Component | SourceView, ...] = (),
    ) -> Self:
        """Return an instance for one run; see `__init__`."""
        return cls(vertex_id, context, values, sources)

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return a node with the options, fields and outputs that follow from a changed or refreshed field.

        Args:
            node: the node JSON with the new value.
            field: the field's name.
            editing: access to the flows and the network of the user who edits the node.

        """
        return node

    def output_method(self, output: Output) -> Callable[[], object]:
        """Return the method that computes an output's value, plain or `async`."""
        return cast("Callable[[], object]", attribute_of(self, output.method))

    def to_toolkit(self) -> list[BaseTool]:
        """Return one tool for each output, for a node in tool mode."""
        return build_tools(self)

    @shadowable_property
    def source_name(self) -> str:
        """The origin that a message shows with the display name, such as the name of a model."""
        return type(self).display_name

    @shadowable_property
    def id(self) -> str:
        """The node's id in the flow."""
        return run_of(self).vertex_id

    @shadowable_property
    def context(self) -> RunContext:
        """The run that the component belongs to."""
        return run_of(self).context

    @shadowable_property
    def values(self) -> dict[str, Any]:
        """The node's values by field name, including fields that the class does not declare."""
        return run_of(self).values

    @shadowable_property
    def sources(self) -> tuple[SourceView, ...]:
        """The components that are connected to the inputs of this one."""
        return tuple(SourceView.of(source) for source in run_of(self).sources)

    @shadowable_property
    def logs(self) -> list[dict[str, Any]]:
        """The entries that `log` added."""
        return run_of(self).logs

    @shadowable_property
    def closed_outputs(self) -> set[str]:
        """The outputs that are closed in this run."""
        return run_of(self).closed_outputs

    @shadowable_property
    def loop_results(self) -> list[object]:
        """For a loop, the result of its body for each item."""
        return run_of(self).loop_results

    def items(self) -> list[object]:
        """Return the items for which a loop runs its body. A component with an output that allows loops overrides it.

        Raises:
            ComponentError: the component is not a loop.

        """
        raise ComponentError(
            f"{type(self).display_name} cannot run a loop. Connect the loop's edges to a Loop component."
        )

    def stop(self, output_name: str) -> None:
        """Close an output for this run. Components that depend on it do not run."""
        run_of(self).closed_outputs.add(output_name)

    def log(self, message: object, name: str | None = None) -> None:
        """Add an entry to the log of this component in the run."""
        logs = run_of(self).logs
        logs.append({"name": name or f"Log {len(logs) + 1}", "message": message, "type": "text"})


async def call_method(method: Callable[..., Any], *arguments: Any) -> Any:
    """Call a component's method and return its result. A plain method may block and runs in a thread."""
    if inspect.iscoroutinefunction(method):
        return await method(*arguments)
    return await asyncio.to_thread(method, *arguments)


_TYPE_NAME = re.compile(r"\w+")


def output_types(component: type[Component], output_name: str) -> tuple[str, ...]:
    """Return the port types of an output, from its declaration or from the method's return annotation.

    Raises:
        ComponentError: the output or its method is missing, or the method has no return annotation.

    """
    output = component.output(output_name)
    if output is None:
        raise ComponentError(
            f"{component.type_name()} has no output {output_name!r}. Use the name of one of its outputs."
        )
    return types_of(component, output)


def types_of(component: type[Component], output: Output) -> tuple[str, ...]:
    """Return the port types of an output that a component declares or adds; see `output_types`."""
    if output.types:
        return tuple(output.types)
    method = getattr(component, output.method, None)
    if method is None:
        raise ComponentError(
            f"Output {output.name!r} of {component.type_name()} refers to the missing method {output.method!r}. "
            "Add the method or correct the output's `method`."
        )
    annotation = method.__annotations__.get("return")
    if annotation is None and component.source is not None:
        return ("Any",)
    if annotation is None:
        raise ComponentError(
            f"{component.type_name()}.{output.method} has no return annotation. Add one: it sets the port's type."
        )
    return tuple(dict.fromkeys(n for n in _names_in(annotation) if n not in {"list", "None", "NoneType"}))


def _names_in(annotation: object) -> list[str]:
    """Return the names of the types in an annotation, which is a string or an object."""
    if isinstance(annotation, str):
        return _TYPE_NAME.findall(annotation)
    arguments = typing.get_args(annotation)
    if arguments:
        return list(dict.fromkeys(name for argument in arguments for name in _names_in(argument)))
    return [getattr(annotation, "__name__", str(annotation))]
