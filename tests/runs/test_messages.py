"""The messages that a run stores."""

from __future__ import annotations

import uuid

from tests.support.custom_code import (
    People,
    create_flow,
    flow_with_code,
    isolation,
    lenient_server,
    people,
    run_flow,
    unique_source,
)

__all__ = ["isolation", "lenient_server", "people"]

SENDS_TWICE = """
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema.message import Message


class Twice(Component):
    display_name = "Twice"
    inputs = [MessageTextInput(name="input_value", display_name="Input")]
    outputs = [Output(name="output", display_name="Output", method="make")]

    async def make(self) -> Message:
        message = await self.send_message(
            Message(text="draft", sender="Machine", sender_name="AI", session_id=self.graph.session_id)
        )
        message.text = "final"
        return await self.send_message(message)
"""


def test_a_message_that_is_sent_again_replaces_itself(people: People) -> None:
    flow = create_flow(people.root, flow_with_code(unique_source(SENDS_TWICE), "Twice"))
    session = str(uuid.uuid4())
    answer = run_flow(people.root, flow["id"], session_id=session)
    assert answer.status_code == 200, answer.text
    messages = people.root.get("/api/v1/monitor/messages", params={"session_id": session}).json()
    # The component's message, and the one that Chat Output creates from it.
    assert [m["text"] for m in messages if m["sender"] == "Machine"] == ["final", "final"]
