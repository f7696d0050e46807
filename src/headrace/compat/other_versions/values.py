"""Convert field values of other Langflow versions to the form that the present fields take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Names of providers in other versions, and in the provider fields of different components, by component type.
_PROVIDERS: Mapping[str, Mapping[str, str]] = {
    "LanguageModelComponent": {"Google Generative AI": "Google", "IBM WatsonX": "IBM watsonx.ai"},
    "Agent": {"Google": "Google Generative AI", "IBM WatsonX": "IBM watsonx.ai"},
    "EmbeddingModel": {"IBM WatsonX": "IBM watsonx.ai"},
}

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def choice_of_model(value: Any) -> tuple[str | None, str | None]:
    """Return provider and model name of a model field.

    Args:
        value: a list with one choice or the choice itself, `{"name": ..., "provider": ...}`, as Langflow 1.8 and later
            write it; or the model's name as earlier versions do.

    Returns:
        Provider and model name; None for what the value does not name.

    """
    choice = value[0] if isinstance(value, list) and value else value
    if isinstance(choice, str):
        return None, choice or None
    if not isinstance(choice, dict):
        return None, None
    provider, name = choice.get("provider"), choice.get("name")
    return (
        provider if isinstance(provider, str) and provider else None,
        name if isinstance(name, str) and name else None,
    )


def language_model_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a Language Model for the `model` field of Langflow 1.8 and later."""
    return _model_fields(value, "LanguageModelComponent", "provider", "model_name")


def agent_fields(value: Any) -> dict[str, Any]:
    """Return the fields of an Agent for the `model` field of Langflow 1.8 and later."""
    return _model_fields(value, "Agent", "agent_llm", "model_name")


def embedding_model_fields(value: Any) -> dict[str, Any]:
    """Return the fields of an Embedding Model for the `model` field of Langflow 1.8 and later."""
    return _model_fields(value, "EmbeddingModel", "provider", "model")


def _model_fields(value: Any, type_name: str, provider_field: str, name_field: str) -> dict[str, Any]:
    provider, name = choice_of_model(value)
    fields = {
        provider_field: None if provider is None else _PROVIDERS[type_name].get(provider, provider),
        name_field: name,
    }
    return {field: chosen for field, chosen in fields.items() if chosen is not None}


def request_url(value: Any) -> dict[str, Any]:
    """Return the `url_input` for the `urls` of an API Request, which took several: only one can be converted."""
    urls = [value] if isinstance(value, str) else value
    filled = [url for url in urls if url] if isinstance(urls, list) else []
    return {"url_input": filled[0]} if len(filled) == 1 else {}


def request_mode(value: Any) -> dict[str, Any]:
    """Return the `mode` for the `use_curl` of an API Request."""
    return {"mode": "cURL" if value is True else "URL"}


def astra_filter(value: Any) -> dict[str, Any]:
    """Return the `advanced_search_filter` for the `search_filter` of Astra DB: a dictionary, or a list of them."""
    parts = value if isinstance(value, list) else [value]
    merged = {key: item for part in parts if isinstance(part, dict) for key, item in part.items()}
    return {"advanced_search_filter": merged} if merged else {}


def agentql_parameters(value: Any) -> dict[str, Any]:
    """Return the fields for the `params` of AgentQL, which had them in one dictionary."""
    names = ("mode", "wait_for", "is_scroll_to_bottom_enabled", "is_screenshot_enabled")
    return {name: value[name] for name in names if name in value} if isinstance(value, dict) else {}


def file_paths(value: Any) -> dict[str, Any]:
    """Return the `path` list for a `file` field that took one file."""
    return {"path": value if isinstance(value, list) else [value]} if value else {}


def mcp_server(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `mcp_server` for the fields in which MCP components of other versions had an address.

    Args:
        values: the node's field values. `url` or `sse_url` is the address; `mode` is "Stdio" or "SSE" where the
            component had both. The command of a Stdio server has no equivalent: a flow never starts programs.

    """
    if values.get("mcp_server") or values.get("mode") == "Stdio":
        return {}
    url = values.get("sse_url") or values.get("url")
    if not isinstance(url, str) or not url:
        return {}
    headers = {
        row["key"]: row["value"]
        for row in key_value_rows(values.get("headers_input"))
        if isinstance(row.get("key"), str) and isinstance(row.get("value"), str)
    }
    config: dict[str, Any] = {"url": url, "headers": headers} if headers else {"url": url}
    return {"mcp_server": {"name": url, "config": config}}


def single_braces(template: str) -> str:
    """Return a prompt template with `{{name}}` variables in the form with single braces.

    A single brace, which is text in the one form, is doubled in the other.
    """
    pieces: list[str] = []
    end = 0
    for variable in _VARIABLE.finditer(template):
        pieces += [_doubled(template[end : variable.start()]), f"{{{variable[1]}}}"]
        end = variable.end()
    return "".join([*pieces, _doubled(template[end:])])


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def key_value_rows(value: Any) -> list[dict[str, Any]]:
    """Return the rows of a table of keys and values: a dictionary becomes a row for each key."""
    if isinstance(value, dict):
        return [{"key": key, "value": item} for key, item in value.items()]
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def present_value(value: Any, field_type: str, *, is_list: bool) -> Any:
    """Return a value in the form that a field of a type takes, where another version wrote it in another form.

    A text becomes the choice of a sortable list or the one entry of a list, a dictionary the rows of a table,
    a text with a number the number, and a list with one entry that entry. Any other value stays.

    Args:
        value: the value that the flow carries.
        field_type: the present field's `type`.
        is_list: whether the present field takes several values.

    """
    if field_type == "sortableList":
        return [{"name": value}] if isinstance(value, str) and value else value
    if field_type == "table":
        return key_value_rows(value) if isinstance(value, dict) and value else value
    if is_list:
        return [value] if isinstance(value, str) and value and field_type in {"str", "file"} else value
    if field_type in {"str", "int", "float", "bool", "slider"} and isinstance(value, list):
        value = value[0] if len(value) == 1 else value
    return _number(value, field_type)


def _number(value: Any, field_type: str) -> Any:
    if field_type not in {"int", "float", "slider"} or not isinstance(value, str):
        return value
    text = value.strip()
    if not _NUMBER.fullmatch(text):
        return value
    if field_type != "int":
        return float(text)
    return int(text) if text.lstrip("+-").isdecimal() and text.isascii() else value
