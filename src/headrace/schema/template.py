"""Prompt templates: texts with `{name}` placeholders, in which `{{` and `}}` stand for braces."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping

from headrace.errors import BadRequestError
from headrace.schema.text_size import join_texts


class TemplateError(BadRequestError):
    """A prompt template is not valid."""


#: Placeholders of a template with different names, each of which is a field of the node.
MAX_PLACEHOLDERS = 1000
#: Parts into which placeholders and literal braces divide a template.
MAX_PARTS = 200_000


def _parse(template: str) -> Iterator[tuple[str, str | None]]:
    """Yield the parts of a template: a literal text and the name of the placeholder that follows it, if any."""
    count = 0
    try:
        for literal, name, spec, conversion in string.Formatter().parse(template):
            if name is not None and (spec or conversion or not name.isidentifier()):
                raise TemplateError(
                    f"{{{name}}} is not a valid placeholder. Use a name in braces, and write literal braces as {{{{ and }}}}."
                )
            count += 1
            if count > MAX_PARTS:
                raise TemplateError(
                    f"The template has more than {MAX_PARTS} placeholders and literal braces. Shorten it."
                )
            yield literal, name
    except ValueError as error:
        raise TemplateError(f"The template is not valid: {error}. Write literal braces as {{{{ and }}}}.") from error


def placeholders(template: str) -> list[str]:
    """Return the names of the placeholders in a template, without duplicates, in their order.

    Raises:
        TemplateError: the template has a single brace, too many placeholders, or one that is not a plain name.

    """
    names = dict.fromkeys(name for _, name in _parse(template) if name is not None)
    if len(names) > MAX_PLACEHOLDERS:
        raise TemplateError(
            f"The template has {len(names)} placeholders; at most {MAX_PLACEHOLDERS} are allowed. Split it."
        )
    return list(names)


def render(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its placeholders replaced in one pass.

    Placeholders are plain names. Attributes and indexes are rejected, so that a template cannot reach into objects.

    Args:
        template: the prompt template.
        values: the text for each name; a missing name becomes an empty text.

    Raises:
        TemplateError: the template has a single brace, too many placeholders, or one that is not a plain name.
        ByteLimitError: the result would be too large.

    """
    parts = (part for literal, name in _parse(template) for part in (literal, values.get(name, "") if name else ""))
    return join_texts(parts, name="The filled template")
