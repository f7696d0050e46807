"""Run Flow: runs another flow as a component of this one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.component import BoolInput, Component, ComponentError, DropdownInput, MessageTextInput, Output, StrInput
from headrace.component.context import FlowCall, FlowResult
from headrace.component.editor_context import EditorContext, Port
from headrace.component.tools import TOOLS_METADATA, text_of, tool_name
from headrace.schema import Data, Message
from headrace.schema.records import records_of
from headrace.schema.text_size import join_texts

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from pandas import DataFrame

    from headrace.component.context import RunContext

#: Separates vertex id and port name in the names of the fields and outputs that come from the other flow.
PORT_SEPARATOR = "~"
_FLOW_PORT = re.compile(r"^(?P<vertex>.+)~(?P<name>[^~]+)$")


class RunFlowComponent(Component):
    """Run a flow of the same owner. The selected flow's inputs and outputs are fields and outputs of the node."""

    name = "RunFlow"
    display_name = "Run Flow"
    description = "Runs another flow and returns its outputs."
    icon = "Workflow"
    beta = True
    inputs = [
        DropdownInput(
            name="flow_name_selected",
            display_name="Flow Name",
            options=[],
            refresh_button=True,
            real_time_refresh=True,
            info="Flow to run. Its inputs and outputs appear on this component.",
        ),
        StrInput(
            name="flow_id_selected",
            display_name="Flow ID",
            show=False,
            override_skip=True,
            info="ID of the selected flow.",
            value=None,
        ),
        MessageTextInput(
            name="session_id",
            display_name="Session ID",
            advanced=True,
            info="Session of the other flow's run. Empty for the session of this run.",
        ),
        BoolInput(
            name="cache_flow", display_name="Cache Flow", advanced=True, info="Has no effect. Flows are always cached."
        ),
    ]
    outputs = []

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return the node with the user's flows as options and the ports of the selected flow.

        Raises:
            ComponentError: the user has no flow with this name.

        """
        if field != "flow_name_selected":
            return node
        node = await with_flow_names(node, editing, field)
        template = {name: value for name, value in node["template"].items() if not _FLOW_PORT.match(name)}
        name = template[field].get("value")
        if not name:
            return {**node, "template": template, "outputs": []}
        ports = await editing.flow_ports(str(name))
        if ports is None:
            raise ComponentError(f"You have no flow named {name!r}. Refresh the list and select a flow.")
        inputs = [
            MessageTextInput(name=_port_name(port), display_name=port.vertex_name, info=f"Input of {port.vertex_id}.")
            for port in ports.inputs
        ]
        outputs = [
            Output(name=_port_name(port), display_name=port.vertex_name, method="flow_output", types=list(port.types))
            for port in ports.outputs
        ]
        template |= {"flow_id_selected": {**template["flow_id_selected"], "value": ports.flow_id}}
        previous = node["template"]
        template |= {i.name: {**i.to_json(), "value": previous.get(i.name, {}).get("value", "")} for i in inputs}
        return {**node, "template": template, "outputs": [output.to_json() for output in outputs]}

    #: The outputs of older versions, by name.
    _LEGACY_OUTPUTS = {
        "flow_outputs_data": Output(name="flow_outputs_data", method="data_output", types=["Data"]),
        "flow_outputs_dataframe": Output(name="flow_outputs_dataframe", method="dataframe_output", types=["DataFrame"]),
        "flow_outputs_message": Output(name="flow_outputs_message", method="message_output", types=["Message"]),
    }

    @classmethod
    def output(cls, name: str) -> Output | None:
        """Return an output of the selected flow (`<vertex>~<output>`) or an output of an older version."""
        if _FLOW_PORT.match(name):
            return Output(name=name, method="flow_output", types=["Any"])
        return cls._LEGACY_OUTPUTS.get(name) or super().output(name)

    def to_toolkit(self) -> list[BaseTool]:
        """Return the flow as a tool."""
        flow = self._flow()
        row: dict[str, Any] = next(iter(self.values.get(TOOLS_METADATA) or [{}]), {})
        name = str(row.get("name") or self.flow_name_selected or flow)
        return [tool_of_flow(self.context, flow, name, str(row.get("description") or ""))]

    def output_method(self, output: Output) -> Callable[[], object]:
        """Return the method that runs the flow and returns the value of one of its outputs."""
        port = _FLOW_PORT.match(output.name)
        if port is None:
            return super().output_method(output)

        async def flow_output() -> object:
            result = await self._run_flow()
            values = result.outputs.get(port["vertex"], {})
            if port["name"] not in values:
                raise ComponentError(
                    f"The flow {self._flow()!r} returned no value at {output.name!r}. "
                    "Select the flow again to update its outputs."
                )
            return values[port["name"]]

        return flow_output

    async def data_output(self) -> Data:
        """Return the flow's answer as `Data`; several records as a list under `results`."""
        records = records_of((await self._run_flow()).values)
        return Data(data=records[0] if len(records) == 1 else {"results": records})

    async def dataframe_output(self) -> DataFrame:
        """Return the flow's answer as a table."""
        from headrace.schema.table import dataframe

        return dataframe(records_of((await self._run_flow()).values))

    async def message_output(self) -> Message:
        """Return the flow's answer as a message, one line for each value."""
        return Message(text=join_texts(map(text_of, (await self._run_flow()).values), "\n"))

    def _flow(self) -> str:
        flow = str(self.flow_id_selected or self.flow_name_selected or "")
        if not flow:
            raise ComponentError("Run Flow has no flow. Select one under Flow Name.")
        return flow

    async def _run_flow(self) -> FlowResult:
        if self._result is None:
            self._result = await self.context.run_flow(
                FlowCall(self._flow(), session_id=str(self.session_id or "") or None, tweaks=tweaks_of(self.values))
            )
        return self._result

    _result: FlowResult | None = None


async def with_flow_names(node: dict[str, Any], editing: EditorContext, field: str = "flow_name") -> dict[str, Any]:
    """Return a node with the names of the user's flows as options of a field."""
    updated = {**node["template"][field], "options": await editing.flow_names()}
    return {**node, "template": {**node["template"], field: updated}}


def _port_name(port: Port) -> str:
    return f"{port.vertex_id}{PORT_SEPARATOR}{port.name}"


def tool_of_flow(
    context: RunContext, flow: str, name: str, description: str = "", *, return_direct: bool = False
) -> BaseTool:
    """Return a tool that runs a flow with a text as its chat input and returns the answer as text."""
    from langchain_core.tools import StructuredTool

    async def run(input_value: str) -> str:
        result = await context.run_flow(FlowCall(flow, input_value=input_value))
        return join_texts(map(text_of, result.values), "\n")

    return StructuredTool.from_function(
        coroutine=run,
        name=tool_name(name),
        description=description or f"Runs the flow {name} with the input text and returns its answer.",
        return_direct=return_direct,
    )


def tweaks_of(values: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    """Return the values of the fields that belong to the other flow: vertex id to field name to value."""
    tweaks: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        port = _FLOW_PORT.match(name)
        if port is not None and value not in (None, ""):
            tweaks.setdefault(port["vertex"], {})[port["name"]] = value.text if isinstance(value, Message) else value
    return tweaks
