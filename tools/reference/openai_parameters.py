"""Generate the tables of the parameters of OpenAI requests."""

from __future__ import annotations

from headrace.formats.openai.errors import OTHER_RESPONSE_ERROR_CODE, RESPONSE_ERROR_CODES
from headrace.formats.openai.parameters import TABLES, Treatment
from tools.reference.markdown import format_table

_ORDER = tuple(Treatment)


def response_errors_table() -> str:
    """Return a table of the codes in the errors of failed responses."""
    rows = [
        (f"`{row.code}`", ", ".join(map(str, row.statuses)) or "others", row.reason)
        for row in (*RESPONSE_ERROR_CODES, OTHER_RESPONSE_ERROR_CODE)
    ]
    return format_table(("`code`", "status of the same error without a stream", "reason"), rows)


def parameters_table(endpoint: str) -> str:
    """Return a table of the parameters of an endpoint and what the server does with them."""
    rows = [
        (f"`{name}`", str(parameter.treatment), parameter.note)
        for name, parameter in sorted(TABLES[endpoint].items(), key=lambda item: _ORDER.index(item[1].treatment))
    ]
    return format_table(("parameter", "", "description"), rows)
