"""A component's tools, under the name by which components ask for them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Self

from headrace.component.tools import tools_of

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from headrace.compat.component import Component


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
