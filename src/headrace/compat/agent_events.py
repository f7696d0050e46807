"""Turn the events of a LangChain agent into a message with steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

from headrace.models.agent_steps import create_step, finish_step, steps_block
from headrace.schema import Message

#: Stores a message and shows it in the chat.
SendMessage = Callable[[Message], Awaitable[Message]]


class ExceptionWithMessageError(Exception):
    """An agent failed after it had started its message, which the error holds."""

    def __init__(self, agent_message: Message, message: str) -> None:
        super().__init__(message)
        self.agent_message = agent_message
        self.message = message


async def process_agent_events(
    agent_executor: AsyncIterator[dict[str, Any]],
    agent_message: Message,
    send_message_callback: SendMessage,
    send_token_callback: Callable[[dict[str, Any]], None] | None = None,
) -> Message:
    """Update a message from the events of a LangChain agent: tool calls become content blocks, the answer its text.

    Args:
        agent_executor: the events, as `astream_events` yields them.
        agent_message: the message. A content block for the steps is added if it has none.
        send_message_callback: called with the message after each step.
        send_token_callback: called with each chunk of the model, if set.

    Raises:
        ExceptionWithMessageError: the agent failed.

    """
    agent_message.id = agent_message.id or str(uuid4())
    if not agent_message.content_blocks:
        agent_message.content_blocks = [steps_block([])]
    steps: list[dict[str, Any]] = agent_message.content_blocks[0]["contents"]
    open_steps: dict[str, dict[str, Any]] = {}
    try:
        async for event in agent_executor:
            kind, data = event["event"], event["data"]
            if kind == "on_tool_start":
                tool_input = data.get("input")
                step = create_step(event["name"], tool_input if isinstance(tool_input, dict) else {"input": tool_input})
                open_steps[event["run_id"]] = step
                steps.append(step)
            elif kind in ("on_tool_end", "on_tool_error") and event["run_id"] in open_steps:
                step = open_steps.pop(event["run_id"])
                finish_step(step)
                step["output" if kind == "on_tool_end" else "error"] = _to_text(data.get("output", data.get("error")))
            elif kind == "on_chat_model_stream":
                if send_token_callback is not None and data["chunk"].text:
                    send_token_callback({"chunk": str(data["chunk"].text), "id": agent_message.id})
                continue
            elif kind == "on_chain_end" and (answer := _answer(data.get("output"))) is not None:
                agent_message.text = answer
            else:
                continue
            agent_message = await send_message_callback(agent_message)
    except Exception as error:
        raise ExceptionWithMessageError(agent_message, str(error)) from error
    agent_message.properties.state = "complete"
    return agent_message


def _to_text(value: Any) -> str:
    return str(getattr(value, "content", value))


def _answer(output: Any) -> str | None:
    values = getattr(output, "return_values", output)
    if not (isinstance(values, dict) and "output" in values):
        return None
    answer = values["output"]
    if isinstance(answer, list):
        return "".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in answer)
    return str(answer)
