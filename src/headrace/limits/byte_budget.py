"""Budgets in bytes: for a value, for the values of a run, of all runs of an account, and of all runs of a process.

A run reserves bytes from the process's `ByteLedger` in blocks, so that most runs ask it once. Code that creates values asks
the budget of the current run, `current_budget`, before it creates one whose size it can compute, and reports values whose size
it learns afterwards, such as the chunks of a stream.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import ContentTooLargeError, ServerBusyError
from headrace.limits.account import SERVER_ACCOUNT
from headrace.limits.fair_slots import SHARE_FACTOR

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from headrace.limits.account import Account

#: Defaults of the settings with the same meaning, in bytes.
MAX_VALUE_BYTES = 64_000_000
MAX_RUN_BYTES = 192_000_000
MAX_USER_RUN_BYTES = 384_000_000
MAX_ALL_RUN_BYTES = 1_000_000_000
MAX_MODEL_RESPONSE_BYTES = 8_000_000
#: A run reserves its bytes in blocks of this size.
RESERVED_BLOCK_BYTES = 64 << 10

VALUE_SETTING = "HEADRACE_MAX_VALUE_BYTES"
RUN_SETTING = "HEADRACE_MAX_RUN_BYTES"
USER_SETTING = "HEADRACE_MAX_USER_RUN_BYTES"
ALL_RUNS_SETTING = "HEADRACE_MAX_ALL_RUN_BYTES"
MODEL_RESPONSE_SETTING = "HEADRACE_MAX_MODEL_RESPONSE_BYTES"


class ByteLimitError(ContentTooLargeError):
    """A value is larger than allowed, or the values of a run, of an account or of the server are together."""

    def __init__(self, problem: str, limit: int, setting: str) -> None:
        super().__init__(
            f"{problem}; at most {readable_size(limit)} are allowed. Send less data, or ask an operator to raise {setting}."
        )


class RunMemoryError(ServerBusyError):
    """The values of all runs take almost all of the memory that they share."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The values of the active runs take almost all of the {readable_size(limit)} that they share. Try again when other runs "
            f"have ended; an operator can raise {ALL_RUNS_SETTING}.",
            seconds=1,
        )


def readable_size(size: int) -> str:
    """Return a number of bytes as text in decimal units, as in `32.0 MB`."""
    for unit, bytes_per_unit in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)):
        if size >= bytes_per_unit:
            return f"{size / bytes_per_unit:.1f} {unit}"
    return f"{size} bytes"


@dataclass(frozen=True, slots=True)
class ByteLimits:
    """The maximum size of a value, of the values of a run, of the runs of an account, and of all runs, in bytes.

    A response of a model server has a limit of its own, because parsed JSON takes up to twenty times its size.
    """

    value: int = MAX_VALUE_BYTES
    run: int = MAX_RUN_BYTES
    user: int = MAX_USER_RUN_BYTES
    all_runs: int = MAX_ALL_RUN_BYTES
    model_response: int = MAX_MODEL_RESPONSE_BYTES


class ByteLedger:
    """The bytes that the runs of a process hold, by account.

    The bytes of all accounts are divided as the slots of `FairSlots` are, so that no account can take all of them. The
    visitors of a user's public flows count as that user.
    """

    def __init__(self, limits: ByteLimits | None = None) -> None:
        """Create an empty ledger; by default with the default limits."""
        self.limits = limits or ByteLimits()
        self._held = 0
        self._by_owner: Counter[str] = Counter()
        # Models that are called from component threads report chunks from other threads.
        self.lock = threading.RLock()

    @property
    def held(self) -> int:
        """The number of bytes that all runs hold."""
        return self._held

    def open(self, account: Account) -> ByteBudget:
        """Return the budget of a new run; close it when the run ends."""
        return ByteBudget(self, account)

    def reserve(self, account: Account, size: int) -> None:
        """Reserve bytes for an account.

        Raises:
            ByteLimitError: its runs would hold more than allowed.
            RunMemoryError: all runs would, or the account has its share of what is left.

        """
        with self.lock:
            owned = self._by_owner[account.owner] + size
            if owned > self.limits.user:
                raise ByteLimitError(
                    f"The values of this user's concurrent runs would take {readable_size(owned)}",
                    self.limits.user,
                    USER_SETTING,
                )
            available = SHARE_FACTOR * max(self.limits.all_runs - self._held - size, 0)
            if owned > available:
                raise RunMemoryError(self.limits.all_runs)
            self._held += size
            self._by_owner[account.owner] = owned

    def release_reserved(self, account: Account, size: int) -> None:
        """Return reserved bytes."""
        with self.lock:
            self._held -= size
            self._by_owner[account.owner] -= size
            if self._by_owner[account.owner] <= 0:
                del self._by_owner[account.owner]


