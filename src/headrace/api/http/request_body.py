"""Routes that parse their body as strict JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from headrace.api.http.strict_json import InvalidBodyError, strict_json


class StrictRequest(Request):
    """A request whose JSON is parsed by `strict_json`."""

    async def json(self) -> Any:
        """Return the parsed body.

        Raises:
            InvalidBodyError: The body is not valid JSON.

        """
        if not hasattr(self, "_json"):
            self._json = strict_json(await self.body())
        return self._json


class StrictJSONRoute(APIRoute):
    """A route that parses its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that receives a `StrictRequest`."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if "\x00" in request.scope["path"] or b"%00" in request.scope["query_string"]:
                raise InvalidBodyError("The URL contains a NUL character (%00), which cannot be stored. Remove it.")
            return await handler(StrictRequest(request.scope, request.receive))

        return strict
