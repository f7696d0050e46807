"""A parser for processes that are themselves confined: workers that run custom code."""

from __future__ import annotations

import asyncio
from functools import partial

from headrace.parsing.operations import OPERATIONS
from headrace.parsing.parser import Parsed


class DirectParser:
    """Runs operations in a thread of this process. The limits of the process apply."""

    async def call(self, operation: str, body: bytes = b"", **args: object) -> Parsed:
        """Run an operation; see `Parser.call`."""
        value, text = await asyncio.to_thread(partial(OPERATIONS[operation].load(), body, **args))
        return Parsed(value, text)
