"""What the server does with each parameter of an OpenAI request.

The tables cover every parameter that OpenAI publishes; a test compares them with the SDK. `docs/api/openai.md` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headrace.formats.openai.errors import UnknownParameterError, UnsupportedParameterError


class Treatment(StrEnum):
    """What a parameter does."""

    #: The server does what the parameter says.
    SERVER = "honoured"
    #: The models of the flow receive it. A flow that cannot honour it is refused with status 400.
    MODEL = "honoured by the flow's model, or 400"
    #: Status 400, unless the value is the default.
    REFUSED = "400, unless it is the default"
    #: Accepted without effect, because it has no meaning for this server.
    NO_EFFECT = "accepted, no effect"


@dataclass(frozen=True, slots=True)
class Parameter:
    """The treatment of a parameter.

    Attributes:
        note: what it does, or why not.
        defaults: the values of a refused parameter that change nothing.

    """

    treatment: Treatment
    note: str
    defaults: tuple[Any, ...] = ()


ParameterTable = Mapping[str, Parameter]


def server(note: str) -> Parameter:
    """Return a parameter that the server honours."""
    return Parameter(Treatment.SERVER, note)


def model(note: str) -> Parameter:
    """Return a parameter that the flow's models honour."""
    return Parameter(Treatment.MODEL, note)


def refused(note: str, *defaults: Any) -> Parameter:
    """Return a parameter that is refused unless its value is null or one of the defaults."""
    return Parameter(Treatment.REFUSED, note, defaults)


def no_effect(note: str) -> Parameter:
    """Return a parameter that has no meaning for this server."""
    return Parameter(Treatment.NO_EFFECT, note)


_SHARED: ParameterTable = {
    "model": server("The flow's id or endpoint name."),
    "stream": server("Events as the flow's model produces them."),
    "temperature": model("Replaces the temperature of the flow's models for this run."),
    "top_p": model("Nucleus sampling."),
    "tools": model("Functions of the client. Their calls come back in the answer. Other types of tools are refused."),
    "tool_choice": model("`auto`, `none`, `required` or a function. Needs `tools`, except for `none` and `auto`."),
    "parallel_tool_calls": model("Whether the model may call several functions of the client at once."),
    "moderation": refused("Add a component to the flow."),
    "prompt_cache_key": no_effect("A hint for OpenAI's caches."),
    "prompt_cache_options": no_effect("A hint for OpenAI's caches."),
    "prompt_cache_retention": no_effect("A hint for OpenAI's caches."),
    "safety_identifier": no_effect("Names an end user to OpenAI."),
    "service_tier": refused("The server has one tier.", "auto", "default"),
    "user": no_effect("Names an end user to OpenAI."),
}

CHAT_PARAMETERS: ParameterTable = {
    **_SHARED,
    "messages": server("The last user message is the input of the flow; the others go to its models as history."),
    "stream_options": server("`include_usage` adds a last chunk with the usage."),
    "n": server("Runs the flow `n` times, at most 16, each in its own session."),
    "metadata": server("`session_id` names the session of the run. Other keys have no effect."),
    "store": no_effect("Completions are not stored. The messages of the session are, by the flow."),
    "max_tokens": model("Maximum number of tokens of an answer; older name of `max_completion_tokens`."),
    "max_completion_tokens": model("Maximum number of tokens of an answer."),
    "stop": model("Up to four texts that end an answer."),
    "seed": model("Seed of the sampling."),
    "response_format": model("`text`, `json_object` or `json_schema`."),
    "frequency_penalty": model("Penalty for frequent tokens."),
    "presence_penalty": model("Penalty for tokens that occurred."),
    "logit_bias": refused("Flows know no token numbers.", {}),
    "reasoning_effort": model("Effort of a reasoning model."),
    "verbosity": refused("Say it in the prompt.", "medium"),
    "logprobs": refused("Flows return no probabilities.", False),
    "top_logprobs": refused("Flows return no probabilities.", 0),
    "audio": refused("Flows return text."),
    "modalities": refused("Flows return text.", ["text"]),
    "prediction": refused("Flows have no predicted outputs."),
    "web_search_options": refused("Add a search component to the flow."),
    "functions": refused("Deprecated. Use `tools`.", []),
    "function_call": refused("Deprecated. Use `tool_choice`.", "none"),
}

