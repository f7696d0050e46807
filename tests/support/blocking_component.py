"""A component of the operator that blocks a thread, for flows of any user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.flow_builder import FlowBuilder

SOURCE = """
import time

from lfx.custom.custom_component.component import Component
from lfx.io import MessageTextInput, Output
from lfx.schema.message import Message


class Sleeper(Component):
    display_name = "Sleeper"
    inputs = [MessageTextInput(name="seconds", display_name="Seconds", value="0")]
    outputs = [Output(display_name="Output", name="output", method="sleep")]

    def sleep(self) -> Message:
        time.sleep(float(self.seconds))
        return Message(text="slept")
"""


def write_sleeper(folder: Path) -> Path:
    """Write the component to a folder and return the folder for `LANGFLOW_COMPONENTS_PATH`."""
    category = folder / "components" / "blocking"
    category.mkdir(parents=True)
    (category / "sleeper.py").write_text(SOURCE)
    return category.parent


def sleeping_flow(seconds: float) -> dict[str, Any]:
    """Return a flow that blocks a thread, with the text of the chat input as an input that it ignores."""
    flow = FlowBuilder().node("ChatInput", "ChatInput-a")
    template = {
        "code": {"type": "code", "name": "code", "value": SOURCE, "show": True},
        "seconds": {"type": "str", "name": "seconds", "value": str(seconds), "show": True},
    }
    outputs = [{"name": "output", "method": "sleep", "types": ["Message"], "selected": "Message"}]
    node = {"display_name": "Sleeper", "template": template, "outputs": outputs}
    data = {"id": "Sleeper-s", "type": "Sleeper", "node": node}
    flow.data["nodes"].append({"id": "Sleeper-s", "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data})
    flow.node("ChatOutput", "ChatOutput-b")
    return flow.edge("Sleeper-s", "output", "ChatOutput-b", "input_value").data
