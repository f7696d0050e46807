"""Confine the worker process: file system, privileges, resource limits, Landlock and seccomp."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.isolation.guest import landlock, seccomp
from headrace.isolation.guest.private_root import PrivateRoot, unshare_namespaces
from headrace.isolation.guest.privileges import (
    FALLBACK_WORKER_ID,
    PrivilegeError,
    die_with_server,
    drop_privileges,
    worker_user,
)
from headrace.isolation.limits import MAX_FILES, apply_limits

if TYPE_CHECKING:
    from headrace.isolation.limits import ResourceLimits

#: Readable paths besides Python's own folders: shared libraries, certificates, time zones, harmless devices.
_READABLE = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/etc/mime.types",
    "/dev/urandom",
)
_NULL_DEVICE = Path("/dev/null")


def sandbox_self(limits: ResourceLimits, folder: Path, server: int) -> dict[str, bool]:
    """Confine this process permanently.

    Args:
        limits: resource limits of the process.
        folder: the only folder that the process may write to.
        server: the process id of the server.

    Returns:
        Whether the system supports each feature that confines the process: `landlock` and `seccomp`; and whether the working
        folder has a `quota` of the kernel.

    Raises:
        PrivilegeError: the process would keep privileges, or could not read Python's libraries without them.

    """
    if sys.platform != "linux":
        apply_limits(limits, counts_threads=False)
        return {"landlock": False, "seccomp": False, "quota": False}
    _require_one_thread()
    user = worker_user()
    # The kernel counts the threads of a user id. A worker of a server that runs as root has an id of its own, unless the
    # container does not map such ids; in a user namespace, the kernel counts the threads of that namespace.
    is_root = os.geteuid() == 0
    paths = _readable_paths()
    has_namespaces = unshare_namespaces()
    has_quota = has_namespaces and _enter_private_root(paths, limits, folder, user)
    if is_root and not has_quota:
        os.chown(folder, user, user)
    drop_privileges(user)
    die_with_server(server)
    _require_readable_libraries()
    apply_limits(limits, counts_threads=user != FALLBACK_WORKER_ID if is_root else has_namespaces)
    readable = sorted({path.resolve() for path in paths if path.exists()})
    has_landlock = landlock.restrict_filesystem(readable, [folder, _NULL_DEVICE])
    return {"landlock": has_landlock, "seccomp": seccomp.install_filter(), "quota": has_quota}


def _enter_private_root(paths: list[Path], limits: ResourceLimits, folder: Path, user: int) -> bool:
    os.umask(0o022)
    try:
        root = PrivateRoot(folder, platform.machine())
        root.enter([*paths, _NULL_DEVICE], user, limits.max_folder_mib << 20, MAX_FILES)
    except (OSError, KeyError):
        # Some systems allow namespaces without mounts. Landlock and the server's watchdog limit the folder then.
        return False
    finally:
        os.umask(0o077)
    return True


def _readable_paths() -> list[Path]:
    python_folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return sorted({Path(p) for p in (*python_folders, *sys.path, *_READABLE) if p and Path(p).exists()})


def _require_one_thread() -> None:
    """Check that no other thread exists: privileges, Landlock and seccomp are those of a thread."""
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        raise PrivilegeError(f"The worker process has {threads} threads before it is confined, instead of one.")


def _require_readable_libraries() -> None:
    for path in sys.path:
        # A folder that does not exist is not an error, but a folder that cannot be reached is.
        with contextlib.suppress(FileNotFoundError):
            try:
                Path(path).stat()
            except PermissionError:
                raise PrivilegeError(
                    f"Isolated code does not run as root and cannot read {path}. Install Python and headrace in folders that "
                    "everybody may read, run the server as an ordinary user, or give it the capability SYS_ADMIN."
                ) from None
