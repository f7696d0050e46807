"""The base class of every component."""

from __future__ import annotations

import asyncio
import inspect
import re
import typing
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from headrace.component.inputs import Input, ListableInput, MessageInput, MessageTextInput
from headrace.component.output import Output
from headrace.component.tools import TOOL_OUTPUT, tools_of
from headrace.errors import HeadraceError
from headrace.schema import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.tools import BaseTool

    from headrace.component.context import RunContext
    from headrace.component.editing import Editing


class ComponentError(HeadraceError):
    """A component cannot do what it was asked; the message says why, in the author's words."""


class PythonFailedError(ComponentError):
    """Code that stands in a field or that a model wrote failed; names its line."""


class Component:
    """A unit of work with typed ports. A subclass is one short file in `components/<category>/`.

    `inputs` become attributes of the instance, one run's values; each output names the method
    that makes its value, plain or `async`. A plain method runs in a thread, so it may block.

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
    #: The text of a component that came with a flow or from a folder; None for the server's own, which are files.
    source: ClassVar[str | None] = None
    #: Older `type` names under which published flows know this component.
    formerly: ClassVar[tuple[str, ...]] = ()
    #: `chat` or `text` where the run's input goes in here, or where the run's answer comes out.
    takes_input: ClassVar[str | None] = None
    gives_output: ClassVar[str | None] = None
    #: Whether the component can be handed a message whose model still speaks.
    takes_stream: ClassVar[bool] = False
    #: Whether plain methods may block. Those that only compute a little run on the event loop.
    blocking: ClassVar[bool] = True
    #: The field with the key under which a component tells others of what it got, or hears what others tell.
    notifies: ClassVar[str | None] = None
    listens: ClassVar[str | None] = None
    #: How often an output's method is tried again after it failed, and how long one try may take, seconds; None for
    #: as long as the run. A plain method that takes longer goes on in its thread, and nobody waits for it.
    retries: ClassVar[int] = 0
    timeout: ClassVar[float | None] = None

    def __init__(
        self, vertex_id: str, context: RunContext, values: Mapping[str, Any], sources: tuple[Component, ...] = ()
    ) -> None:
        """Set up for one run.

        Args:
            vertex_id: the node's id in the flow.
            context: the run that this component works in.
            values: field name to value; fields that are absent take their default.
            sources: the components whose outputs feed this one.

        """
        self.id = vertex_id
        self.context = context
        self.sources = sources
        self.status: object = None
        #: Outputs that lead nowhere in this run.
        self.stopped: set[str] = set()
        self.logs: list[dict[str, Any]] = []
        #: For a loop, what its body gave for each item.
        self.collected: list[object] = []
        self.values = dict(values)
        for field in self.inputs:
            raw = self.values.get(field.name, field.value)
            setattr(self, field.name, field_value(field, raw))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Fields are attributes; what each holds is declared in `inputs`."""

    @classmethod
    def type_name(cls) -> str:
        """Return the component's type, as flows write it."""
        return cls.name or cls.__name__

    @classmethod
    def output(cls, name: str) -> Output | None:
        """Return the output of this name. A component whose outputs follow from its fields knows more than it declares."""
        return TOOL_OUTPUT if name == TOOL_OUTPUT.name else next((o for o in cls.outputs if o.name == name), None)

    @classmethod
    def made(
        cls, vertex_id: str, context: RunContext, values: Mapping[str, Any], sources: tuple[Component, ...] = ()
    ) -> Self:
        """Return an instance for one run; see `__init__`."""
        return cls(vertex_id, context, values, sources)

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return a node whose field was changed or refreshed, with what else follows from it: options, fields, outputs.

        Args:
            node: the node as it stands, the new value in it.
            field: the field's name.
            editing: whose node it is.

        """
        return node

    def method_of(self, output: Output) -> Callable[[], object]:
        """Return what makes an output's value, plain or `async`."""
        return cast("Callable[[], object]", getattr(self, output.method))

    def to_toolkit(self) -> list[BaseTool]:
        """Return the component as tools, one for each output, where its node is in tool mode."""
        return tools_of(self)

    @property
    def source_name(self) -> str:
        """What a message names as its origin beside the display name: a model's name, say."""
        return self.display_name

    def items(self) -> list[object]:
        """Return what a loop runs its body for, item by item. A component with an output that allows loops overrides it.

        Raises:
            ComponentError: the component is no loop.

        """
        raise ComponentError(f"{self.display_name} is no loop.")

    def stop(self, output_name: str) -> None:
        """Close an output for this run: what hangs on it alone, or needs it, does not run."""
        self.stopped.add(output_name)

    def log(self, message: object, name: str | None = None) -> None:
        """Add a line to the run's log of this component."""
        self.logs.append({"name": name or f"Log {len(self.logs) + 1}", "message": message, "type": "text"})


def field_value(field: Input, raw: object) -> object:
    """Return a field's value as its component sees it: texts of messages, empty lists for nothing."""
    if isinstance(field, MessageTextInput) and not isinstance(field, MessageInput):
        return [_as_text(item) for item in raw] if isinstance(raw, list) else _as_text(raw)
    if isinstance(field, ListableInput) and field.is_list and raw in ("", None):
        return []
    return raw


async def called(method: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a component's method gives: one that is plain may block, and is called in a thread."""
    if inspect.iscoroutinefunction(method):
        return await method(*arguments)
    return await asyncio.to_thread(method, *arguments)


def _as_text(value: object) -> object:
    if isinstance(value, Message):
        return value.text
    return "" if value is None else value


_TYPE_NAME = re.compile(r"\w+")


def output_types(component: type[Component], output_name: str) -> tuple[str, ...]:
    """Return the port types of an output, from the declaration or the method's annotation.

    Raises:
        ComponentError: the component has no such output, or its method no annotation.

    """
    output = component.output(output_name)
    if output is None:
        raise ComponentError(f"{component.type_name()} has no output {output_name!r}.")
    if output.types:
        return tuple(output.types)
    method = getattr(component, output.method, None)
    if method is None:
        raise ComponentError(
            f"{component.type_name()} has no method {output.method!r}, which its output {output_name!r} names."
        )
    annotation = method.__annotations__.get("return")
    if annotation is None and component.source is not None:
        return ("Any",)
    if annotation is None:
        raise ComponentError(
            f"{component.type_name()}.{output.method} needs a return annotation: it is the port's type."
        )
    return tuple(dict.fromkeys(n for n in _names_in(annotation) if n not in {"list", "None", "NoneType"}))


def _names_in(annotation: object) -> list[str]:
    """Return the names of the types in an annotation, written out or as an object."""
    if isinstance(annotation, str):
        return _TYPE_NAME.findall(annotation)
    inner = typing.get_args(annotation)
    if inner:
        return list(dict.fromkeys(name for one in inner for name in _names_in(one)))
    return [getattr(annotation, "__name__", str(annotation))]
