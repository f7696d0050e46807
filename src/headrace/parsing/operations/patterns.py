"""Match regular expressions of users."""

from __future__ import annotations

import re
import warnings

from headrace.parsing.errors import InvalidInputError
from headrace.parsing.operations import text_of


def match_pattern(body: bytes, *, pattern: str) -> tuple[bool, str]:
    """Return whether a regular expression matches at the start of a text.

    Raises:
        InvalidInputError: the expression is not valid.

    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidInputError(str(error)) from error
    return compiled.match(text_of(body)) is not None, ""
