"""A bounded number of slots that no account can take all of.

An account may take a slot while it holds fewer than `SHARE_FACTOR` times the number of free slots. This is the dynamic
threshold of shared-memory switches (Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998): a lone account gets
`SHARE_FACTOR / (SHARE_FACTOR + 1)` of the slots, several accounts get equal parts, and a newcomer usually finds a free slot.
With fewer than `SHARE_FACTOR + 1` slots, one account can hold all of them. The visitors of a user's public flows count as that
user, and among them a visitor may hold as many slots as the user has left.
"""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Self, TypeVar

from headrace.limits.fair_queue import FairQueue

if TYPE_CHECKING:
    from headrace.limits.account import Account

K = TypeVar("K")

#: How many slots an account may hold for each slot that is free.
SHARE_FACTOR = 4


class FairSlots:
    """Slots of one event loop. `acquire` waits for a slot, `try_acquire` does not."""

    def __init__(self, total: int) -> None:
        """Create free slots.

        Args:
            total: the number of slots.

        """
        self.total = total
        self._held = 0
        self._by_owner: dict[str, int] = {}
        self._by_visitor: dict[Account, int] = {}
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    @property
    def held(self) -> int:
        """The number of slots in use."""
        return self._held

    def held_by(self, account: Account) -> int:
        """Return the number of slots that an account holds; those of a user include those of the user's visitors."""
        return self._by_visitor.get(account, 0) if account.visitor else self._by_owner.get(account.owner, 0)

    def is_allowed(self, account: Account) -> bool:
        """Return whether an account may take a slot now."""
        owner_limit = SHARE_FACTOR * (self.total - self._held)
        held_by_owner = self._by_owner.get(account.owner, 0)
        if held_by_owner >= owner_limit:
            return False
        return not account.visitor or self._by_visitor.get(account, 0) < owner_limit - held_by_owner

    def copy(self) -> Self:
        """Return slots that are taken by the same accounts, without those who wait."""
        other = copy.copy(self)
        other.__dict__ |= {
            "_by_owner": self._by_owner.copy(),
            "_by_visitor": self._by_visitor.copy(),
            "_waiting": FairQueue(),
        }
        return other

    def try_acquire(self, account: Account) -> bool:
        """Take a slot if the account may, and return whether it did."""
        if not self.is_allowed(account):
            return False
        self.take(account)
        return True

    def take(self, account: Account) -> None:
        """Take a slot whether or not the account may."""
        self._held += 1
        self._by_owner[account.owner] = self._by_owner.get(account.owner, 0) + 1
        if account.visitor:
            self._by_visitor[account] = self._by_visitor.get(account, 0) + 1

    def acquire_in_turn(self, account: Account) -> bool:
        """Take a slot if the account may and does not wait for others, and return whether it did."""
        return not self._waiting.has(account) and self.try_acquire(account)

    async def acquire(self, account: Account) -> None:
        """Take a slot, waiting until the account may. Waiting accounts take turns."""
        if self.acquire_in_turn(account):
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.push(account, waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                # The slot was granted just before the cancellation.
                self.release(account)
            else:
                self._waiting.remove(account, waiter)
            raise

    def release(self, account: Account) -> None:
        """Return a slot and grant it to a waiting account."""
        self._held -= 1
        _decrement(self._by_owner, account.owner)
        if account.visitor:
            _decrement(self._by_visitor, account)
        if len(self._waiting):
            self._grant()

    def _grant(self) -> None:
        """Grant free slots to waiting accounts, in turns."""
        while (taken := self._waiting.take(self.is_allowed)) is not None:
            account, waiter = taken
            if not waiter.cancelled():
                self.take(account)
                waiter.set_result(None)


def _decrement(counts: dict[K, int], key: K) -> None:
    """Subtract one, and forget the key at zero."""
    count = counts[key] - 1
    if count:
        counts[key] = count
    else:
        del counts[key]
