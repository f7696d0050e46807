"""Files through which the processes of a server know each other's figures."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from headrace.metrics.snapshot import Snapshot

log = logging.getLogger(__name__)

#: How often a process writes its file, in seconds.
WRITE_INTERVAL_SECONDS = 2.0
#: A file that has not been written for this long belongs to a process that has ended, in seconds.
MAX_AGE_SECONDS = 30.0


class ProcessFiles:
    """A folder with the latest snapshot of each process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Not the process id, which is the same in several containers that share the folder.
        self._own = folder / f"{uuid4().hex}.json"

    async def write_repeatedly(self, take: Callable[[], Snapshot]) -> None:
        """Write the snapshots of this process until it is cancelled."""
        try:
            while True:
                try:
                    self._write(take())
                except OSError as error:
                    log.warning("The metrics cannot be written to %s: %s", self._folder, error.strerror)
                await asyncio.sleep(WRITE_INTERVAL_SECONDS)
        finally:
            self._own.unlink(missing_ok=True)

    def read_others(self) -> list[Snapshot]:
        """Return the snapshots of the other processes, and delete the files of those that have ended."""
        snapshots = []
        for path in self._folder.glob("*.json"):
            try:
                if time.time() - path.stat().st_mtime > MAX_AGE_SECONDS:
                    path.unlink()
                elif path != self._own:
                    snapshots.append(Snapshot.from_json(path.read_bytes()))
            except FileNotFoundError:
                # Its process has just ended.
                continue
        return snapshots

    def _write(self, snapshot: Snapshot) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._own.with_suffix(".draft")
        draft.write_bytes(snapshot.to_json())
        draft.replace(self._own)
