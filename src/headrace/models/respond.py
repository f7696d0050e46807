"""Asking a chat model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.models.provider import ModelError
from headrace.schema import Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage


async def respond(model: BaseChatModel, prompt: object, system: str, *, stream: bool) -> Message:
    """Return the model's answer; with `stream`, a message that still speaks.

    Raises:
        ModelError: there is neither a prompt nor a system message.
        Exception: whatever the provider's client raises.

    """
    from langchain_core.messages import HumanMessage, SystemMessage

    text = prompt.text if isinstance(prompt, Message) else str(prompt or "")
    if not text and not system:
        raise ModelError("The message you want to send to the model is empty.")
    messages: list[BaseMessage] = [SystemMessage(system)] if system else []
    messages.append(HumanMessage(text))
    if stream:
        return Message(stream=_chunks(model, messages))
    answer = await model.ainvoke(messages)
    return Message(text=answer.text if isinstance(answer.text, str) else answer.text())


async def _chunks(model: BaseChatModel, messages: list[BaseMessage]) -> AsyncIterator[str]:
    async for chunk in model.astream(messages):
        yield str(chunk.text)
