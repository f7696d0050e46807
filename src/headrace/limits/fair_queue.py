"""A queue whose accounts take turns: users first, and the visitors of a user's flows among themselves."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from headrace.limits.account import Account

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items in line. Those of an account keep their order; the user whose turn was longest ago comes first."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, OrderedDict[Account, deque[T]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """Return the number of items."""
        return self._count

    def __iter__(self) -> Iterator[Account]:
        """Yield the accounts that have items in line."""
        for lines in self._lines.values():
            yield from lines

    def push(self, account: Account, item: T) -> None:
        """Add an item behind those of its account."""
        self._lines.setdefault(account.owner, OrderedDict()).setdefault(account, deque()).append(item)
        self._count += 1

    def push_front(self, account: Account, item: T) -> None:
        """Return an item to the front of its account's line."""
        self._lines.setdefault(account.owner, OrderedDict()).setdefault(account, deque()).appendleft(item)
        self._count += 1

    def take(self, is_allowed: Callable[[Account], bool] | None = None) -> tuple[Account, T] | None:
        """Remove and return the next item and its account, or None if there is none.

        Args:
            is_allowed: whether an account may have a turn now; the others keep their place. By default all may.

        """
        if not self._count:
            return None
        for owner, lines in self._lines.items():
            for account, line in lines.items():
                if is_allowed is not None and not is_allowed(account):
                    continue
                item = line.popleft()
                self._count -= 1
                self._end_turn(owner, account)
                return account, item
        return None

    def remove(self, account: Account, item: T) -> None:
        """Remove an item if it is in line."""
        line = self._lines.get(account.owner, OrderedDict()).get(account)
        if line is not None and item in line:
            line.remove(item)
            self._count -= 1
            if not line:
                self._drop(account.owner, account)

    def has(self, account: Account) -> bool:
        """Return whether an account has an item in line."""
        return bool(self._count) and account in self._lines.get(account.owner, ())

    def _end_turn(self, owner: str, account: Account) -> None:
        """Let the other accounts have their turns first."""
        if self._lines[owner][account]:
            self._lines[owner].move_to_end(account)
        else:
            self._drop(owner, account)
        if owner in self._lines:
            self._lines.move_to_end(owner)

    def _drop(self, owner: str, account: Account) -> None:
        del self._lines[owner][account]
        if not self._lines[owner]:
            del self._lines[owner]
