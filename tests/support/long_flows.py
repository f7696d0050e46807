"""Flows that compute for a long time."""

from __future__ import annotations

from typing import Any

from tests.support.flow_builder import FlowBuilder

LOOP_ID = "LoopComponent-l"


def loop_flow(items: int, body: int) -> dict[str, Any]:
    """Return a flow with a loop over `items` texts, whose body is a chain of `body` components that do not block."""
    flow = FlowBuilder()
    flow.node("ChatInput", "ChatInput-a")
    flow.node("TextInput", "TextInput-t", input_value="\n".join(["x"] * items))
    flow.node("SplitText", "SplitText-s", separator="\n", chunk_size=1, chunk_overlap=0)
    flow.node("LoopComponent", LOOP_ID)
    flow.edge("TextInput-t", "text", "SplitText-s", "data_inputs")
    flow.edge("SplitText-s", "dataframe", LOOP_ID, "data")
    source, output = LOOP_ID, "item"
    for number in range(body):
        node_id = f"DataConditionalRouter-{number}"
        flow.node("DataConditionalRouter", node_id, key_name="text", operator="equals", compare_value="x")
        flow.edge(source, output, node_id, "data_input")
        source, output = node_id, "true_output"
    flow.edge(source, output, LOOP_ID, "item")
    loop_back = flow.data["edges"][-1]["data"]
    loop_back["targetHandle"] = {"name": "item", "id": LOOP_ID, "dataType": "LoopComponent", "output_types": ["Data"]}
    flow.node("ChatOutput", "ChatOutput-b")
    flow.edge("ChatInput-a", "message", "ChatOutput-b", "input_value")
    return flow.data
