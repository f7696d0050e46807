"""Functions that published components import, one by one."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from headrace.compat.current import context_of
from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.schema import Data, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from headrace.component.inputs import Input


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


async def is_valid_ollama_url(url: str) -> bool:
    """Return whether an Ollama server answers at an address."""
    return await _ollama(url, "api/tags") is not None


async def get_ollama_models(
    base_url_value: str,
    desired_capability: str,
    json_models_key: str = "models",
    json_name_key: str = "name",
    json_capabilities_key: str = "capabilities",
) -> list[str]:
    """Return the models of an Ollama server that can do something: `completion`, `tools`, `embedding`.

    Raises:
        ValueError: no server answers there.

    """
    listed = await _ollama(base_url_value, "api/tags")
    if listed is None:
        raise ValueError(f"No Ollama server answers at {base_url_value}.")
    found: list[str] = []
    for one in listed.get(json_models_key, []):
        name = one.get(json_name_key)
        shown = await _ollama(base_url_value, "api/show", {"model": name})
        if shown and desired_capability in shown.get(json_capabilities_key, []):
            found.append(str(name))
    return sorted(found)


async def _ollama(base_url: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    import httpx2

    url = f"{base_url.rstrip('/').removesuffix('/v1')}/{path}"
    try:
        async with context_of("The list of Ollama's models").egress.client(10) as client:
            answer = await (client.get(url) if body is None else client.post(url, json=body))
            return dict(answer.json()) if answer.status_code == 200 else None
    except (httpx2.HTTPError, ValueError):
        return None


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


def maybe_unflatten_dict(flat: dict[str, Any]) -> dict[str, Any]:
    """Return a dict of dotted names, with `[numbers]` for lists, as dicts and lists within one another."""
    if not any(re.search(r"\.|\[\d+\]", name) for name in flat):
        return flat
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        parts: list[str | int] = [
            int(number) if number else part for part, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", name)
        ]
        here: Any = nested
        for part, following in zip(parts, [*parts[1:], None], strict=True):
            new: Any = value if following is None else [] if isinstance(following, int) else {}
            if isinstance(part, int):
                here += [None] * (part + 1 - len(here))
                if here[part] is None or following is None:
                    here[part] = new
            elif following is None or part not in here:
                here[part] = new
            here = here[part]
    return nested


def flatten_schema(root_schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema whose nested objects' properties stand side by side, under dotted names."""
    definitions = root_schema.get("$defs", {})
    flat: dict[str, Any] = {}
    required: list[str] = []

    def walk(schema: dict[str, Any], before: str, *, needed: bool, depth: int) -> None:
        if "$ref" in schema:
            schema = definitions.get(str(schema["$ref"]).rpartition("/")[2], {})
        if "properties" not in schema or depth > 20:
            flat[before] = schema
            if needed:
                required.append(before)
            return
        for name, inner in schema["properties"].items():
            whole = f"{before}.{name}" if before else name
            walk(inner, whole, needed=needed and name in schema.get("required", []), depth=depth + 1)

    walk(root_schema, "", needed=True, depth=0)
    return {**root_schema, "properties": flat, "required": required}


def schema_to_langflow_inputs(schema: type[BaseModel]) -> list[Input]:
    """Return a field for each of a model's, of the kind that fits its type."""
    return [_input_of(name, field) for name, field in schema.model_fields.items()]


def _input_of(name: str, field: Any) -> Input:
    import typing

    from headrace.component import BoolInput, DictInput, DropdownInput, FloatInput, IntInput, MessageTextInput

    kind, is_list = field.annotation, False
    if type(None) in typing.get_args(kind):
        kind = next(a for a in typing.get_args(kind) if a is not type(None))
    if typing.get_origin(kind) is list:
        kind, is_list = (typing.get_args(kind) or (str,))[0], True
    told: dict[str, Any] = {
        "name": name,
        "display_name": field.title or name.replace("_", " ").title(),
        "info": field.description or "",
        "required": field.is_required(),
        "tool_mode": True,
    }
    if not field.is_required() and field.default is not None:
        told["value"] = field.default
    if typing.get_origin(kind) is typing.Literal:
        return DropdownInput(**told, options=[str(o) for o in typing.get_args(kind)])
    makers: dict[Any, Callable[..., Input]] = {bool: BoolInput, int: IntInput, float: FloatInput, dict: DictInput}
    maker = makers.get(typing.get_origin(kind) or kind, MessageTextInput)
    return maker(**told, is_list=is_list)


def create_input_schema_from_json_schema(schema: dict[str, Any]) -> type[BaseModel]:
    """Return a model with a field for each property of a JSON schema."""
    from typing import Literal, Optional

    from pydantic import Field, create_model

    kinds: dict[str, Any] = {"integer": int, "number": float, "boolean": bool, "object": dict, "array": list}
    fields: dict[str, Any] = {}
    for name, told in schema.get("properties", {}).items():
        options = told.get("enum")
        kind: Any = Literal[tuple(options)] if options else kinds.get(str(told.get("type")), str)
        needed = name in schema.get("required", [])
        default = ... if needed else told.get("default")
        fields[name] = (kind if needed else Optional[kind], Field(default, description=told.get("description")))  # noqa: UP045
    return create_model("InputSchema", **fields)


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
