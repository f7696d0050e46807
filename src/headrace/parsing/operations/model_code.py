"""Find Python code in the answer of a model."""

from __future__ import annotations

import ast

from headrace.parsing.errors import InvalidInputError
from headrace.parsing.operations import text_of

_FENCE = "```"


def extract_lambda(body: bytes) -> tuple[str, str]:
    """Return the lambda in a model's answer as normalized Python source.

    Raises:
        InvalidInputError: the answer has no valid lambda.

    """
    text = _fenced_code(text_of(body))
    start = text.find("lambda")
    if start < 0:
        raise InvalidInputError("the answer has no lambda")
    lines = text[start:].strip().strip("`").splitlines()
    # Models often add an explanation: remove lines from the end until the rest is a lambda.
    for end in range(len(lines), 0, -1):
        try:
            tree = ast.parse(" ".join(lines[:end]).rstrip(" `;"), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if isinstance(tree.body, ast.Lambda):
            return ast.unparse(tree), ""
    raise InvalidInputError("the lambda is not valid Python")


def _fenced_code(answer: str) -> str:
    """Return the content of the first fenced block of Python, or the whole answer."""
    start = answer.find(_FENCE)
    while start >= 0:
        head_end = answer.find("\n", start)
        end = answer.find(_FENCE, head_end) if head_end >= 0 else -1
        if end < 0:
            break
        if answer[start + len(_FENCE) : head_end].strip() in {"", "python"}:
            return answer[head_end + 1 : end]
        start = answer.find(_FENCE, end + len(_FENCE))
    return answer
