"""The interface of parsers for the code that uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Parsed:
    """The result of an operation: a JSON value, and a text that is not copied into the JSON."""

    value: Any
    text: str = ""


class Parser(Protocol):
    """Runs the operations of `headrace.parsing.operations` under limits."""

    async def call(self, operation: str, body: bytes = b"", **args: object) -> Parsed:
        """Run an operation and return its result.

        Args:
            operation: the name of the operation.
            body: the input of the operation.
            args: further arguments, as JSON values.

        Raises:
            InvalidInputError: the input is not valid.
            ParsingLimitError: the input exceeds a limit; the message names it.
            MissingParserError: a package that the operation needs is not installed.
            ParserFailedError: the parser failed in an unexpected way.

        """
        ...


def utf8(text: str) -> bytes:
    """Return a text as the body of an operation; `operations.text_of` is the inverse."""
    return text.encode("utf-8", "surrogatepass")
