"""Send a conversation to a chat model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component.component_run import run_of
from headrace.models.chat_model import as_chat_model
from headrace.models.model_request import model_request_of
from headrace.models.provider import ModelError
from headrace.schema import Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from langchain_core.language_models import BaseChatModel

    from headrace.component import Component
    from headrace.models.chat_model import ChatModel, ChatStream
    from headrace.models.conversation import Conversation
    from headrace.models.model_request import ModelRequest
    from headrace.models.provider import Provider


async def ask_model(
    component: Component,
    model: ChatModel | BaseChatModel,
    conversation: Conversation,
    *,
    stream: bool,
    provider: Provider | None = None,
) -> Message:
    """Return the model's answer.

    Args:
        component: the component that asks. If it writes the flow's answer, the options of the run's caller apply.
        model: the model.
        conversation: the messages of the component.
        stream: whether the message streams its text.
        provider: the provider of the model; None if it is unknown.

    Raises:
        ModelError: the conversation is empty, or the provider cannot take a file.
        UnsupportedOptionError: the model cannot honour an option of the caller.
        EndRun: the model called a tool of the caller.
        Exception: the error of the provider's client.

    """
    vertex_id = run_of(component).vertex_id
    if not conversation.system and conversation.is_empty(vertex_id):
        raise ModelError("The message you want to send to the model is empty.")
    messages = await conversation.messages(component, provider)
    chat = as_chat_model(model)
    request = model_request_of(vertex_id)
    if request is not None:
        from headrace.models.caller_tools import with_caller_tools

        chat = with_caller_tools(chat.with_caller_options(request.options), request.options)
    if stream:
        return Message(stream=stream_text(chat.stream(messages), request))
    completion = await chat.complete(messages)
    if request is not None:
        request.finish(completion)
    return Message(text=completion.text)


async def stream_text(stream: ChatStream, request: ModelRequest | None = None) -> AsyncIterator[str]:
    """Yield the text of a streamed answer, and stop the answer when the consumer stops.

    Args:
        stream: the answer.
        request: the request of the run's caller, which receives the end of the answer; None if it does not apply.

    Raises:
        EndRun: the model called a tool of the caller.

    """
    try:
        async for delta in stream:
            if delta.text:
                yield delta.text
    finally:
        await stream.aclose()
    if request is not None:
        request.finish(stream.completion)