RESPONSE_PARAMETERS: ParameterTable = {
    **_SHARED,
    "input": server("A text, or items. The last user message is the input of the flow; the others go to its models."),
    "instructions": model("A system message for the flow's models."),
    "previous_response_id": server("Continues the session of a response."),
    "conversation": server("Runs in the session of a conversation, and adds the items to it."),
    "background": server("Returns at once. A background response cannot be streamed."),
    "store": server("`false` stores no response. The messages of the session are stored by the flow."),
    "metadata": server("Stored and returned with the response. No effect on the run."),
    "include": server(
        "Values for items that flows do not return have no effect. `message.output_text.logprobs` is refused."
    ),
    "stream_options": refused("Events are not padded.", {}, {"include_obfuscation": False}),
    "max_output_tokens": model("Maximum number of tokens of an answer."),
    "text": model("`format`: `text`, `json_object` or `json_schema`. `verbosity` other than `medium` is refused."),
    "reasoning": model("`effort`. `summary` is refused, because flows return no reasoning."),
    "top_logprobs": refused("Flows return no probabilities.", 0),
    "truncation": refused("A flow decides how much history it reads.", "disabled"),
    "prompt": refused("Prompts are part of the flow."),
    "max_tool_calls": refused("Set the limit in the flow's agent."),
    "access_programs": refused("Programs of OpenAI."),
    "background_options": refused("A background response runs as soon as a worker is free."),
    "context_management": refused("A flow decides how much history it reads.", []),
    "image": refused("Flows return text."),
}

EMBEDDING_PARAMETERS: ParameterTable = {
    "model": server("The id or endpoint name of a flow that embeds text."),
    "input": server("A text, or a list of at most 2048 texts. Token numbers are refused."),
    "encoding_format": server("`float` or `base64`."),
    "dimensions": server("Must be the number of dimensions that the flow returns; another one is refused."),
    "user": no_effect("Names an end user to OpenAI."),
}

FILE_PARAMETERS: ParameterTable = {
    "file": server("The file."),
    "purpose": server("One of OpenAI's purposes. Stored and returned."),
    "expires_after": refused("Files are stored until they are deleted."),
}

#: The request of a kind of endpoint, and its table.
#: The parameters of `GET /v1/responses/{id}`.
RETRIEVAL_PARAMETERS: ParameterTable = {
    "include": no_effect("Values for items that flows do not return."),
    "stream": refused("The events of a response are not stored. Poll it until its `status` is final.", False),
    "starting_after": refused("The events of a response are not stored."),
    "include_obfuscation": refused("The events of a response are not stored.", False),
}

TABLES: Mapping[str, ParameterTable] = {
    "chat/completions": CHAT_PARAMETERS,
    "responses": RESPONSE_PARAMETERS,
    "responses/{id}": RETRIEVAL_PARAMETERS,
    "embeddings": EMBEDDING_PARAMETERS,
    "files": FILE_PARAMETERS,
}


def check_parameters(body: Mapping[str, Any], table: ParameterTable) -> None:
    """Check that a request has only parameters that are honoured or have no effect.

    Raises:
        UnknownParameterError: A parameter is not in the table.
        UnsupportedParameterError: A refused parameter has another value than its defaults.

    """
    for name, value in body.items():
        parameter = table.get(name)
        if parameter is None:
            raise UnknownParameterError(name)
        if parameter.treatment is Treatment.REFUSED and value is not None and not _is_default(value, parameter):
            raise UnsupportedParameterError(name, parameter.note)


def _is_default(value: Any, parameter: Parameter) -> bool:
    # `False == 0`, but they are different values of a parameter.
    return any(type(value) is type(default) and value == default for default in parameter.defaults)
