"""Functions that published components import, one by one."""

from __future__ import annotations

import platform
import re
from typing import Any
from urllib.parse import quote, unquote

from headrace.compat.current import context_of
from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.schema import Data, Message


class SSRFProtectionError(ValueError):
    """An address may not be fetched."""


class ExceptionWithMessageError(Exception):
    """An agent failed; holds the message that it had begun."""

    def __init__(self, agent_message: Message, message: str) -> None:
        super().__init__(message)
        self.agent_message = agent_message
        self.message = message


def validate_url_for_ssrf(url: str, *, warn_only: bool = True) -> None:
    """Refuse an address that components may not fetch, whatever `warn_only` says.

    Raises:
        SSRFProtectionError: it may not be fetched; says how an operator allows it.

    """
    try:
        context_of("validate_url_for_ssrf").egress.check(url)
    except (HeadraceError, PermissionError) as error:
        raise SSRFProtectionError(str(error)) from error


def get_chat_result(
    runnable: Any,
    input_value: str | Message,
    system_message: str | None = None,
    config: dict[str, Any] | None = None,
    *,
    stream: bool = False,
) -> Any:
    """Return what a model or a chain answers: its text, or its object; with `stream`, what it says piece by piece.

    Raises:
        ValueError: there is neither something to ask nor a system message.

    """
    from langchain_core.messages import HumanMessage, SystemMessage

    said = input_value.text if isinstance(input_value, Message) else str(input_value or "")
    if not said and not system_message:
        raise ValueError("The message you want to send to the model is empty.")
    messages = [*([SystemMessage(system_message)] if system_message else []), *([HumanMessage(said)] if said else [])]
    if stream:
        return runnable.stream(messages, config=config)
    answer = runnable.invoke(messages, config=config)
    return answer.content if hasattr(answer, "content") else answer


def get_model_name(llm: Any, display_name: str | None = "Custom") -> str | None:
    """Return a model's name, as its class keeps it."""
    names = ("model_name", "model", "model_id", "deployment_name")
    return next((str(v) for name in names if (v := getattr(llm, name, None))), display_name)


async def update_component_build_config(
    component: Any, build_config: dict[str, Any], field_value: Any, field_name: str | None = None
) -> Any:
    """Return a component's fields after one was changed, whether its method is plain or `async`."""
    import inspect

    changed = component.update_build_config(build_config, field_value, field_name)
    return await changed if inspect.isawaitable(changed) else changed


def update_template_values(new_template: dict[str, Any], previous_template: dict[str, Any]) -> None:
    """Put into a node's new fields what stood in its previous ones."""
    for name, previous in previous_template.items():
        field = new_template.get(name)
        if name == "code" or not isinstance(field, dict) or not isinstance(previous, dict):
            continue
        value = previous.get("value")
        if field.get("type") == "dropdown" and field.get("options") and value not in field["options"]:
            continue
        field["value"] = value
        if "load_from_db" in field and "load_from_db" in previous:
            field["load_from_db"] = previous["load_from_db"]


def process_prompt_template(
    template: str, name: str, custom_fields: dict[str, list[str]] | None, frontend_node_template: dict[str, Any]
) -> list[str]:
    """Give a node a field for each name in a prompt's template, and return the names.

    Raises:
        TemplateError: the template cannot be read.

    """
    from headrace.component.template import with_gaps

    before = list((custom_fields or {}).get(name, []))
    fields, names = with_gaps(frontend_node_template, template, before)
    frontend_node_template.clear()
    frontend_node_template.update(fields)
    if custom_fields is not None:
        custom_fields[name] = names
    return names


def transform_connection_string(connection_string: str) -> str:
    """Return a database's address with the password written as addresses have it."""
    match = re.match(r"^([^:/]+://[^:/@]+):(.*)@([^@]+)$", connection_string)
    return f"{match[1]}:{quote(unquote(match[2]), safe='')}@{match[3]}" if match else connection_string


def serialize(obj: Any, max_length: int | None = None, max_items: int | None = None, *, to_str: bool = False) -> Any:
    """Return a value as JSON has it, its texts and lists cut to these lengths."""
    if isinstance(obj, Data):
        obj = obj.model_dump(exclude={"stream"})
    if isinstance(obj, dict):
        return {str(k): serialize(v, max_length, max_items, to_str=to_str) for k, v in list(obj.items())[:max_items]}
    if isinstance(obj, (list, tuple, set)):
        return [serialize(v, max_length, max_items, to_str=to_str) for v in list(obj)[:max_items]]
    if isinstance(obj, str):
        return obj if max_length is None or len(obj) <= max_length else obj[:max_length] + "..."
    if obj is None or isinstance(obj, (bool, int, float)):
        return obj
    return serialize(str(obj), max_length)


def get_user_agent() -> str:
    """Return what a component calls itself when it fetches something."""
    return f"headrace ({platform.system()})"


def get_version_info() -> dict[str, str]:
    """Return the server's name and version."""
    from importlib.metadata import version

    found = version("headrace")
    return {"version": found, "main_version": found, "package": "headrace"}


def is_astra_cloud_environment() -> bool:
    """Return False: this is no such place."""
    return False


def raise_error_if_astra_cloud_disable_component(msg: str) -> None:
    """Do nothing: no component is off for where the server runs."""


def decrypt_api_key(encrypted_api_key: str, settings_service: object = None) -> str:
    """Refuse: what is encrypted here, components do not read.

    Raises:
        ComponentError: always.

    """
    raise ComponentError(
        "Components decrypt nothing of the server's. Name a variable in a SecretStrInput field instead."
    )


def encrypt_api_key(api_key: str, settings_service: object = None) -> str:
    """Refuse, for the same reason.

    Raises:
        ComponentError: always.

    """
    raise ComponentError("Components encrypt nothing with the server's key. Keep a secret as a variable instead.")


def normalize_message_content(message: Any) -> str:
    """Return the text of a LangChain message."""
    return str(message.text)
