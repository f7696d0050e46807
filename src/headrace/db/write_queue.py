"""The writes that wait for the writer, and which of them share the next transaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from headrace.limits.fair_queue import FairQueue

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.row_encoder import Row
    from headrace.limits.account import Account

T = TypeVar("T")

#: The maximum number of writes in a transaction.
MAX_BATCH = 500
#: An account whose last write took longer is slow, in seconds.
SLOW_WRITE_SECONDS = 0.05
#: Slow accounts in memory. Beyond this number all count as fast until their next write.
MAX_SLOW_ACCOUNTS = 1000


@dataclass(slots=True)
class Write(Generic[T]):
    """A queued write: either a callback, or rows to insert."""

    done: asyncio.Future[T]
    account: Account
    apply: Callable[[AsyncConnection], Awaitable[T]] | None = None
    rows: Sequence[tuple[Table, Row]] = ()
    timed_out: bool = False
    #: Whether the write has a transaction of its own, because its batch failed.
    is_alone: bool = False


class WriteQueue:
    """Writes in line. Accounts take turns, and those of an account keep their order.

    A write cannot be interrupted by another one, so an account whose last write was slow has transactions of its own, which
    alternate with those of all other accounts.
    """

    def __init__(self) -> None:
        self._writes: FairQueue[Write[Any]] = FairQueue()
        self._slow_accounts: set[Account] = set()
        self._is_slow_turn = False

    def __len__(self) -> int:
        """Return the number of waiting writes."""
        return len(self._writes)

    def push(self, write: Write[Any]) -> None:
        """Add a write behind those of its account."""
        self._writes.push(write.account, write)

    def push_front(self, write: Write[Any]) -> None:
        """Return a write that was not applied to the front of its account's line."""
        self._writes.push_front(write.account, write)

    def is_slow(self, account: Account) -> bool:
        """Return whether the last write of an account was slow."""
        return account in self._slow_accounts

    def waits_only_for_slow_accounts(self) -> bool:
        """Return whether there are waiting writes, and all are those of slow accounts."""
        return bool(self._slow_accounts) and len(self._writes) > 0 and self._slow_accounts.issuperset(self._writes)

    def next_batch(self) -> list[Write[Any]]:
        """Remove and return the writes of the next transaction: those of all fast accounts, or of one slow account."""
        if not self._slow_accounts:
            return self._take(MAX_BATCH)
        self._is_slow_turn = not self._is_slow_turn
        for is_slow_turn in (self._is_slow_turn, not self._is_slow_turn):
            if is_slow_turn:
                batch = self._take_of_slow_account()
            else:
                batch = self._take(MAX_BATCH, lambda account: account not in self._slow_accounts)
            if batch:
                self._is_slow_turn = is_slow_turn
                return batch
        return []

    def record_duration(self, account: Account, seconds: float) -> None:
        """Record the duration of an account's last write."""
        if seconds > SLOW_WRITE_SECONDS:
            if len(self._slow_accounts) >= MAX_SLOW_ACCOUNTS:
                self._slow_accounts.clear()
            self._slow_accounts.add(account)
        elif self._slow_accounts:
            self._slow_accounts.discard(account)

    def record_batch_duration(self, batch: list[Write[Any]], seconds: float) -> None:
        """Record the duration of a batch of rows for the account with most of them."""
        if seconds > SLOW_WRITE_SECONDS or self._slow_accounts:
            self.record_duration(_account_with_most_rows(batch), seconds)

    def _take(self, limit: int, is_allowed: Callable[[Account], bool] | None = None) -> list[Write[Any]]:
        batch: list[Write[Any]] = []
        while len(batch) < limit and (taken := self._writes.take(is_allowed)) is not None:
            write = taken[1]
            if write.is_alone and batch:
                self.push_front(write)
                break
            batch.append(write)
            if write.is_alone:
                break
        return batch

    def _take_of_slow_account(self) -> list[Write[Any]]:
        """Return the callbacks that one slow account waits for, or a single write with rows, which cannot be divided."""
        batch = self._take(1, self._slow_accounts.__contains__)
        while batch and batch[-1].apply is not None and not batch[-1].is_alone and len(batch) < MAX_BATCH:
            following = self._take(1, batch[0].account.__eq__)
            if not following:
                break
            if following[0].apply is None or following[0].is_alone:
                self.push_front(following[0])
                break
            batch += following
        return batch


def _account_with_most_rows(batch: list[Write[Any]]) -> Account:
    counts: Counter[Account] = Counter()
    for write in batch:
        counts[write.account] += len(write.rows)
    return counts.most_common(1)[0][0]
