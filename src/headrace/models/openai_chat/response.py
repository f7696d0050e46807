"""Parse answers: a JSON body, or the events of a stream.

Source: https://platform.openai.com/docs/api-reference/chat/object and .../chat/streaming
"""

from __future__ import annotations

from typing import Any

import orjson

from headrace.models.openai_chat.completion import Completion, CompletionBuilder, CompletionDelta
from headrace.models.openai_chat.errors import InvalidResponseError, error_from_event, redact
from headrace.models.openai_chat.tool_calls import ToolCallParser, check_call_count, parse_call

#: The data of the event that ends a stream.
DONE = "[DONE]"


def parse_completion(body: bytes, *, secret: str = "") -> Completion:
    """Return the completion in a body.

    Raises:
        ChatApiError: the body describes an error.
        InvalidResponseError: the body is not a chat completion.

    """
    payload = _parse_object(body, secret)
    try:
        choice = payload["choices"][0]
        message = choice["message"]
        raw_calls = message.get("tool_calls") or ()
        check_call_count(len(raw_calls))
        calls = tuple(parse_call(call) for call in raw_calls)
        return Completion(
            id=payload.get("id") or "",
            model=payload.get("model") or "",
            text=_text(message.get("content")),
            tool_calls=calls,
            finish_reason=choice.get("finish_reason") or "",
            usage=payload.get("usage"),
            reasoning=_reasoning(message),
            refusal=message.get("refusal") or "",
            system_fingerprint=payload.get("system_fingerprint") or "",
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _not_a_completion(body, secret) from error


class StreamParser:
    """Parses the events of one stream and builds a completion from them."""

    def __init__(self, *, secret: str = "") -> None:
        self._secret = secret
        self._builder = CompletionBuilder()
        self._calls = ToolCallParser()
        self._done = False

    def parse(self, data: str) -> CompletionDelta | None:
        """Return the part of the answer in an event's data, or None if it has none.

        Raises:
            ChatApiError: the event describes an error.
            InvalidResponseError: the event is not a part of a chat completion.

        """
        if data.strip() == DONE:
            self._done = True
            return None
        payload = _parse_object(data, self._secret)
        try:
            delta = self._parse_chunk(payload)
        except (KeyError, TypeError, AttributeError) as error:
            raise _not_a_completion(data, self._secret) from error
        if delta is not None:
            self._builder.add(delta)
        return delta

    def _parse_chunk(self, payload: dict[str, Any]) -> CompletionDelta | None:
        whole = self._builder.completion
        if not whole.id:
            whole.id = payload.get("id") or ""
            whole.model = payload.get("model") or ""
            whole.system_fingerprint = payload.get("system_fingerprint") or ""
        if usage := payload.get("usage"):
            # Servers that report the usage with every chunk report the total so far, so the last value is used.
            whole.usage = usage
        choices = payload.get("choices")
        if not choices:
            return None
        choice = choices[0]
        if reason := choice.get("finish_reason"):
            whole.finish_reason = reason
        delta = choice.get("delta")
        if not delta:
            return None
        calls = delta.get("tool_calls")
        part = CompletionDelta(
            text=_text(delta.get("content")),
            tool_calls=tuple(self._calls.parse(call, n) for n, call in enumerate(calls)) if calls else (),
            reasoning=_reasoning(delta),
            refusal=delta.get("refusal") or "",
        )
        return part if part.text or calls or part.reasoning or part.refusal else None

    def finish(self) -> Completion:
        """Return the complete answer once the stream has ended.

        Raises:
            InvalidResponseError: the stream ended before the answer did.

        """
        whole = self._builder.build()
        if not self._done and not whole.finish_reason:
            raise InvalidResponseError("The model server ended its stream before the answer was complete. Try again.")
        return whole


def _parse_object(data: bytes | str, secret: str) -> dict[str, Any]:
    try:
        payload = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _not_a_completion(data, secret) from error
    if not isinstance(payload, dict):
        raise _not_a_completion(data, secret)
    if payload.get("error"):
        raise error_from_event(payload, secret=secret)
    return payload


def _not_a_completion(data: bytes | str, secret: str) -> InvalidResponseError:
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return InvalidResponseError(
        f"The model server's answer is not a chat completion: {redact(text, secret)[:200]!r}. Check the base URL."
    )


def _text(content: Any) -> str:
    """Return the text of a message's content: a string, null, or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content) if content else ""


def _reasoning(message: dict[str, Any]) -> str:
    value = message.get("reasoning_content") or message.get("reasoning")
    return value if isinstance(value, str) else ""
