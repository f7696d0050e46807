"""Remove secrets from values of fields: texts, tables, dictionaries, settings of MCP servers. The shape of a value stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from headrace.graph.secret_commands import (
    is_curl,
    scrub_arguments,
    scrub_assignment,
    scrub_command,
    scrub_curl,
    scrub_header,
)
from headrace.graph.secret_text import remove_path_secrets, remove_secrets
from headrace.net.secret_names import HARMLESS_HEADERS, has_word, is_secret_name

#: Nested containers in a value; deeper ones are emptied.
MAX_DEPTH = 100
#: Columns with the name of a row in a table of headers or variables.
_NAME_COLUMNS = ("key", "name", "header", "variable")
#: Parts of a JSON schema that hold a value of the described field.
_SCHEMA_VALUES = frozenset({"value", "default", "const", "enum", "example", "examples"})


def scrub_named(name: str, value: Any, depth: int = 0) -> Any:
    """Return the value of a field or of a dictionary's key without secrets, judging by its name and content."""
    if depth > MAX_DEPTH:
        return empty(value)
    if has_word(name, "headers", "header"):
        return _scrub_pairs(value, scrub_header, _scrub_header_value, depth)
    if has_word(name, "env", "environment", "envs", "environ", "cookies"):
        return _scrub_pairs(value, scrub_assignment, lambda _name, inner: empty(inner), depth)
    if has_word(name, "args", "arguments", "argv") and isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return scrub_arguments(value)
    elif has_word(name, "args", "arguments", "command", "cmd") and isinstance(value, str):
        return scrub_curl(value, _scrub_body) if is_curl(value) else scrub_command(value)
    if is_secret_name(name):
        return _scrub_secret(value, depth)
    return scrub(value, depth)


def scrub(value: Any, depth: int = 0) -> Any:
    """Return a value without the secrets that its keys and its content show."""
    if depth > MAX_DEPTH:
        return empty(value)
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, list):
        return [scrub(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    row_name = next((value[c] for c in _NAME_COLUMNS if isinstance(value.get(c), str)), "")
    if "value" in value and row_name and is_secret_name(row_name):
        return {k: empty(v) if k == "value" else scrub(v, depth + 1) for k, v in value.items()}
    return {k: scrub_named(k, v, depth + 1) if isinstance(k, str) else scrub(v, depth + 1) for k, v in value.items()}


def scrub_text(text: str) -> str:
    """Return a text without secrets. It may be a curl command or JSON."""
    if is_curl(text):
        return scrub_curl(text, _scrub_body)
    if text[:1] in {"{", "["}:
        return _scrub_json(text)
    return remove_secrets(text)


def scrub_server(value: Any, depth: int = 0) -> Any:
    """Return the settings of an MCP server without secrets, which the path of its URL may contain, too."""
    if isinstance(value, dict) and depth < MAX_DEPTH:
        cleaned = {k: scrub_named(k, v, depth + 1) if isinstance(k, str) else v for k, v in value.items()}
        return {k: scrub_server(v, depth + 1) for k, v in cleaned.items()}
    if isinstance(value, str) and "://" in value:
        return remove_path_secrets(scrub_text(value))
    if isinstance(value, str) and value[:1] == "{":
        return _scrub_json(value, scrub_server)
    return value


def empty(value: Any) -> Any:
    """Return an empty value of the same kind."""
    if isinstance(value, str):
        return ""
    if isinstance(value, list):
        return []
    if isinstance(value, dict):
        return {}
    return value if value is None or isinstance(value, bool) else ""


def _scrub_secret(value: Any, depth: int) -> Any:
    """Return the value of a secret name: emptied text. The schema of a secret argument stays, without its values."""
    if isinstance(value, str):
        return ""
    if isinstance(value, list):
        return [_scrub_secret(item, depth + 1) if depth < MAX_DEPTH else empty(item) for item in value]
    if isinstance(value, dict):
        if "type" in value or "anyOf" in value or "description" in value:
            return {k: empty(v) if k in _SCHEMA_VALUES else scrub(v, depth + 1) for k, v in value.items()}
        return {k: _scrub_secret(v, depth + 1) if depth < MAX_DEPTH else empty(v) for k, v in value.items()}
    return value


def _scrub_pairs(
    value: Any, scrub_line: Callable[[str], str], scrub_pair: Callable[[str, Any], Any], depth: int
) -> Any:
    """Return names and values, as a dictionary, a table, lines or JSON, without the values."""
    if depth > MAX_DEPTH:
        return empty(value)
    if isinstance(value, str):
        if value[:1] in {"{", "["}:
            return _scrub_json(value, lambda inner: _scrub_pairs(inner, scrub_line, scrub_pair, depth + 1))
        return "\n".join(scrub_line(line) if line.strip() else line for line in value.split("\n"))
    if isinstance(value, list):
        return [_scrub_pairs(item, scrub_line, scrub_pair, depth + 1) for item in value]
    if not isinstance(value, dict):
        return empty(value)
    column = next((c for c in _NAME_COLUMNS if isinstance(value.get(c), str)), None)
    if column is not None:
        row_name = value[column]
        return {k: v if k == column else scrub_pair(row_name, v) for k, v in value.items()}
    return {k: scrub_pair(str(k), v) for k, v in value.items()}


def _scrub_header_value(name: str, value: Any) -> Any:
    return scrub(value) if name.strip().lower() in HARMLESS_HEADERS else empty(value)


def _scrub_json(text: str, scrub_parsed: Callable[[Any], Any] = scrub) -> str:
    """Return JSON without secrets, or another text that begins like JSON."""
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return remove_secrets(text)
    cleaned = scrub_parsed(parsed)
    return text if cleaned == parsed else orjson.dumps(cleaned).decode()


def _scrub_body(body: str) -> str:
    """Return the body of a request: JSON, or a form like `name=value&name=value`."""
    if body[:1] in {"{", "["}:
        return _scrub_json(body)
    pairs = [pair.partition("=") for pair in body.split("&")]
    return "&".join(f"{n}{m}{'' if is_secret_name(n) else remove_secrets(v)}" for n, m, v in pairs)
