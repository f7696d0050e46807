"""The tools of a component, under the names by which component code uses them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Self

from headrace.compat.active_run import await_in_run, call_in_run
from headrace.component.tools import build_tools

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from headrace.compat.active_run import ActiveRun
    from headrace.component.component import Component


class Toolkit(list["BaseTool"]):
    """The tools of a component. It can be awaited, since some component code does so."""

    def __await__(self) -> Generator[Any, None, Self]:
        """Return the tools without waiting."""
        yield from ()
        return self


class ComponentToolkit:
    """Build tools from the outputs of a component."""

    def __init__(self, component: Component, metadata: Any = None) -> None:
        self.component = component
        self.metadata = metadata

    def get_tools(
        self,
        tool_name: str | None = None,
        tool_description: str | None = None,
        callbacks: Any = None,
        flow_mode_inputs: Any = None,
    ) -> list[BaseTool]:
        """Return a tool for each output. If there is only one, it gets the passed name and description."""
        tools = build_tools(self.component)
        if len(tools) == 1:
            tools[0].name = tool_name or tools[0].name
            tools[0].description = tool_description or tools[0].description
        return tools

    def update_tools_metadata(self, tools: list[BaseTool]) -> list[BaseTool]:
        """Return the tools unchanged: they already have the names and descriptions from the node's settings."""
        return tools


def get_component_toolkit() -> type[ComponentToolkit]:
    """Return the class that builds tools from a component."""
    return ComponentToolkit


def bind_tools_to_run(current: ActiveRun, value: Any) -> Any:
    """Return an output's value; tools in it that component code created are bound to the current run, in place.

    A tool that runs in another process, which has a `remote_ref`, is bound there.
    """
    for item in value if isinstance(value, list) else (value,):
        if any(base.__name__ == "BaseTool" for base in type(item).__mro__) and not hasattr(item, "remote_ref"):
            for name in ("func", "coroutine"):
                function = getattr(item, name, None)
                if function is not None and not hasattr(function, "current"):
                    setattr(item, name, _bind_to_run(current, function))
    return value


def _bind_to_run(current: ActiveRun, function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def await_function(*args: Any, **kwargs: Any) -> Any:
            return await await_in_run(current, lambda: function(*args, **kwargs))

        await_function.current = current  # type: ignore[attr-defined]  # marks a bound function
        return await_function

    @functools.wraps(function)
    def call_function(*args: Any, **kwargs: Any) -> Any:
        return call_in_run(current, lambda: function(*args, **kwargs))

    call_function.current = current  # type: ignore[attr-defined]  # marks a bound function
    return call_function
