"""Custom agents that use the classes, lists and components which published agents import."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.support.custom_code import People, create_flow, isolation, lenient_server, people, run_flow, unique_source
from tests.support.flow_builder import FlowBuilder
from tests.support.model_server import KEY

__all__ = ["isolation", "lenient_server", "people"]

AGENT = """
from langchain_core.tools import StructuredTool
from lfx.base.agents.agent import LCToolsAgentComponent
from lfx.base.agents.events import ExceptionWithMessageError
from lfx.base.models.model_input_constants import (
    ALL_PROVIDER_FIELDS,
    MODEL_DYNAMIC_UPDATE_FIELDS,
    MODEL_PROVIDERS_DICT,
    MODEL_PROVIDERS_LIST,
    MODELS_METADATA,
)
from lfx.base.models.model_utils import get_model_name
from lfx.components.helpers import CurrentDateComponent
from lfx.components.langchain_utilities.tool_calling import ToolCallingAgentComponent
from lfx.components.models_and_agents.memory import MemoryComponent
from lfx.custom.custom_component.component import get_component_toolkit
from lfx.custom.utils import update_component_build_config
from lfx.io import DropdownInput, IntInput, MultilineInput, Output
from lfx.schema.dotdict import dotdict
from lfx.schema.message import Message


class OwnAgent(ToolCallingAgentComponent):
    display_name = "Own Agent"
    inputs = [
        DropdownInput(name="agent_llm", options=[*MODEL_PROVIDERS_LIST], value="OpenAI",
                      options_metadata=[MODELS_METADATA[name] for name in MODEL_PROVIDERS_LIST], real_time_refresh=True),
        *MODEL_PROVIDERS_DICT["OpenAI"]["inputs"],
        MultilineInput(name="system_prompt", value="Be kind."),
        IntInput(name="n_messages", value=10),
        *LCToolsAgentComponent.get_base_inputs(),
    ]
    outputs = [Output(name="response", method="message_response")]

    async def message_response(self) -> Message:
        provider = MODEL_PROVIDERS_DICT[self.agent_llm]
        values = {i.name: getattr(self, f"{provider['prefix']}{i.name}") for i in provider["inputs"]}
        model = provider["component_class"].set(**values).build_model()
        self.log(get_model_name(model))
        memory = MemoryComponent(**self.get_base_args()).set(
            session_id=self.graph.session_id, order="Ascending", n_messages=self.n_messages
        )
        before = [m for m in await memory.retrieve_messages() if m.id != self.input_value.id]
        date = (await CurrentDateComponent(**self.get_base_args()).to_toolkit()).pop(0)
        assert isinstance(date, StructuredTool)
        tools = [t for one in self.tools for t in (one if isinstance(one, list) else [one])]
        self.set(llm=model, tools=[*tools, date], chat_history=before)
        agent = self.create_agent_runnable()
        try:
            return await self.run_agent(agent)
        except ExceptionWithMessageError as error:
            raise ValueError(f"own agent: {error.message}") from error

    async def _get_tools(self):
        tools = get_component_toolkit()(component=self).get_tools(
            tool_name="ask_own_agent", tool_description="Asks it.", callbacks=self.get_langchain_callbacks()
        )
        return tools

    async def update_build_config(self, build_config: dotdict, field_value, field_name=None) -> dotdict:
        if field_name == "agent_llm":
            for name in ALL_PROVIDER_FIELDS:
                if name not in {"system_prompt"}:
                    build_config.pop(name, None)
            provider = MODEL_PROVIDERS_DICT.get(field_value)
            build_config.update(provider["fields"] if provider else {})
        if field_name in MODEL_DYNAMIC_UPDATE_FIELDS:
            component = MODEL_PROVIDERS_DICT["OpenAI"]["component_class"]
            build_config = await update_component_build_config(component, build_config, field_value, field_name)
        return dotdict({k: v.to_dict() if hasattr(v, "to_dict") else v for k, v in build_config.items()})
