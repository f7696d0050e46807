"""Convert answers to LangChain messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from headrace.models.openai_chat.tool_calls import parse_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.messages import InvalidToolCall, ToolCall
    from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails

    from headrace.models.openai_chat import completion as plain


def to_message(answer: plain.Completion) -> AIMessage:
    """Return a complete answer as a message."""
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in answer.tool_calls:
        args, problem = parse_arguments(call.arguments)
        if args is None:
            invalid.append(invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=problem))
        else:
            calls.append(tool_call(name=call.name, args=args, id=call.id))
    return AIMessage(
        content=answer.text,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=to_usage(answer.usage),
        additional_kwargs=_extras(answer.reasoning, answer.refusal),
        response_metadata=_metadata(answer),
    )


def to_chunk(delta: plain.CompletionDelta) -> AIMessageChunk:
    """Return a part of a streamed answer as a chunk."""
    return AIMessageChunk(
        content=delta.text,
        tool_call_chunks=[
            tool_call_chunk(name=call.name, args=call.arguments, id=call.id, index=call.index)
            for call in delta.tool_calls
        ],
        additional_kwargs=_extras(delta.reasoning, delta.refusal),
        response_metadata={"model_provider": "openai"},
    )


def to_last_chunk(answer: plain.Completion) -> AIMessageChunk:
    """Return the chunk that ends a streamed answer, with the usage and the finish reason."""
    return AIMessageChunk(
        content="",
        usage_metadata=to_usage(answer.usage),
        response_metadata=_metadata(answer),
        chunk_position="last",
    )


def to_usage(usage: Mapping[str, Any] | None) -> UsageMetadata | None:
    """Return the token counts of an answer, or None if the server reports none."""
    if not usage:
        return None
    sent, received = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    counts = UsageMetadata(
        input_tokens=sent, output_tokens=received, total_tokens=usage.get("total_tokens") or sent + received
    )
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    if details := _pick(prompt, audio="audio_tokens", cache_read="cached_tokens"):
        counts["input_token_details"] = cast("InputTokenDetails", details)
    if details := _pick(completion, audio="audio_tokens", reasoning="reasoning_tokens"):
        counts["output_token_details"] = cast("OutputTokenDetails", details)
    return counts


def _pick(counts: Mapping[str, int | None], **names: str) -> dict[str, int]:
    """Return the counts that the server reports, under LangChain's names."""
    return {name: count for name, theirs in names.items() if (count := counts.get(theirs)) is not None}


def _extras(reasoning: str, refusal: str) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if reasoning:
        extras["reasoning_content"] = reasoning
    if refusal:
        extras["refusal"] = refusal
    return extras


def _metadata(answer: plain.Completion) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "model_provider": "openai",
        "model_name": answer.model,
        "finish_reason": answer.finish_reason or None,
    }
    if answer.id:
        metadata["id"] = answer.id
    if answer.usage:
        metadata["token_usage"] = answer.usage
    if answer.system_fingerprint:
        metadata["system_fingerprint"] = answer.system_fingerprint
    return metadata
