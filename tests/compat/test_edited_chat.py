"""Edited copies of the chat components, and components that are inspected outside of a flow."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from headrace.testing import load
from tests.support.custom_code import People, create_flow, isolation, lenient_server, people, run_flow, unique_source
from tests.support.flow_builder import FlowBuilder
from tests.support.model_server import KEY

__all__ = ["isolation", "lenient_server", "people"]

INPUT = """
from lfx.base.io.chat import ChatComponent
from lfx.io import MultilineInput, Output
from lfx.schema.message import Message
from lfx.utils.constants import MESSAGE_SENDER_USER


class ChatInput(ChatComponent):
    display_name = "Own Chat Input"
    name = "ChatInput"
    inputs = [MultilineInput(name="input_value", display_name="Input Text", value="", input_types=[])]
    outputs = [Output(display_name="Chat Message", name="message", method="message_response")]

    async def message_response(self) -> Message:
        message = await Message.create(
            text=self.input_value.strip() + "!", sender=MESSAGE_SENDER_USER, sender_name="Own", session_id=self.graph.session_id
        )
        self.status = message
        if self.graph.session_id:
            message = await self.send_message(message)
        return message
"""

OUTPUT = """
from lfx.base.io.chat import ChatComponent
from lfx.helpers.data import safe_convert
from lfx.inputs.inputs import HandleInput
from lfx.schema.message import Message
from lfx.schema.properties import Source
from lfx.template.field.base import Output
from lfx.utils.constants import MESSAGE_SENDER_AI


class ChatOutput(ChatComponent):
    display_name = "Own Chat Output"
    name = "ChatOutput"
    inputs = [HandleInput(name="input_value", input_types=["Data", "DataFrame", "Message"], required=True)]
    outputs = [Output(display_name="Output Message", name="message", method="message_response")]

    async def message_response(self) -> Message:
        source, icon, name, source_id = self.get_properties_from_source_component()
        message = Message(text="> " + safe_convert(self.input_value), sender=MESSAGE_SENDER_AI, sender_name="Own")
        message.properties.source = Source(id=source_id, display_name=name, source=source)
        message.properties.icon = icon
        message.set_flow_id(self.graph.flow_id)
        return await self.send_message(message)
"""


def replace_code(flow: FlowBuilder, node_id: str, code: str) -> None:
    """Replace the code of a node with an edited copy."""
    node = next(n for n in flow.data["nodes"] if n["id"] == node_id)["data"]["node"]
    node["template"]["code"]["value"] = unique_source(code)
    node["edited"] = True


def message_of(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["outputs"][0]["outputs"][0]["results"]["message"])


def test_edited_chat_components_handle_the_input_and_answer_of_a_run(people: People, model_url: str) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "OpenAIModel-m", "input_value")
        .edge("OpenAIModel-m", "text_output", "ChatOutput-b", "input_value")
    )
    replace_code(flow, "ChatInput-a", INPUT)
    replace_code(flow, "ChatOutput-b", OUTPUT)
    flow_id = create_flow(people.root, flow.data)["id"]
    message = message_of(run_flow(people.root, flow_id, " say hello ", session_id=flow_id))
    assert (message["text"], message["sender_name"]) == ("> hello!", "Own")
    assert message["properties"]["source"]["source"] == "gpt-4o-mini"
    assert message["properties"]["source"]["id"] == "OpenAIModel-m"
    stored = people.root.get("/api/v1/monitor/messages", params={"session_id": flow_id}).json()
    assert [(m["text"], m["sender_name"]) for m in stored] == [("say hello!", "Own"), ("> hello!", "Own")]


INSPECTED = """
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema import Data, Message


class Inspected(Component):
    display_name = "Inspected"
    inputs = [MessageTextInput(name="word", display_name="Word", value="dry")]
    outputs = [
        Output(name="loud", display_name="Loud", method="shout"),
        Output(name="record", display_name="Record", method="write"),
    ]

    def shout(self) -> Message:
        self.status = "shouted"
        return Message(text=self.word.upper())

    async def write(self) -> Data:
        return Data(word=self.word)
"""


def test_a_component_can_be_inspected_and_run_outside_of_a_flow() -> None:
    Inspected: Any = load(INSPECTED)
    inspected = Inspected(word="wet", _id="a-1")
    assert inspected.shout().text == "WET"
    assert Inspected().shout().text == "DRY"
    results, shown = asyncio.run(inspected.set(word="cold").run())
    assert (results["loud"].text, results["record"].data, shown["loud"]["repr"]) == (
        "COLD",
        {"word": "cold"},
        "shouted",
    )
    node = inspected.to_frontend_node()
    assert (node["data"]["type"], node["data"]["node"]["template"]["word"]["value"], node["id"]) == (
        "Inspected",
        "cold",
        "a-1",
    )
    assert inspected.get_field_order() == ["word"]
    assert list(inspected.get_outputs_map()) == ["loud", "record"]
    assert inspected.get_output_by_method(inspected.shout).to_dict()["name"] == "loud"
    assert inspected.build_input_error_message("word", "is empty") == "[Component: Inspected | Input: Word] is empty"
    assert inspected.get_trace_as_inputs() == {"word": "cold"}
    assert inspected._vertex is None
    with pytest.raises(ValueError, match="no output 'nowhere'"):
        inspected.get_output("nowhere")
    inspected.stop("loud")
    assert list(asyncio.run(inspected.build_results())[0]) == ["record"]
