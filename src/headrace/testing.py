"""Run a single component in a test or a notebook, without a server.

from headrace.testing import load, run

Shout = load("components/texts/shout.py")
assert run(Shout, text="quiet").value.text == "QUIET"
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.compat.loader import load_component
from headrace.component.component import Component, ComponentError, call_method
from headrace.component.component_run import attribute_of, run_of
from headrace.component.field_check import check_fields
from headrace.component.nearest_name import suggestion
from headrace.runs.local import LocalContext
from headrace.runs.resources import RunResources
from headrace.settings import load_settings

if TYPE_CHECKING:
    from headrace.schema import Message


@dataclass(slots=True)
class ComponentResult:
    """The result of a component: the value of an output and the effects of its method."""

    #: The value that the output's method returned.
    value: Any
    #: The text or value that the editor shows below the node.
    status: object
    #: The entries of the component's log.
    logs: list[dict[str, Any]]
    #: The names of the outputs that the component closed.
    stopped: set[str]
    #: The messages that the component stored or emitted, oldest first.
    messages: list[Message] = field(default_factory=list)


class RecordingContext(LocalContext):
    """The context of a run of a single component, which records its messages."""

    def __init__(self, resources: RunResources, variables: Mapping[str, str]) -> None:
        super().__init__(str(uuid4()), str(uuid4()), resources)
        self._variables = variables
        self.messages: list[Message] = []

    async def get_variable(self, name: str, default: str | None) -> str:
        """Return the value of a variable of the test or of the environment."""
        return self._variables[name] if name in self._variables else await super().get_variable(name, default)

    async def get_secret(self, name: str, default: str | None) -> str:
        """Return the value of a variable of the test or of the environment."""
        return self._variables[name] if name in self._variables else await super().get_secret(name, default)

    async def save_message(self, message: Message) -> None:
        """Store a message for the rest of the run, and record it."""
        await super().save_message(message)
        self.emit_message(message)

    def emit_message(self, message: Message) -> None:
        """Record a message."""
        super().emit_message(message)
        if all(recorded is not message for recorded in self.messages):
            self.messages.append(message)


def load(source: str | Path) -> type[Component]:
    """Load a component in this process.

    Args:
        source: the path of a file, or Python source of more than one line.

    Raises:
        ComponentCodeError: the source fails or defines no component. The message names the line.
        OSError: the file cannot be read.

    """
    is_file = isinstance(source, Path) or "\n" not in source
    if is_file:
        return load_component(Path(source).read_text(encoding="utf-8"), str(source))
    return load_component(str(source))


async def arun(
    component: type[Component],
    output: str | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    extra_fields: Mapping[str, Any] | None = None,
    **fields: Any,
) -> ComponentResult:
    """Run the method of one output of a component.

    Args:
        component: the class, from `load` or one of the built-in components.
        output: the name of the output; None for the first one.
        variables: variable name to value.
        extra_fields: field name to value, for fields that the class does not declare, such as those that
            `update_build_config` adds to a node, and for fields with the name of a parameter of this function.
        fields: field name to value; a missing field gets its default.

    Returns:
        The output's value and the effects of the method.

    Raises:
        FieldError: a field is unknown, or a value is missing or has the wrong type.
        ComponentError: the component has no such output.
        Exception: any error of the component.

    """
    name = output or (component.outputs[0].name if component.outputs else "")
    port = component.output(name)
    if port is None:
        hint = suggestion(name, [port.name for port in component.outputs])
        raise ComponentError(f"{component.__name__} has no output {name!r}. {hint}")
    fields |= extra_fields or {}
    check_fields(component, fields, extra_fields or ())
    resources = RunResources.from_settings(load_settings())
    context = RecordingContext(resources, variables or {})
    try:
        instance = component.create(f"{component.type_name()}-1", context, fields)
        method = component.output_method(instance, port)
        value = await call_method(method)
        state = run_of(instance)
        return ComponentResult(
            value, attribute_of(instance, "status"), state.logs, state.closed_outputs, context.messages
        )
    finally:
        await context.close()
        await resources.close()


def run(
    component: type[Component],
    output: str | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    extra_fields: Mapping[str, Any] | None = None,
    **fields: Any,
) -> ComponentResult:
    """Run the method of one output of a component, outside of async code. See `arun`."""
    return asyncio.run(arun(component, output, variables=variables, extra_fields=extra_fields, **fields))
