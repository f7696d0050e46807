"""Folders of workers whose server was killed are removed, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from headrace.isolation.host.worker_folder import FOLDER_PREFIX, WorkerFolder, remove_stale_folders

CREATE_AND_DIE = """
import os, signal
from headrace.isolation.host.worker_folder import WorkerFolder
print(WorkerFolder().name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the test away from the folders of servers that run on this machine."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def folder_of_a_killed_server() -> Path:
    script = subprocess.run([sys.executable, "-c", CREATE_AND_DIE], capture_output=True, text=True, check=False)
    folder = Path(script.stdout.strip())
    (folder / "file").write_text("x")
    return folder


def test_the_folder_of_a_killed_server_is_removed() -> None:
    folder = folder_of_a_killed_server()
    remove_stale_folders()
    assert folder.exists(), "a young folder may belong to a server that has not locked it yet"
    remove_stale_folders(min_age_seconds=0)
    assert not folder.exists()


def test_the_folder_of_a_running_server_stays() -> None:
    folder = WorkerFolder()
    remove_stale_folders(min_age_seconds=0)
    assert Path(folder.name).is_dir()
    folder.remove()
    assert not Path(folder.name).exists()


def test_links_and_folders_of_other_users_stay(tmp_path: Path) -> None:
    target = tmp_path / "documents"
    target.mkdir()
    link = tmp_path / f"{FOLDER_PREFIX}link"
    link.symlink_to(target)
    remove_stale_folders(min_age_seconds=0)
    assert link.is_symlink()
    assert target.is_dir()
    if os.geteuid() != 0:
        pytest.skip("Only root can give a folder to another user.")
    foreign = tmp_path / f"{FOLDER_PREFIX}foreign"
    foreign.mkdir()
    os.chown(foreign, 1234, 1234)
    remove_stale_folders(min_age_seconds=0)
    assert foreign.is_dir()
