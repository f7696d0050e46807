"""For component authors: one component alone, in a test or a notebook, without a server.

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

from headrace.compat.loading import load_component
from headrace.component.component import Component, ComponentError, called
from headrace.runs.standalone import StandaloneContext
from headrace.runs.surroundings import Surroundings
from headrace.settings import load_settings

if TYPE_CHECKING:
    from headrace.schema import Message


@dataclass(slots=True)
class Outcome:
    """What a component did."""

    #: What the output's method gave.
    value: Any
    #: What stands under the node in an editor.
    status: object
    logs: list[dict[str, Any]]
    #: Outputs that it closed.
    stopped: set[str]
    #: Messages that it kept or showed, oldest first.
    messages: list[Message] = field(default_factory=list)


class AloneContext(StandaloneContext):
    """A run of one component, which remembers what was shown."""

    def __init__(self, around: Surroundings, variables: Mapping[str, str]) -> None:
        super().__init__(str(uuid4()), str(uuid4()), around)
        self._variables = variables
        self.shown: list[Message] = []

    async def variable(self, name: str, default: str | None) -> str:
        """Return a variable that the test gives, or one of the environment."""
        return self._variables[name] if name in self._variables else await super().variable(name, default)

    async def store(self, message: Message) -> None:
        """Keep a message for the rest of the run."""
        await super().store(message)
        self.announce(message)

    def announce(self, message: Message) -> None:
        """Remember a message that is shown."""
        super().announce(message)
        if all(m is not message for m in self.shown):
            self.shown.append(message)


def load(source: str | Path) -> type[Component]:
    """Return the component in a file, or in a source itself; it runs in this process.

    Raises:
        ComponentCodeError: it fails, or holds no component; names the line.
        OSError: the file cannot be read.

    """
    is_file = isinstance(source, Path) or "\n" not in source
    return load_component(Path(source).read_text(encoding="utf-8") if is_file else str(source))


async def arun(
    component: type[Component], output: str | None = None, *, variables: Mapping[str, str] | None = None, **fields: Any
) -> Outcome:
    """Have a component make one of its outputs, and return what it did.

    Args:
        component: the class, from `load` or the server's own.
        output: the output's name; the first where none is named.
        variables: what the owner's variables hold.
        fields: the values of the component's fields.

    Raises:
        ComponentError: there is no such output.
        Exception: what the component raises.

    """
    name = output or (component.outputs[0].name if component.outputs else "")
    found = component.output(name)
    if found is None:
        raise ComponentError(f"{component.display_name} has no output {name!r}.")
    around = Surroundings.of(load_settings())
    context = AloneContext(around, variables or {})
    try:
        made = component.made(f"{component.type_name()}-1", context, fields)
        method = made.method_of(found)
        value = await called(method)
        return Outcome(value, made.status, made.logs, made.stopped, context.shown)
    finally:
        context.close()
        await around.close()


def run(
    component: type[Component], output: str | None = None, *, variables: Mapping[str, str] | None = None, **fields: Any
) -> Outcome:
    """Have a component make one of its outputs, outside of async code; see `arun`."""
    return asyncio.run(arun(component, output, variables=variables, **fields))
