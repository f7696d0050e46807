"""Build flow files in the form that an editor exports."""

from __future__ import annotations

import copy
import functools
from typing import Any, Self

import headrace.components
from headrace.compat.published_code import current_type
from headrace.component.node_json import node_json
from headrace.component.registry import Registry


@functools.cache
def registry() -> Registry:
    return Registry.from_package(headrace.components)


class FlowBuilder:
    """A flow under construction; `data` is its JSON."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {"nodes": [], "edges": [], "viewport": {"x": 0, "y": 0, "zoom": 1}}

    def node(self, type_name: str, node_id: str, **values: Any) -> Self:
        """Add a node with field values and the source of the server's component."""
        component = registry().find(current_type(type_name))
        assert component is not None
        node = copy.deepcopy(node_json(component))
        for name, value in values.items():
            node["template"].setdefault(name, {"type": "str", "name": name, "show": True, "input_types": ["Message"]})
            node["template"][name]["value"] = value
            node["template"][name]["load_from_db"] = False
        data = {"id": node_id, "type": type_name, "node": node}
        self.data["nodes"].append({"id": node_id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data})
        return self

    def edge(self, source: str, output: str, target: str, field: str) -> Self:
        """Connect an output to a field."""
        out = {"dataType": source.split("-")[0], "id": source, "name": output, "output_types": ["Message"]}
        into = {"fieldName": field, "id": target, "inputTypes": ["Message"], "type": "str"}
        edge = {
            "id": f"{source}-{target}-{field}",
            "source": source,
            "target": target,
            "data": {"sourceHandle": out, "targetHandle": into},
        }
        self.data["edges"].append(edge)
        return self


def echo_flow() -> dict[str, Any]:
    """Return a flow from Chat Input to Chat Output."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "ChatOutput-b", "input_value")
        .data
    )


def model_flow(base_url: str, key: str, *, stream: bool = False) -> dict[str, Any]:
    """Return a flow from Chat Input and Prompt Template through a model to Chat Output."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("Prompt Template", "Prompt-p", template="You are {role}.", role="a pirate")
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=base_url, api_key=key, stream=stream, max_retries=0)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "OpenAIModel-m", "input_value")
        .edge("Prompt-p", "prompt", "OpenAIModel-m", "system_message")
        .edge("OpenAIModel-m", "text_output", "ChatOutput-b", "input_value")
        .data
    )
