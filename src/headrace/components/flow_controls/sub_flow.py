"""Sub Flow: another flow's answer as records. Run Flow has taken its place."""

from __future__ import annotations

from typing import Any

from headrace.component import Component, ComponentError, DropdownInput, Output
from headrace.component.context import FlowCall
from headrace.component.editing import Editing
from headrace.component.tools import text_of
from headrace.components.flow_controls.run_flow import tweaks_of, with_flow_names
from headrace.schema import Data, Message


class SubFlowComponent(Component):
    """Runs a flow of the same owner and gives a record for each thing that it answers."""

    name = "SubFlow"
    display_name = "Sub Flow"
    description = "Runs another flow and gives its answers as data."
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
            info="The flow to run.",
        )
    ]
    outputs = [Output(name="flow_outputs", display_name="Flow Outputs", method="generate_results")]

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return the node with the user's flows to choose from."""
        return await with_flow_names(node, editing) if field == "flow_name" else node

    async def generate_results(self) -> list[Data]:
        """Return what the flow answers, a record each.

        Raises:
            ComponentError: no flow is chosen.

        """
        if not self.flow_name:
            raise ComponentError("Sub Flow needs a flow. Choose one under Flow Name.")
        answer = await self.context.run_flow(FlowCall(str(self.flow_name), tweaks=tweaks_of(self.values)))
        return [
            value if isinstance(value, Data) and not isinstance(value, Message) else Data(data={"text": text_of(value)})
            for value in answer.values
        ]
