"""Flows to measure, drawn from the node JSON that a server or the component registry describes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

#: The node JSON of each component type.
NodeTemplates = Mapping[str, dict[str, Any]]

MODEL_KEY = "bench"


class FlowDrawing:
    """A flow under construction: `data` is the `data` of a flow file."""

    def __init__(self, templates: NodeTemplates) -> None:
        self._templates = templates
        self.data: dict[str, Any] = {"nodes": [], "edges": [], "viewport": {"x": 0, "y": 0, "zoom": 1}}

    def add_node(self, type_name: str, node_id: str, **values: object) -> Self:
        """Add a component with field values."""
        node = copy.deepcopy(self._templates[type_name])
        for name, value in values.items():
            field = {"type": "str", "name": name, "show": True, "input_types": ["Message"]}
            node["template"].setdefault(name, field).update(value=value, load_from_db=False)
        return self.add_raw_node(type_name, node_id, node)

    def add_raw_node(self, type_name: str, node_id: str, node: dict[str, Any]) -> Self:
        """Add a component by its node JSON."""
        data = {"id": node_id, "type": type_name, "node": node}
        self.data["nodes"].append({"id": node_id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data})
        return self

    def connect(self, source: str, output: str, target: str, field: str) -> Self:
        """Connect an output to a field."""
        source_type = next(n["data"]["type"] for n in self.data["nodes"] if n["id"] == source)
        handles = {
            "sourceHandle": {"dataType": source_type, "id": source, "name": output, "output_types": ["Message"]},
            "targetHandle": {"fieldName": field, "id": target, "inputTypes": ["Message"], "type": "str"},
        }
        edge = {"id": f"{source}-{output}-{target}-{field}", "source": source, "target": target, "data": handles}
        self.data["edges"].append(edge)
        return self


def echo_flow(templates: NodeTemplates) -> dict[str, Any]:
    """Return a flow of a Chat Input and a Chat Output."""
    flow = FlowDrawing(templates).add_node("ChatInput", "ChatInput-in").add_node("ChatOutput", "ChatOutput-out")
    return flow.connect("ChatInput-in", "message", "ChatOutput-out", "input_value").data


def model_flow(templates: NodeTemplates, model_url: str, *, stream: bool = False) -> dict[str, Any]:
    """Return a flow of a Chat Input, a prompt, a model and a Chat Output."""
    flow = (
        FlowDrawing(templates)
        .add_node("ChatInput", "ChatInput-in")
        .add_node("Prompt Template", "Prompt-system", template="You are {role}.", role="a pirate")
        .add_node(
            "OpenAIModel",
            "OpenAIModel-model",
            openai_api_base=model_url,
            api_key=MODEL_KEY,
            stream=stream,
        )
        .add_node("ChatOutput", "ChatOutput-out")
    )
    flow.connect("ChatInput-in", "message", "OpenAIModel-model", "input_value")
    flow.connect("Prompt-system", "prompt", "OpenAIModel-model", "system_message")
    return flow.connect("OpenAIModel-model", "text_output", "ChatOutput-out", "input_value").data


def chain_flow(templates: NodeTemplates, vertices: int) -> dict[str, Any]:
    """Return a flow of `vertices` prompts and texts in a row."""
    flow = FlowDrawing(templates).add_node("TextInput", "TextInput-0")
    source, output = "TextInput-0", "text"
    for number in range(1, vertices - 1):
        prompt = f"Prompt-{number}"
        flow.add_node("Prompt Template", prompt, template="{x}", x="").connect(source, output, prompt, "x")
        source, output = prompt, "prompt"
    flow.add_node("TextOutput", "TextOutput-last")
    return flow.connect(source, output, "TextOutput-last", "input_value").data


#: A component in the style of the ones that people write for Langflow.
_CUSTOM_SOURCE = """
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema.message import Message


class Upper(Component):
    display_name = "Upper"
    inputs = [MessageTextInput(name="input_value", display_name="Input")]
    outputs = [Output(name="output", display_name="Output", method="build")]

    def build(self) -> Message:
        return Message(text=self.input_value.upper())
"""


def custom_code_flow(templates: NodeTemplates) -> dict[str, Any]:
    """Return an echo flow with a custom component in the middle."""
    template = {
        "_type": "Component",
        "code": {"type": "code", "value": _CUSTOM_SOURCE, "show": True, "name": "code"},
        "input_value": {"type": "str", "value": "", "name": "input_value", "show": True, "input_types": ["Message"]},
    }
    node = {"template": template, "display_name": "Upper", "outputs": [{"name": "output"}], "edited": True}
    flow = (
        FlowDrawing(templates)
        .add_node("ChatInput", "ChatInput-in")
        .add_raw_node("Upper", "Upper-custom", node)
        .add_node("ChatOutput", "ChatOutput-out")
    )
    flow.connect("ChatInput-in", "message", "Upper-custom", "input_value")
    return flow.connect("Upper-custom", "output", "ChatOutput-out", "input_value").data