"""


def with_agent(code: str, model_url: str, outputs: str = "response") -> FlowBuilder:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("CalculatorComponent", "Calculator-c")
    template: dict[str, Any] = {"_type": "Component", "code": {"type": "code", "value": code, "name": "code"}}
    for name, value in {"openai_api_base": model_url, "api_key": KEY, "model_name": "gpt-4o", "max_retries": 0}.items():
        template[name] = {"type": "str", "name": name, "value": value, "show": True}
    node = {"template": template, "display_name": "Own Agent", "outputs": [{"name": outputs}], "edited": True}
    data = {"id": "Agent-o", "type": "Agent", "node": node}
    flow.data["nodes"].append({"id": "Agent-o", "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data})
    return flow.edge("Calculator-c", "component_as_tool", "Agent-o", "tools")


def message_of(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["outputs"][0]["outputs"][0]["results"]["message"])


def test_an_edited_agent_calls_tools_and_reads_the_history(people: People, model_url: str) -> None:
    flow = with_agent(unique_source(AGENT), model_url).node("ChatOutput", "ChatOutput-b")
    flow.edge("ChatInput-a", "message", "Agent-o", "input_value").edge(
        "Agent-o", "response", "ChatOutput-b", "input_value"
    )
    flow_id = create_flow(people.root, flow.data)["id"]
    prompt = 'call evaluate_expression {"expression": "6*7"} & get_current_date {"timezone": "UTC"}'
    message = message_of(run_flow(people.root, flow_id, prompt, session_id="own agent"))
    steps = message["content_blocks"][0]["contents"]
    # Both tools start at once.
    assert sorted(s["name"] for s in steps) == ["evaluate_expression", "get_current_date"]
    assert "42" in message["text"]
    # The model of the tests repeats the system prompt and the last message.
    assert (
        message_of(run_flow(people.root, flow_id, "hello", session_id="own agent"))["text"].strip()
        == "[Be kind.] hello"
    )


def test_an_agents_code_handles_the_error_of_its_model(people: People, model_url: str) -> None:
    flow = with_agent(unique_source(AGENT), model_url).node("ChatOutput", "ChatOutput-b")
    flow.edge("ChatInput-a", "message", "Agent-o", "input_value").edge(
        "Agent-o", "response", "ChatOutput-b", "input_value"
    )
    agent = next(n for n in flow.data["nodes"] if n["id"] == "Agent-o")
    agent["data"]["node"]["template"]["api_key"]["value"] = "sk-wrong"
    answer = run_flow(people.root, create_flow(people.root, flow.data)["id"], "hello")
    assert "own agent: " in answer.text
    assert "sk-wrong" not in answer.text


def test_an_agent_is_a_tool_of_another_agent_under_its_own_tool_name(people: People, model_url: str) -> None:
    flow = with_agent(unique_source(AGENT), model_url, "component_as_tool")
    flow.node("Agent", "Agent-g", openai_api_base=model_url, api_key=KEY, max_retries=0)
    flow.node("ChatOutput", "ChatOutput-b").edge("ChatInput-a", "message", "Agent-g", "input_value")
    flow.edge("Agent-o", "component_as_tool", "Agent-g", "tools").edge(
        "Agent-g", "response", "ChatOutput-b", "input_value"
    )
    prompt = 'call ask_own_agent {"input_value": "say from within"}'
    assert (
        message_of(run_flow(people.root, create_flow(people.root, flow.data)["id"], prompt))["text"].strip()
        == "from within"
    )


@pytest.mark.parametrize(("provider", "has_field"), [("Anthropic", False), ("OpenAI", True)])
def test_the_fields_of_an_agent_change_with_the_provider(people: People, provider: str, has_field: bool) -> None:
    code = unique_source(AGENT)
    node = people.root.post("/api/v1/custom_component", json={"code": code}).json()["data"]
    body = {"code": code, "template": node["template"], "field": "agent_llm", "field_value": provider}
    answer = people.root.post("/api/v1/custom_component/update", json=body)
    assert answer.status_code == 200, answer.text
    assert ("openai_api_base" in answer.json()["template"]) is has_field
    assert provider in json.dumps(answer.json()["template"]["api_key"])
