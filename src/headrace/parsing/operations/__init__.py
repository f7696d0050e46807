"""The operations of parsing processes: a closed table of functions by name.

An operation receives its arguments as JSON values and its body as bytes, and returns a JSON value and a text. It does no
other input or output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

#: An operation, given body and arguments.
OperationFunction = Callable[..., tuple[Any, str]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, which is imported on first use.

    Attributes:
        function: the module in this package and the function.
        subject: the input, as the subject of an error message.
        limit: the limit on processor time that applies.

    """

    function: str
    subject: str
    limit: Literal["cpu_seconds", "regex_cpu_seconds"] = "cpu_seconds"

    def load(self) -> OperationFunction:
        """Return the function."""
        module, _, name = self.function.partition(":")
        function: OperationFunction = getattr(import_module(f"{__name__}.{module}"), name)
        return function


OPERATIONS: dict[str, Operation] = {
    "outline_source": Operation("source_outline:outline_source", "The source code"),
    "extract_lambda": Operation("model_code:extract_lambda", "The function that the model wrote"),
    "match_pattern": Operation("patterns:match_pattern", "The regular expression", "regex_cpu_seconds"),
    "read_page": Operation("pages:read_page", "The HTML page"),
    "list_links": Operation("pages:list_links", "The HTML page"),
    "list_search_results": Operation("pages:list_search_results", "The page of search results"),
    "list_feed_entries": Operation("feeds:list_feed_entries", "The feed"),
}


def text_of(body: bytes) -> str:
    """Return the text of a body that `parser.utf8` encoded."""
    return body.decode("utf-8", "surrogatepass")
