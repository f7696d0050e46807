"""Which requests get OpenAI's statuses and errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.api.http.root_path import route_path

if TYPE_CHECKING:
    from starlette.types import Scope

#: The prefix of the routes that always speak OpenAI's API.
OPENAI_PREFIX = "/v1"
#: The prefix of the same routes next to those of Langflow.
LANGFLOW_PREFIX = "/api/v1"
#: The one route that Langflow has too. Its other clients get what Langflow sends.
LANGFLOW_RESPONSES = f"{LANGFLOW_PREFIX}/responses"

#: The header that OpenAI's SDKs send with each request.
_SDK_HEADER = b"x-stainless-lang"
#: Routes below `LANGFLOW_PREFIX` that Langflow does not have.
_OPENAI_ROUTES = re.compile(
    rf"{LANGFLOW_PREFIX}/(chat/completions|models(/.*)?|embeddings|conversations(/.*)?|responses/.+|files/?|files/file-.*)$"
)


def speaks_openai(scope: Scope) -> bool:
    """Return whether a request expects the statuses and errors of the OpenAI API.

    These are all requests below `/v1`, the requests of OpenAI's SDKs below `/api/v1`, and those to routes below
    `/api/v1` that only the OpenAI API has.
    """
    path = route_path(scope)
    if path.startswith(f"{OPENAI_PREFIX}/") or path == OPENAI_PREFIX:
        return True
    if not path.startswith(f"{LANGFLOW_PREFIX}/"):
        return False
    return _OPENAI_ROUTES.match(path) is not None or any(name == _SDK_HEADER for name, _ in scope["headers"])
