"""Flow as Tool: a flow as a tool for a model. Run Flow in tool mode replaces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import BoolInput, Component, ComponentError, DropdownInput, Output, StrInput
from headrace.component.editor_context import EditorContext
from headrace.components.flow_controls.run_flow import tool_of_flow, with_flow_names

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


class FlowToolComponent(Component):
    """Create a tool that runs a flow of the same owner with the model's text and returns its answer."""

    name = "FlowTool"
    display_name = "Flow as Tool"
    description = "Makes another flow available as a tool."
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
            info="Flow that the tool runs.",
        ),
        StrInput(name="tool_name", display_name="Name", info="Name of the tool. Empty for the name of the flow."),
        StrInput(name="tool_description", display_name="Description", info="Description of the tool for the model."),
        BoolInput(
            name="return_direct",
            display_name="Return Direct",
            advanced=True,
            info="Use the flow's answer as the answer of the agent.",
        ),
    ]
    outputs = [Output(name="api_build_tool", display_name="Tool", method="build_tool", types=["Tool"])]

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return the node with the names of the user's flows as options."""
        return await with_flow_names(node, editing) if field == "flow_name" else node

    def build_tool(self) -> BaseTool:
        """Return the tool.

        Raises:
            ComponentError: no flow is selected.

        """
        flow = str(self.flow_name or "")
        if not flow:
            raise ComponentError("Flow as Tool has no flow. Select one under Flow Name.")
        return tool_of_flow(
            self.context,
            flow,
            str(self.tool_name or flow),
            str(self.tool_description or ""),
            return_direct=bool(self.return_direct),
        )
