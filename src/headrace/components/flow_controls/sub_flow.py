"""Sub Flow: runs another flow and returns its answer as data. Run Flow replaces it."""

from __future__ import annotations

from typing import Any

from headrace.component import Component, ComponentError, DropdownInput, Output
from headrace.component.context import FlowCall
from headrace.component.editor_context import EditorContext
from headrace.component.tools import text_of
from headrace.components.flow_controls.run_flow import tweaks_of, with_flow_names
from headrace.schema import Data, Message


class SubFlowComponent(Component):
    """Run a flow of the same owner and return a record for each value of its answer."""

    name = "SubFlow"
    display_name = "Sub Flow"
    description = "Runs another flow and returns its answer as data."
    icon = "Workflow"
    legacy = True
    inputs = [
        DropdownInput(
            name="flow_name",
            display_name="Flow Name",
            options=[],
            value="",
            refresh_button=True,
            real_time_refresh=True,
            info="Flow to run.",
        )
    ]
    outputs = [Output(name="flow_outputs", display_name="Flow Outputs", method="generate_results")]

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return the node with the names of the user's flows as options."""
        return await with_flow_names(node, editing) if field == "flow_name" else node

    async def generate_results(self) -> list[Data]:
        """Return a record for each value of the flow's answer.

        Raises:
            ComponentError: no flow is selected.

        """
        if not self.flow_name:
            raise ComponentError("Sub Flow has no flow. Select one under Flow Name.")
        result = await self.context.run_flow(FlowCall(str(self.flow_name), tweaks=tweaks_of(self.values)))
        return [
            value if isinstance(value, Data) and not isinstance(value, Message) else Data(data={"text": text_of(value)})
            for value in result.values
        ]
