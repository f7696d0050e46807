"""Generate the tables of the parameters of OpenAI requests."""

from __future__ import annotations

from headrace.formats.openai.parameters import TABLES, Treatment
from tools.reference.markdown import format_table

_ORDER = tuple(Treatment)


def parameters_table(endpoint: str) -> str:
    """Return a table of the parameters of an endpoint and what the server does with them."""
    rows = [
        (f"`{name}`", str(parameter.treatment), parameter.note)
        for name, parameter in sorted(TABLES[endpoint].items(), key=lambda item: _ORDER.index(item[1].treatment))
    ]
    return format_table(("parameter", "", "description"), rows)
