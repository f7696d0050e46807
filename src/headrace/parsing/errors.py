"""Errors of parsing: invalid input, and limits that it exceeds."""

from __future__ import annotations

from headrace.errors import BadRequestError, HeadraceError, UnprocessableError


class InvalidInputError(BadRequestError):
    """The input of a parser is not valid, such as a malformed regular expression."""


class ParsingLimitError(UnprocessableError):
    """Parsing an input exceeds a limit on processor time, memory or size."""


class MissingParserError(HeadraceError):
    """A package that an operation needs is not installed. The message names the extra."""


class ParserFailedError(HeadraceError):
    """A parser failed in an unexpected way. The server's log has the details."""
