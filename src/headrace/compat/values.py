"""Small values and helpers under the names that components know."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from headrace.models.openai_protocol import REASONING_MODELS
from headrace.models.provider import providers

if TYPE_CHECKING:
    from headrace.schema import Message

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


class FieldTypes(StrEnum):
    """The kinds of fields."""

    TEXT = "str"
    INTEGER = "int"
    PASSWORD = "str"
    FLOAT = "float"
    BOOLEAN = "bool"
    DICT = "dict"
    NESTED_DICT = "NestedDict"
    SORTABLE_LIST = "sortableList"
    FILE = "file"
    PROMPT = "prompt"
    CODE = "code"
    OTHER = "other"
    TABLE = "table"
    LINK = "link"
    SLIDER = "slider"
    TAB = "tab"
    QUERY = "query"
    TOOLS = "tools"
    MCP = "mcp"


#: Where component code may keep what it can make again.
CACHE_DIR = tempfile.gettempdir()

LoggableType = str | dict[str, Any] | list[Any] | int | float | bool | None


class SendMessageFunctionType(Protocol):
    """Keeps a message and shows it."""

    async def __call__(self, message: Message, id_: str | None = None, *, skip_db_update: bool = False) -> Message:
        """Return the message as it is kept."""
        ...


class OnTokenFunctionType(Protocol):
    """Is told a model's words, one by one."""

    def __call__(self, data: dict[str, Any]) -> None:
        """Hear a token."""
        ...
