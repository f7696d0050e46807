"""Run programs as root or as an ordinary user, in tests that run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

#: The id of the ordinary user, which no account has.
USER_ID = 12_345
_AS_USER = (
    "setpriv",
    f"--reuid={USER_ID}",
    f"--regid={USER_ID}",
    "--clear-groups",
    "--inh-caps=-all",
    "--bounding-set=-all",
)
#: Makes one folder reachable through a closed one, such as Python below /root, in a mount namespace.
_OPEN_FOLDER = """
set -e
mount --make-rprivate /
holder=$(mktemp -d)
mount --bind "$2" "$holder"
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir -p "$2"
mount --move "$holder" "$2"
rmdir "$holder"
shift 2
exec "$@"
"""


@cache
def ordinary_user_prefix() -> tuple[str, ...]:
    """Return the words to put before a command to run it as an ordinary user, or skip the test if that is impossible."""
    if os.geteuid() != 0:
        return ()
    if not all(shutil.which(tool) for tool in ("setpriv", "unshare")):
        pytest.skip("setpriv and unshare of util-linux are missing")
    python = Path(sys.base_prefix).resolve()
    closed = [folder for folder in reversed(python.parents) if not folder.stat().st_mode & 0o001]
    prefix: tuple[str, ...] = _AS_USER
    if closed:
        prefix = ("unshare", "-m", "bash", "-c", _OPEN_FOLDER, "bash", str(closed[0]), str(python), *_AS_USER)
    attempt = subprocess.run(
        [*prefix, sys.executable, "-c", "import headrace"], capture_output=True, text=True, check=False
    )
    if attempt.returncode:
        pytest.skip(f"this machine cannot run Python as another user: {attempt.stderr[-200:]}")
    return prefix


def account_prefix(account: str) -> tuple[str, ...]:
    """Return the prefix for a command as `root` or as an `ordinary user`."""
    if account == "root":
        if os.geteuid() != 0:
            pytest.skip("the tests do not run as root")
        return ()
    return ordinary_user_prefix()


def folder_for(account: str, folder: Path) -> Path:
    """Return a folder that the account owns and can reach."""
    if account != "root" and os.geteuid() == 0:
        os.chown(folder, USER_ID, USER_ID)
        for parent in folder.parents:
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    return folder
