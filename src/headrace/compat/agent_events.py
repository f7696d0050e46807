"""The events of a LangChain agent as a message with its steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

from headrace.models.steps import end_step, step_begun, steps_block
from headrace.schema import Message

#: Keeps a message and shows it.
SendMessage = Callable[[Message], Awaitable[Message]]


async def process_agent_events(
    agent_executor: AsyncIterator[dict[str, Any]],
    agent_message: Message,
    send_message_callback: SendMessage,
    send_token_callback: Callable[[dict[str, Any]], None] | None = None,
) -> Message:
    """Read the events of a LangChain agent into a message: its tools' steps as content blocks, its answer as the text.

    Args:
        agent_executor: what `astream_events` yields.
        agent_message: the message; an empty block for the steps is made where it has none.
        send_message_callback: told after each step.
        send_token_callback: told each token, where somebody wants them.

    Raises:
        ExceptionWithMessageError: the agent failed; holds the message so far.

    """
    from headrace.compat.helpers import ExceptionWithMessageError

    agent_message.id = agent_message.id or str(uuid4())
    if not agent_message.content_blocks:
        agent_message.content_blocks = [steps_block([])]
    steps: list[dict[str, Any]] = agent_message.content_blocks[0]["contents"]
    open_steps: dict[str, dict[str, Any]] = {}
    try:
        async for event in agent_executor:
            kind, data = event["event"], event["data"]
            if kind == "on_tool_start":
                given = data.get("input")
                step = step_begun(event["name"], given if isinstance(given, dict) else {"input": given})
                open_steps[event["run_id"]] = step
                steps.append(step)
            elif kind in ("on_tool_end", "on_tool_error") and event["run_id"] in open_steps:
                step = open_steps.pop(event["run_id"])
                end_step(step)
                step["output" if kind == "on_tool_end" else "error"] = _told(data.get("output", data.get("error")))
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


def _told(value: Any) -> str:
    return str(getattr(value, "content", value))


def _answer(output: Any) -> str | None:
    found = getattr(output, "return_values", output)
    if not (isinstance(found, dict) and "output" in found):
        return None
    answer = found["output"]
    if isinstance(answer, list):
        return "".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in answer)
    return str(answer)
