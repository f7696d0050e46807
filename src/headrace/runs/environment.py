"""What flows may read of the environment."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.errors import HeadraceError
from headrace.models.endpoints import MODEL_ENDPOINTS

#: The operator's addresses of model servers and search engines.
ENDPOINT_VARIABLES = (*MODEL_ENDPOINTS, "HEADRACE_WEB_SEARCH_URL", "HEADRACE_NEWS_URL")


class MissingVariableError(HeadraceError):
    """A field names a variable that its owner doesn't have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no variable {name!r}. Add it under Settings, Global Variables, or type the value into the field."
        )


class Environment:
    """What flows may read of the process's environment: listed variables and the operator's endpoints."""

    def __init__(self, environ: Mapping[str, str], readable: list[str]) -> None:
        self._values = {n: v for n in (*readable, *ENDPOINT_VARIABLES) if (v := environ.get(n))}

    def get(self, name: str) -> str | None:
        """Return a variable's value where flows may read it."""
        return self._values.get(name)

    def endpoints(self) -> list[str]:
        """Return the addresses of model servers that the operator set."""
        return [v for n in ENDPOINT_VARIABLES if (v := self._values.get(n))]
