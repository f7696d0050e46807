"""Flow as Tool: a flow that a model may call. Run Flow in tool mode has taken its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import BoolInput, Component, ComponentError, DropdownInput, Output, StrInput
from headrace.component.editing import Editing
from headrace.components.flow_controls.run_flow import tool_of_flow, with_flow_names

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


class FlowToolComponent(Component):
    """Makes a tool of a flow of the same owner: the model says something to it, and reads its answer."""

    name = "FlowTool"
    display_name = "Flow as Tool"
    description = "Makes a tool of another flow."
    icon = "hammer"
    legacy = True
    blocking = False
    inputs = [
        DropdownInput(
            name="flow_name",
            display_name="Flow Name",
            options=[],
            value="",
            refresh_button=True,
            info="The flow to make a tool of.",
        ),
        StrInput(name="tool_name", display_name="Name", info="How the model calls it; empty for the flow's name."),
        StrInput(name="tool_description", display_name="Description", info="What the model is told of it."),
        BoolInput(
            name="return_direct",
            display_name="Return Direct",
            advanced=True,
            info="Whether its answer is the agent's answer.",
        ),
    ]
    outputs = [Output(name="api_build_tool", display_name="Tool", method="build_tool", types=["Tool"])]

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return the node with the user's flows to choose from."""
        return await with_flow_names(node, editing) if field == "flow_name" else node

    def build_tool(self) -> BaseTool:
        """Return the tool.

        Raises:
            ComponentError: no flow is chosen.

        """
        flow = str(self.flow_name or "")
        if not flow:
            raise ComponentError("Flow as Tool needs a flow. Choose one under Flow Name.")
        return tool_of_flow(
            self.context,
            flow,
            str(self.tool_name or flow),
            str(self.tool_description or ""),
            return_direct=bool(self.return_direct),
        )
