"""Flows whose answer a component with a model writes."""

from __future__ import annotations

from typing import Any

from tests.support.flow_builder import FlowBuilder
from tests.support.model_server import KEY


def flow_of(kind: str, model_url: str, **values: Any) -> dict[str, Any]:
    """Return a flow of Chat Input, a component with a model, and Chat Output."""
    model = {"openai_api_base": model_url, "api_key": KEY, "max_retries": 0}
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    output = "text_output"
    if kind == "OpenAIModel":
        flow.node("OpenAIModel", "Model-m", **model, **values)
    elif kind == "LanguageModelComponent":
        # Ollama speaks OpenAI's protocol, and its address is a field of this component.
        address = model_url.removesuffix("/v1")
        flow.node(
            "LanguageModelComponent", "Model-m", provider="Ollama", ollama_base_url=address, api_key=KEY, **values
        )
    elif kind == "Agent":
        flow.node("Agent", "Model-m", **{"add_current_date_tool": False, **model, **values})
        output = "response"
    else:
        flow.node("OpenAIModel", "OpenAIModel-o", **model)
        flow.node("ToolCallingAgent", "Model-m", **values)
        flow.edge("OpenAIModel-o", "model_output", "Model-m", "llm")
        flow.data["edges"][-1]["data"]["sourceHandle"]["output_types"] = ["LanguageModel"]
        flow.data["edges"][-1]["data"]["targetHandle"]["inputTypes"] = ["LanguageModel"]
        output = "response"
    flow.edge("ChatInput-a", "message", "Model-m", "input_value")
    return flow.edge("Model-m", output, "ChatOutput-b", "input_value").data
