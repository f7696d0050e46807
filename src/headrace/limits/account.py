"""The account that the work of a request or a run counts against."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple


class Account(NamedTuple):
    """A user, or a visitor of a user's public flows.

    A tuple, because accounts are the keys of many tables and its hash is cheap.

    Attributes:
        owner: the id of the user; empty for work of the server itself and for requests without credentials.
        visitor: the network address of an anonymous visitor; empty for the user's own work.

    """

    owner: str = ""
    visitor: str = ""


#: The account of the server's own work.
SERVER_ACCOUNT = Account()

#: The account of the current task. The authentication middleware and the runner set it; tasks inherit it.
current_account: ContextVar[Account] = ContextVar("current_account", default=SERVER_ACCOUNT)
