"""Small values and helpers under the names that components know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from headrace.models.openai_protocol import REASONING_MODELS
from headrace.models.provider import providers

T = TypeVar("T")

OPENAI_CHAT_MODEL_NAMES = [m for m in providers()["OpenAI"].models if not m.startswith(REASONING_MODELS)]
OPENAI_REASONING_MODEL_NAMES = [m for m in providers()["OpenAI"].models if m.startswith(REASONING_MODELS)]


class dotdict(dict[str, Any]):
    """A dict whose entries are attributes too."""

    def __getattr__(self, name: str) -> Any:
        """Return an entry; an inner dict is one of these."""
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(name) from None
        if isinstance(value, dict) and not isinstance(value, dotdict):
            value = self[name] = dotdict(value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an entry."""
        self[name] = value

    def __delattr__(self, name: str) -> None:
        """Delete an entry."""
        del self[name]


class ComponentLogger(logging.LoggerAdapter[logging.Logger]):
    """The server's log, for components; the names that begin with `a` may be awaited."""

    async def adebug(self, message: object, *args: object) -> None:
        """Log for who looks for an error."""
        self.debug(message, *args)

    async def ainfo(self, message: object, *args: object) -> None:
        """Log what happened."""
        self.info(message, *args)

    async def awarning(self, message: object, *args: object) -> None:
        """Log what may be wrong."""
        self.warning(message, *args)

    async def aerror(self, message: object, *args: object) -> None:
        """Log what went wrong."""
        self.error(message, *args)


logger = ComponentLogger(logging.getLogger("headrace.component_code"))


def set_field_display(build_config: dict[str, Any], field: str, is_visible: bool) -> dict[str, Any]:
    """Show a field, or hide it."""
    if field in build_config:
        build_config[field]["show"] = is_visible
    return build_config


def set_field_advanced(build_config: dict[str, Any], field: str, is_advanced: bool) -> dict[str, Any]:
    """Move a field behind the node's settings, or onto the node."""
    if field in build_config:
        build_config[field]["advanced"] = is_advanced
    return build_config


def set_current_fields(
    build_config: dict[str, Any],
    action_fields: dict[str, list[str]],
    selected_action: str | None = None,
    default_fields: Iterable[str] = (),
    func: Any = set_field_display,
    *,
    default_value: bool | None = None,
) -> dict[str, Any]:
    """Show the fields of the chosen action and the default ones, and hide those of the others."""
    shown = set(default_fields) | set(action_fields.get(selected_action or "", []))
    for field in {f for fields in action_fields.values() for f in fields} | shown:
        func(build_config, field, (field in shown) is not (default_value is True))
    return build_config


def transform_localhost_url(url: str | None) -> str | None:
    """Return an address as it is: here `localhost` is the machine of the server, in a container too."""
    return url


def unescape_string(text: str) -> str:
    """Return a text in which a backslash and n is a new line, and one and t a tab."""
    return text.replace("\\n", "\n").replace("\\t", "\t")


def run_until_complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from a plain method and return what it gives."""
    with ThreadPoolExecutor(1) as one:
        return one.submit(asyncio.run, work).result()
