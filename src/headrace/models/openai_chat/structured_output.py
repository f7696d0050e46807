"""Structured output with the semantics of LangChain's `with_structured_output`."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import RunnableLambda, RunnableMap, RunnablePassthrough
from pydantic import BaseModel

from headrace.models.openai_chat.errors import ChatError, InvalidResponseError, RefusalError
from headrace.models.openai_chat.tools import build_response_format

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from headrace.models.openai_chat.model import Method, OpenAIChatModel

#: Models from before the `json_schema` response format.
_OLDER_MODELS = ("gpt-3", "gpt-4-")
_INCOMPLETE = {
    "length": "the answer reached the limit of tokens. Raise max_tokens or ask for less",
    "content_filter": "the provider's content filter stopped it",
}


def bind_schema(
    model: OpenAIChatModel,
    schema: dict[str, Any] | type | None,
    *,
    method: Method | None = None,
    include_raw: bool = False,
    strict: bool | None = None,
    **kwargs: Any,
) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
    """Return a runnable whose answer is valid for `schema`.

    Args:
        model: the model that is asked.
        schema: a Pydantic class, whose instances are returned, or a TypedDict or JSON schema, for dicts. Only
            `json_mode` works without one.
        method: `json_schema` (the default, where the model supports it) uses the response format, `function_calling`
            a tool that the model has to call, `json_mode` any JSON object, whose form the prompt has to describe.
        include_raw: return `{"raw", "parsed", "parsing_error"}`, and no parsing error is raised.
        strict: whether the provider enforces the schema.
        kwargs: further members of the request body.

    Raises:
        ChatError: the method is unknown or needs a schema.

    """
    method = method or _default_method(model.model_name)
    if schema is None and method != "json_mode":
        raise ChatError(f"Structured output by {method!r} needs a schema.")
    if method == "function_calling":
        asking, parser = _by_tool(model, schema, strict, kwargs)
    elif method == "json_schema":
        asking = model.bind(response_format=build_response_format(schema, strict=strict), **kwargs)  # type: ignore[arg-type]  # checked above
        parser = RunnableLambda(_check_complete) | _json_parser(schema)
    elif method == "json_mode":
        asking = model.bind(response_format={"type": "json_object"}, **kwargs)
        parser = RunnableLambda(_check_complete) | _json_parser(schema)
    else:
        raise ChatError(
            f"Structured output has no method {method!r}. Choose json_schema, function_calling or json_mode."
        )
    answer: Runnable[LanguageModelInput, dict[str, Any] | BaseModel] = (
        _with_raw(asking, parser) if include_raw else asking | parser
    )
    return answer


def _default_method(model: str) -> Method:
    return "function_calling" if model == "gpt-4" or model.startswith(_OLDER_MODELS) else "json_schema"


def _is_pydantic(schema: object) -> bool:
    return isinstance(schema, type) and issubclass(schema, BaseModel)


def _by_tool(model: OpenAIChatModel, schema: Any, strict: bool | None, kwargs: dict[str, Any]) -> tuple[Any, Any]:
    from langchain_core.utils.function_calling import convert_to_openai_tool

    name = convert_to_openai_tool(schema)["function"]["name"]
    kwargs.setdefault("parallel_tool_calls", False)
    asking = model.bind_tools([schema], tool_choice=name, strict=strict, **kwargs)
    parser: Any = (
        PydanticToolsParser(tools=[schema], first_tool_only=True)
        if _is_pydantic(schema)
        else JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)
    )
    return asking, parser


def _json_parser(schema: Any) -> Any:
    return PydanticOutputParser(pydantic_object=schema) if _is_pydantic(schema) else JsonOutputParser()


def _check_complete(message: AIMessage) -> AIMessage:
    """Return the answer if it is complete.

    Raises:
        RefusalError: the model refused.
        InvalidResponseError: the answer was cut off.

    """
    if refusal := message.additional_kwargs.get("refusal"):
        raise RefusalError(f"The model refused to answer: {refusal}")
    if problem := _INCOMPLETE.get(message.response_metadata.get("finish_reason") or ""):
        raise InvalidResponseError(f"The structured answer is incomplete: {problem}.")
    return message


def _with_raw(asking: Any, parser: Any) -> Any:
    """Return a runnable that returns the answer, its parsed form, and the parsing error instead of raising it."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asking) | parsed.with_fallbacks([failed], exception_key="parsing_error")
