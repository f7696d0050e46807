"""A component's tools, under the name by which components ask for them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Self

from headrace.compat.current import awaited_within, within
from headrace.component.tools import tools_of

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from headrace.compat.component import Component
    from headrace.compat.current import Current


class Toolkit(list["BaseTool"]):
    """A component's tools, which may be awaited: some authors do."""

    def __await__(self) -> Generator[Any, None, Self]:
        """Return the tools at once."""
        yield from ()
        return self


class ComponentToolkit:
    """The tools that a component's outputs make."""

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
        """Return a tool for each output; with one output it may be named and described."""
        tools = tools_of(self.component)
        if len(tools) == 1:
            tools[0].name = tool_name or tools[0].name
            tools[0].description = tool_description or tools[0].description
        return tools

    def update_tools_metadata(self, tools: list[BaseTool]) -> list[BaseTool]:
        """Return the tools: what their node's author changed of them is in them already."""
        return tools


def get_component_toolkit() -> type[ComponentToolkit]:
    """Return the class that makes tools of a component."""
    return ComponentToolkit


def tools_within(current: Current, value: Any) -> Any:
    """Return what an output gave; where that is an author's tools, they find the run in which they were made."""
    for one in value if isinstance(value, list) else (value,):
        if any(base.__name__ == "BaseTool" for base in type(one).__mro__) and not hasattr(one, "lent"):
            for name in ("func", "coroutine"):
                work = getattr(one, name, None)
                if work is not None and not hasattr(work, "current"):
                    setattr(one, name, _within(current, work))
    return value


def _within(current: Current, work: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(work):

        @functools.wraps(work)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await awaited_within(current, lambda: work(*args, **kwargs))

        awaited.current = current  # type: ignore[attr-defined]
        return awaited

    @functools.wraps(work)
    def called(*args: Any, **kwargs: Any) -> Any:
        return within(current, lambda: work(*args, **kwargs))

    called.current = current  # type: ignore[attr-defined]
    return called
