"""Responses whose body counts against the caller's memory until the client has received it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from headrace.limits.byte_budget import ByteBudget

#: Smaller bodies are not counted: their number is limited by that of connections.
LARGE_BODY_BYTES = 500_000


def large_json_response(body: bytes, open_budget: Callable[[], ByteBudget]) -> Response:
    """Return a response with a JSON body, which is counted in a new budget if it is large."""
    if len(body) < LARGE_BODY_BYTES:
        return Response(body, media_type="application/json")
    return LargeResponse(body, open_budget())


class LargeResponse(Response):
    """A JSON response whose body is counted in a budget of its own."""

    def __init__(self, body: bytes, budget: ByteBudget) -> None:
        super().__init__(body, media_type="application/json")
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response.

        Raises:
            ByteLimitError: the caller's responses and runs take too much memory.

        """
        try:
            self._budget.hold_response(len(self.body))
            await super().__call__(scope, receive, send)
        finally:
            self._budget.close()