class ByteBudget:
    """The bytes that the values of one run hold."""

    __slots__ = ("_account", "_closed", "_held", "_ledger", "_reserved", "limits")

    def __init__(self, ledger: ByteLedger, account: Account) -> None:
        self.limits = ledger.limits
        self._ledger = ledger
        self._account = account
        self._held = 0
        self._reserved = 0
        self._closed = False

    @property
    def held(self) -> int:
        """The number of bytes that the run holds."""
        return self._held

    def check(self, size: int, name: str) -> None:
        """Check that a value of `size` bytes may be created.

        Args:
            size: the size in bytes.
            name: the value as the subject of an error message, such as "The prompt".

        Raises:
            ByteLimitError: it may not.

        """
        if size > self.limits.value:
            raise ByteLimitError(f"{name} would take {readable_size(size)}", self.limits.value, VALUE_SETTING)
        if self._held + size > self._reserved:
            self._reserve(self._held + size, name)

    def hold(self, size: int, name: str) -> None:
        """Count a value of `size` bytes until `release`; see `check`."""
        self.check(size, name)
        self._held += size

    def hold_response(self, size: int, name: str = "The response") -> None:
        """Count a response or another value that may take as much as a run, until `release`.

        Args:
            size: the size in bytes.
            name: the value as the subject of an error message, such as "The imported flow".

        Raises:
            ByteLimitError: the run would hold too much.

        """
        if self._held + size > self._reserved:
            self._reserve(self._held + size, name)
        self._held += size

    def release(self, size: int) -> None:
        """Stop counting `size` bytes."""
        if self._closed:
            return
        self._held -= size
        if self._reserved - self._held > 2 * RESERVED_BLOCK_BYTES:
            self._release_excess()

    def grow(self, name: str) -> GrowingValue:
        """Return a counter for a value that grows, to use in `with`."""
        return GrowingValue(self, name)

    def close(self) -> None:
        """Return everything that the run has reserved. Work that outlives the run is limited, but no longer counted."""
        # Threads that outlive the run may reserve and release bytes at the same time.
        with self._ledger.lock:
            self._closed = True
            reserved, self._reserved, self._held = self._reserved, 0, 0
            if reserved:
                self._ledger.release_reserved(self._account, reserved)

    def __enter__(self) -> Self:
        """Return the budget."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the budget."""
        self.close()

    def _release_excess(self) -> None:
        with self._ledger.lock:
            excess = self._reserved - self._held - RESERVED_BLOCK_BYTES
            if excess > 0 and not self._closed:
                self._reserved -= excess
                self._ledger.release_reserved(self._account, excess)

    def _reserve(self, size: int, name: str) -> None:
        """Reserve bytes until the run has `size`."""
        if size > self.limits.run:
            raise ByteLimitError(
                f"With {name[0].lower()}{name[1:]}, the values of this run would take {readable_size(size)}",
                self.limits.run,
                RUN_SETTING,
            )
        with self._ledger.lock:
            if self._closed:
                return
            missing = max(size - self._reserved, RESERVED_BLOCK_BYTES)
            self._ledger.reserve(self._account, missing)
            self._reserved += missing


class GrowingValue:
    """Counts a value that grows, such as the answer of a model, until the end of a `with` block."""

    __slots__ = ("_budget", "_name", "size")

    def __init__(self, budget: ByteBudget, name: str) -> None:
        self._budget = budget
        self._name = name
        self.size = 0

    def add(self, size: int) -> None:
        """Count `size` more bytes.

        Raises:
            ByteLimitError: the value is larger than allowed.

        """
        budget = self._budget
        if self.size + size > budget.limits.value:
            budget.check(self.size + size, self._name)
        budget.hold(size, self._name)
        self.size += size

    def close(self) -> None:
        """Stop counting the value."""
        size, self.size = self.size, 0
        self._budget.release(size)

    def __enter__(self) -> Self:
        """Return the counter."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop counting the value."""
        self.close()


class _UnsharedBudget(ByteBudget):
    """The budget outside of runs: values are limited, but none is counted."""

    __slots__ = ()

    def check(self, size: int, name: str) -> None:
        """Check that a value of `size` bytes may be created; see `ByteBudget.check`."""
        if size > self.limits.value:
            raise ByteLimitError(f"{name} would take {readable_size(size)}", self.limits.value, VALUE_SETTING)

    def hold(self, size: int, name: str) -> None:
        """Check the size."""
        self.check(size, name)

    def hold_response(self, size: int, name: str = "The response") -> None:
        """Do nothing."""

    def release(self, size: int) -> None:
        """Do nothing."""


#: The budget of code that no run executes, such as the editor's requests and the command line.
NO_RUN = _UnsharedBudget(ByteLedger(), SERVER_ACCOUNT)

#: The budget of the run that executes the current code. The runner sets it; tasks and component threads inherit it.
current_budget: ContextVar[ByteBudget] = ContextVar("current_budget", default=NO_RUN)
