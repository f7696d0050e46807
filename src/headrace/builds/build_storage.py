"""The builds of a process in memory, and the limits of their size."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.errors import ContentTooLargeError
from headrace.limits.byte_budget import readable_size
from headrace.limits.fair_slots import SHARE_FACTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from headrace.builds.build import Build
    from headrace.settings import LimitSettings

#: How long the events of an ended build can be read, in seconds.
RETENTION_SECONDS = 300.0


class BuildTooLargeError(ContentTooLargeError):
    """The events of a build exceed the maximum size, alone or with those of other builds."""

    def __init__(self, reason: str, setting: str) -> None:
        super().__init__(
            f"The build was stopped because {reason}. Send less data through the flow, or ask an operator to raise {setting}."
        )


class BuildStorage:
    """Builds by id. The size of a user's builds is limited, and users share the size of all builds.

    Beyond a limit, ended builds are removed early: those of the user for the user's limit, and for the limit of all builds
    those of the user whose builds are the largest. Running builds share that limit as accounts share `FairSlots`.
    """

    def __init__(self, limits: LimitSettings, on_early_removal: Callable[[Build], None] | None = None) -> None:
        """Create an empty storage.

        Args:
            limits: the limits of the size of builds.
            on_early_removal: called with a build that is removed to make room for another one.

        """
        self._on_early_removal = on_early_removal
        self._limits = limits
        self._builds: dict[UUID, Build] = {}
        #: The size of the builds of each owner.
        self._sizes: Counter[UUID] = Counter()
        self._total = 0

    def __iter__(self) -> Iterator[Build]:
        """Iterate over all builds."""
        return iter(list(self._builds.values()))

    def add(self, build: Build) -> None:
        """Add a build."""
        self._builds[build.id] = build

    def get(self, build_id: UUID) -> Build | None:
        """Return a build, or None."""
        return self._builds.get(build_id)

    def append(self, build: Build, line: bytes) -> None:
        """Append a line to a build.

        Raises:
            BuildTooLargeError: the build, or the builds of its owner, would be too large.

        """
        self.make_room(build, len(line))
        build.append_line(line)
        self._sizes[build.owner] += len(line)
        self._total += len(line)

    def append_last(self, build: Build, lines: Iterable[bytes]) -> None:
        """Append the lines that end a build, which are small, in any case."""
        for line in lines:
            build.append_line(line)
            self._sizes[build.owner] += len(line)
            self._total += len(line)

    def make_room(self, build: Build, size: int) -> None:
        """Remove ended builds until `size` bytes can be added to a build.

        Raises:
            BuildTooLargeError: too little can be removed.

        """
        limits = self._limits
        if build.size + size > limits.max_build_bytes:
            raise BuildTooLargeError(
                f"its events exceed {readable_size(limits.max_build_bytes)}", "HEADRACE_MAX_BUILD_BYTES"
            )
        while self._sizes[build.owner] + size > limits.max_user_build_bytes:
            if not self._remove_oldest(build.owner):
                raise BuildTooLargeError(
                    f"the events of this user's builds exceed {readable_size(limits.max_user_build_bytes)}",
                    "HEADRACE_MAX_USER_BUILD_BYTES",
                )
        while self._sizes[build.owner] + size > SHARE_FACTOR * (limits.max_all_build_bytes - self._total - size):
            # Owners without ended builds cannot give up anything.
            owners = sorted(self._sizes, key=self._sizes.__getitem__, reverse=True)
            if not any(self._remove_oldest(owner) for owner in owners):
                raise BuildTooLargeError(
                    f"the events of this user's builds exceed the user's share of the {readable_size(limits.max_all_build_bytes)} "
                    "for the events of all builds",
                    "HEADRACE_MAX_ALL_BUILD_BYTES",
                )

    def remove_old(self) -> None:
        """Remove the builds that ended long ago."""
        oldest = time.monotonic() - RETENTION_SECONDS
        for build in self:
            if build.ended_at is not None and build.ended_at < oldest:
                self._remove(build)

    def _remove_oldest(self, owner: UUID) -> bool:
        """Remove the oldest ended build of an owner, and return whether there was one."""
        for build in self:
            if build.owner == owner and build.ended_at is not None:
                self._remove(build)
                if self._on_early_removal is not None:
                    self._on_early_removal(build)
                return True
        return False

    def _remove(self, build: Build) -> None:
        del self._builds[build.id]
        self._total -= build.size
        self._sizes[build.owner] -= build.size
        if not any(other.owner == build.owner for other in self._builds.values()):
            del self._sizes[build.owner]
