"""Functions by which component code calls chat models."""

from __future__ import annotations

from typing import Any

from headrace.schema import Message

#: Attributes in which LangChain's model classes keep the model's name, in order of precedence.
_NAME_ATTRIBUTES = ("model_name", "model", "model_id", "deployment_name")


def get_chat_result(
    runnable: Any,
    input_value: str | Message,
    system_message: str | None = None,
    config: dict[str, Any] | None = None,
    *,
    stream: bool = False,
) -> Any:
    """Return the answer of a model or chain: its text, its object, or with `stream` an iterator of chunks.

    Raises:
        ValueError: both the input and the system message are empty.

    """
    from langchain_core.messages import HumanMessage, SystemMessage

    text = input_value.text if isinstance(input_value, Message) else str(input_value or "")
    if not text and not system_message:
        raise ValueError("The message you want to send to the model is empty.")
    messages = [*([SystemMessage(system_message)] if system_message else []), *([HumanMessage(text)] if text else [])]
    if stream:
        return runnable.stream(messages, config=config)
    answer = runnable.invoke(messages, config=config)
    return answer.content if hasattr(answer, "content") else answer


def get_model_name(llm: Any, display_name: str | None = "Custom") -> str | None:
    """Return the name of a LangChain model, or `display_name` if the model has none."""
    return next((str(value) for name in _NAME_ATTRIBUTES if (value := getattr(llm, name, None))), display_name)
