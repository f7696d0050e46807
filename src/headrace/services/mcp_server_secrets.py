"""Redact the secrets of an MCP server's configuration, and restore them in a configuration that a client sends back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headrace.errors import BadRequestError
from headrace.graph.secret_commands import scrub_arguments
from headrace.graph.secret_text import remove_path_secrets, remove_secrets
from headrace.graph.secret_values import scrub_named

#: Replaces a secret when a configuration is read.
REDACTED = "********"


def redact_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without the values of headers and of the environment, and without other secrets."""
    return {name: _redact(name, value) for name, value in config.items()}


def restore_secrets(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration from a client in which redacted values are replaced by the stored ones.

    Headers and arguments are restored only for the same hosts: a client that may not read them must not send them elsewhere.

    Args:
        sent: the configuration from the client.
        stored: the present configuration, with its secrets.

    Raises:
        BadRequestError: a redacted value has no stored one.

    """
    redacted = redact_config(stored)
    restored = {
        name: _restore(value, stored[name], redacted[name]) if name in stored else value for name, value in sent.items()
    }
    if not _origins(restored) <= _origins(stored):
        restored |= {name: sent[name] for name in ("headers", "args") if name in sent}
    check_not_redacted(restored)
    return restored


def check_not_redacted(config: Mapping[str, Any]) -> None:
    """Check that a configuration contains no redacted value.

    Raises:
        BadRequestError: it contains one; names its key.

    """
    for name, value in config.items():
        if _contains_mark(value):
            raise BadRequestError(
                f"A value in {name!r} of the MCP server is redacted ({REDACTED}), and no value of it is stored. "
                "Enter the value."
            )


def _redact(name: str, value: Any) -> Any:
    if name in {"headers", "env"}:
        return _redact_pairs(value)
    if name == "args" and isinstance(value, list) and all(isinstance(item, str) for item in value):
        scrubbed = scrub_arguments(value)
        return [item if item == clean else REDACTED for item, clean in zip(value, scrubbed, strict=True)]
    if name == "url" and isinstance(value, str):
        return remove_path_secrets(remove_secrets(value))
    return scrub_named(name, value)


def _redact_pairs(value: Any) -> Any:
    """Return names and values, as an object or as rows of `key` and `value`, without the values."""
    if isinstance(value, dict):
        return {key: REDACTED if inner else inner for key, inner in value.items()}
    if isinstance(value, list):
        return [
            {**row, "value": REDACTED}
            if isinstance(row, dict) and row.get("value")
            else REDACTED
            if not isinstance(row, dict)
            else row
            for row in value
        ]
    return REDACTED if value else value


def _restore(sent: Any, stored: Any, redacted: Any) -> Any:
    if sent == redacted:
        return stored
    if isinstance(sent, dict) and isinstance(redacted, dict):
        return {
            key: _restore(value, stored[key], redacted[key]) if key in redacted else value
            for key, value in sent.items()
        }
    if isinstance(sent, list) and isinstance(redacted, list):
        return [_restore_item(item, place, stored, redacted) for place, item in enumerate(sent)]
    return sent


def _restore_item(item: Any, place: int, stored: list[Any], redacted: list[Any]) -> Any:
    if place < len(redacted) and redacted[place] == item:
        return stored[place]
    # The item may have moved, unless several look the same.
    return stored[redacted.index(item)] if redacted.count(item) == 1 else item


def _origins(config: Mapping[str, Any]) -> set[str]:
    """Return the schemes and hosts of the URLs in a configuration."""
    arguments = config.get("args")
    texts = [config.get("url"), *(arguments if isinstance(arguments, list) else ())]
    origins = set()
    for text in texts:
        if isinstance(text, str) and "://" in text:
            scheme, _, rest = text.partition("://")
            host = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
            origins.add(f"{scheme}://{host.rpartition('@')[2]}".lower())
    return origins


def _contains_mark(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_contains_mark(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_contains_mark(inner) for inner in value)
    return bool(value == REDACTED)
