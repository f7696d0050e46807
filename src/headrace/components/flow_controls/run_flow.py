"""Run Flow: another flow as one step of this one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.component import BoolInput, Component, ComponentError, DropdownInput, MessageTextInput, Output, StrInput
from headrace.component.context import FlowAnswer, FlowCall
from headrace.component.editing import Editing, Port
from headrace.component.tools import METADATA, text_of, tool_name
from headrace.schema import Data, Message
from headrace.schema.records import records_of

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from pandas import DataFrame

    from headrace.component.context import RunContext

#: In the names of its fields and outputs, what parts a vertex of the other flow from its field or output.
PART = "~"
_CHOSEN = re.compile(r"^(?P<vertex>.+)~(?P<name>[^~]+)$")


class RunFlowComponent(Component):
    """Runs a flow of the same owner. Its fields and outputs are those of the chosen flow's inputs and outputs."""

    name = "RunFlow"
    display_name = "Run Flow"
    description = "Runs another flow."
    icon = "Workflow"
    beta = True
    inputs = [
        DropdownInput(
            name="flow_name_selected",
            display_name="Flow Name",
            options=[],
            refresh_button=True,
            real_time_refresh=True,
            info="The flow to run.",
        ),
        StrInput(
            name="flow_id_selected",
            display_name="Flow ID",
            show=False,
            override_skip=True,
            info="The flow's id.",
            value=None,
        ),
        MessageTextInput(
            name="session_id", display_name="Session ID", advanced=True, info="Empty for the run's own session."
        ),
        BoolInput(name="cache_flow", display_name="Cache Flow", advanced=True, info="Flows are always cached here."),
    ]
    outputs = []

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return the node with the user's flows to choose from, and the fields and outputs of the chosen one.

        Raises:
            ComponentError: the user has no flow of this name.

        """
        if field != "flow_name_selected":
            return node
        node = await with_flow_names(node, editing, field)
        template = {name: value for name, value in node["template"].items() if not _CHOSEN.match(name)}
        name = template[field].get("value")
        if not name:
            return {**node, "template": template, "outputs": []}
        ports = await editing.flow_ports(str(name))
        if ports is None:
            raise ComponentError(f"You have no flow named {name!r}. Refresh the list.")
        inputs = [
            MessageTextInput(name=_joined(port), display_name=port.vertex_name, info=f"Goes into {port.vertex_id}.")
            for port in ports.inputs
        ]
        outputs = [
            Output(name=_joined(p), display_name=p.vertex_name, method="flow_output", types=list(p.types))
            for p in ports.outputs
        ]
        template |= {"flow_id_selected": {**template["flow_id_selected"], "value": ports.flow_id}}
        kept = node["template"]
        template |= {i.name: {**i.to_json(), "value": kept.get(i.name, {}).get("value", "")} for i in inputs}
        return {**node, "template": template, "outputs": [output.to_json() for output in outputs]}

    #: Outputs that older versions had.
    _FORMER = {
        "flow_outputs_data": Output(name="flow_outputs_data", method="data_output", types=["Data"]),
        "flow_outputs_dataframe": Output(name="flow_outputs_dataframe", method="dataframe_output", types=["DataFrame"]),
        "flow_outputs_message": Output(name="flow_outputs_message", method="message_output", types=["Message"]),
    }

    @classmethod
    def output(cls, name: str) -> Output | None:
        """Return an output of the chosen flow, named after its vertex and output, or one of older versions."""
        if _CHOSEN.match(name):
            return Output(name=name, method="flow_output", types=["Any"])
        return cls._FORMER.get(name) or super().output(name)

    def to_toolkit(self) -> list[BaseTool]:
        """Return the flow as a tool."""
        flow = self._flow()
        row: dict[str, Any] = next(iter(self.values.get(METADATA) or [{}]), {})
        name = str(row.get("name") or self.flow_name_selected or flow)
        return [tool_of_flow(self.context, flow, name, str(row.get("description") or ""))]

    def method_of(self, output: Output) -> Callable[[], object]:
        """Return what picks an output's value from the flow's answer."""
        chosen = _CHOSEN.match(output.name)
        if chosen is None:
            return super().method_of(output)

        async def flow_output() -> object:
            answer = await self._answer()
            given = answer.outputs.get(chosen["vertex"], {})
            if chosen["name"] not in given:
                raise ComponentError(
                    f"The flow {self._flow()!r} gave nothing at {output.name!r}. Choose the flow again to see its outputs."
                )
            return given[chosen["name"]]

        return flow_output

    async def data_output(self) -> Data:
        """Return the flow's answer as a record."""
        found = records_of((await self._answer()).values)
        return Data(data=found[0] if len(found) == 1 else {"results": found})

    async def dataframe_output(self) -> DataFrame:
        """Return the flow's answer as a table."""
        from headrace.schema.table import dataframe

        return dataframe(records_of((await self._answer()).values))

    async def message_output(self) -> Message:
        """Return the flow's answer as a text."""
        return Message(text="\n".join(text_of(value) for value in (await self._answer()).values))

    def _flow(self) -> str:
        flow = str(self.flow_id_selected or self.flow_name_selected or "")
        if not flow:
            raise ComponentError("Run Flow needs a flow. Choose one under Flow Name.")
        return flow

    async def _answer(self) -> FlowAnswer:
        if self._answered is None:
            self._answered = await self.context.run_flow(
                FlowCall(self._flow(), session_id=str(self.session_id or "") or None, tweaks=tweaks_of(self.values))
            )
        return self._answered

    _answered: FlowAnswer | None = None


async def with_flow_names(node: dict[str, Any], editing: Editing, field: str = "flow_name") -> dict[str, Any]:
    """Return a node with the names of the user's flows as a field's options."""
    choice = {**node["template"][field], "options": await editing.flow_names()}
    return {**node, "template": {**node["template"], field: choice}}


def _joined(port: Port) -> str:
    return f"{port.vertex_id}{PART}{port.name}"


def tool_of_flow(
    context: RunContext, flow: str, name: str, description: str = "", *, return_direct: bool = False
) -> BaseTool:
    """Return a tool that says something to a flow and reads its answer."""
    from langchain_core.tools import StructuredTool

    async def run(input_value: str) -> str:
        answer = await context.run_flow(FlowCall(flow, input_value=input_value))
        return "\n".join(text_of(value) for value in answer.values)

    return StructuredTool.from_function(
        coroutine=run,
        name=tool_name(name),
        description=description or f"Runs the flow {name} with what is said to it.",
        return_direct=return_direct,
    )


def tweaks_of(values: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    """Return the fields of the other flow among a vertex's own, by vertex and field."""
    tweaks: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        chosen = _CHOSEN.match(name)
        if chosen is not None and value not in (None, ""):
            tweaks.setdefault(chosen["vertex"], {})[chosen["name"]] = (
                value.text if isinstance(value, Message) else value
            )
    return tweaks
