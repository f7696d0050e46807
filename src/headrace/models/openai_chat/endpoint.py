"""The address of a model server, and the options of its requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.models.openai_chat.reasoning import is_reasoning_model

#: Options that a reasoning model rejects.
_SAMPLING_OPTIONS = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that implements the protocol.

    `timeout_seconds` bounds the connection and every single wait for bytes, not the whole answer. `max_retries`
    counts the attempts after the first.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 700.0
    max_retries: int = 2

    @property
    def completions_url(self) -> str:
        """Return the URL of the chat completions resource, including the query of the base URL."""
        base, mark, query = self.base_url.partition("?")
        return f"{base.rstrip('/')}/chat/completions{mark}{query}"


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """The options of a request, apart from its messages.

    Args:
        model: the model's name.
        stream_usage: whether a stream ends with the usage. Some servers reject the option.
        extra: further members of the request body, such as `reasoning_effort`.

    """

    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: str | Sequence[str] | None = None
    response_format: Mapping[str, Any] | None = None
    stream_usage: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_body(self, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the members of a request body, without `messages` and `stream`.

        Members that are None are left out. A reasoning model gets `max_completion_tokens` for `max_tokens`, and no
        sampling options, which it rejects.

        Args:
            overrides: members for one request; None removes an option.

        """
        body = {
            "model": self.model,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "stop": self.stop,
            "response_format": self.response_format,
            **self.extra,
            **(overrides or {}),
        }
        if is_reasoning_model(str(body["model"])):
            limit = body.pop("max_tokens", None)
            body.setdefault("max_completion_tokens", limit)
            for name in _SAMPLING_OPTIONS:
                body.pop(name, None)
        return {name: value for name, value in body.items() if value is not None}
