"""`headrace mcp` serves flow files to an MCP client over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.mcp_clients import MODES
from tests.support.process import COMMAND

PRINTING_FLOW = """
from lfx.components.input_output import ChatInput, ChatOutput
from lfx.custom.custom_component.component import Component
from lfx.graph import Graph
from lfx.io import MessageTextInput, Output
from lfx.schema.message import Message

class Shout(Component):
    inputs = [MessageTextInput(name="text", display_name="Text")]
    outputs = [Output(name="output", display_name="Output", method="shout")]

    def shout(self) -> Message:
        print("not a message of the protocol")
        return Message(text=self.text.upper())

chat_input = ChatInput()
shout = Shout().set(text=chat_input.message_response)
graph = Graph(chat_input, ChatOutput().set(input_value=shout.shout))
"""


def flow_file(folder: Path, stem: str, data: dict[str, Any], **fields: Any) -> str:
    path = folder / f"{stem}.json"
    path.write_text(json.dumps({"data": data, **fields}))
    return str(path)


def parameters(folder: Path, *files: str) -> StdioServerParameters:
    environment = {**os.environ, "LANGFLOW_CONFIG_DIR": str(folder)}
    return StdioServerParameters(
        command=sys.executable, args=["-c", COMMAND, "mcp", *files], env=environment, cwd=str(folder)
    )


@pytest.mark.parametrize("mode", MODES)
def test_flow_files_are_tools_and_prompts(tmp_path: Path, mode: Any) -> None:
    prompt = FlowBuilder().node("Prompt Template", "Prompt-p", template="Hello {who}.", who="").data
    files = [
        flow_file(tmp_path, "echo file", echo_flow(), action_description="Repeats."),
        flow_file(tmp_path, "other", echo_flow(), name="Echo File"),
        flow_file(tmp_path, "greeting", prompt),
    ]

    async def use() -> None:
        notes: list[float] = []

        async def note(progress: float, total: float | None, message: str | None) -> None:
            notes.append(progress)

        async with Client(parameters(tmp_path, *files), mode=mode) as client:
            tools = (await client.list_tools()).tools
            assert [t.name for t in tools] == ["echo_file", "echo_file_2", "greeting"]
            assert tools[0].description == "Repeats."
            result = await client.call_tool("echo_file", {"input_value": "hi"}, progress_callback=note)
            assert result.structured_content["result"] == "hi"
            assert sorted(notes) == [1, 2]
            assert (await client.call_tool("echo_file", {"city": "Rome"})).is_error
            assert [p.name for p in (await client.list_prompts()).prompts] == ["greeting"]
            message = (await client.get_prompt("greeting", {"who": "Ada"})).messages[0]
            assert message.content.text == "Hello Ada."  # type: ignore[union-attr]
            assert (await client.list_resources()).resources == []

    asyncio.run(use())
    assert list(tmp_path.glob("*.db")) == []


def test_output_of_components_does_not_disturb_the_protocol(tmp_path: Path) -> None:
    (tmp_path / "shout.py").write_text(PRINTING_FLOW)

    async def call() -> str:
        async with Client(parameters(tmp_path, str(tmp_path / "shout.py")), mode="legacy") as client:
            return str((await client.call_tool("untitled_flow", {"input_value": "hi"})).structured_content["result"])

    assert asyncio.run(call()) == "HI"


def test_a_file_that_is_not_a_flow_is_an_error_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    command = [sys.executable, "-c", COMMAND, "mcp", str(tmp_path / "bad.json")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "bad.json is not valid JSON" in result.stderr
