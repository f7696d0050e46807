"""Give this process a file system that has only the files that it may read, and a working folder of limited size in memory.

Needs the right to mount: that of root with CAP_SYS_ADMIN, or that of an ordinary user in a user namespace of its own. In
addition to what Landlock does, other files do not exist for the process, so that it cannot find out their names and sizes, and
files of root that it may read are reachable for an ordinary user, such as a virtual environment below /root.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
_MS_REMOUNT, _MS_NOATIME, _MS_NODIRATIME, _MS_BIND, _MS_REC = 0x20, 0x400, 0x800, 0x1000, 0x4000
_MS_PRIVATE, _MS_RELATIME, _MS_STRICTATIME = 1 << 18, 1 << 21, 1 << 24
_MNT_DETACH = 2
#: Numbers of the system call pivot_root, which the C library does not have.
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
#: Flags of a mount that a user namespace may not change, in statvfs and in mount.
_LOCKED_FLAGS = ((0x1, _MS_RDONLY), (0x2, _MS_NOSUID), (0x4, _MS_NODEV), (0x8, _MS_NOEXEC), (0x400, _MS_NOATIME), (0x800, _MS_NODIRATIME), (0x1000, _MS_RELATIME))  # fmt: skip
#: Folders and mount points of the file system, in bytes and in number.
_ROOT_OPTIONS = "size=1m,nr_inodes=4096,mode=0755"


def unshare_namespaces() -> bool:
    """Move this process, which has one thread, into mount and IPC namespaces; as an ordinary user, into a user namespace too.

    Returns:
        Whether the system permits this.

    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNS | _CLONE_NEWIPC
    if user == 0:
        return bool(libc.unshare(flags) == 0)
    if libc.unshare(flags | _CLONE_NEWUSER):
        return False
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


class PrivateRoot:
    """Builds the file system and enters it."""

    def __init__(self, folder: Path, machine: str) -> None:
        """Prepare to build.

        Args:
            folder: the working folder. It serves as the mount point.
            machine: the name of the architecture.

        """
        self._folder = folder
        self._pivot_root = _PIVOT_ROOT[machine]
        self._libc = ctypes.CDLL(None, use_errno=True)
        #: Paths that exist in the new file system with all that is below them.
        self._copied: set[Path] = set()

    def enter(self, paths: Iterable[Path], user: int, max_bytes: int, max_files: int) -> None:
        """Replace the file system of this process and enter the working folder.

        Args:
            paths: files and folders to keep, read-only. Those that do not exist are left out.
            user: the id of the user and the group that own the working folder.
            max_bytes: the size of the working folder.
            max_files: the number of files and folders in it.

        Raises:
            OSError: the system does not permit a mount. The file system is unchanged.

        """
        self._mount(None, Path("/"), None, _MS_REC | _MS_PRIVATE)
        self._mount("tmpfs", self._folder, "tmpfs", _MS_NOSUID, _ROOT_OPTIONS)
        for path in paths:
            self._copy(path)
        work = self._place(self._folder)
        work.mkdir(parents=True, exist_ok=True)
        options = f"size={max_bytes},nr_inodes={max_files},mode=0700,uid={user},gid={user}"
        self._mount("tmpfs", work, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
        self._mount(None, self._folder, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID)
        os.chdir(self._folder)
        # The old root is mounted over the new one at the same place, and then detached.
        self._check(self._libc.syscall(self._pivot_root, b".", b"."))
        self._check(self._libc.umount2(b".", _MNT_DETACH))
        os.chdir(self._folder)

    def _place(self, path: Path) -> Path:
        """Return where a path is while the new file system is below the working folder."""
        return self._folder / path.relative_to("/")

    def _copy(self, path: Path) -> None:
        """Mount a file or folder at the same path in the new file system. Symbolic links on the way to it are created too."""
        here = Path("/")
        for name in path.parts[1:]:
            here /= name
            if here in self._copied:
                return
            if here.is_symlink():
                self._copy_link(here)
                self._copy(here.resolve() / path.relative_to(here))
                return
        if path.exists():
            self._bind(path)

    def _copy_link(self, link: Path) -> None:
        place = self._place(link)
        if not place.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(link.readlink())

    def _bind(self, path: Path) -> None:
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.touch()
        self._mount(str(path), place, None, _MS_BIND | _MS_REC)
        self._copied.add(path)
        if not stat.S_ISCHR(path.stat().st_mode):
            self._mount(None, place, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _present_flags(place))

    def _mount(
        self, source: str | None, target: Path, kind: str | None, flags: int, options: str | None = None
    ) -> None:
        encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
        self._check(self._libc.mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3]))

    @staticmethod
    def _check(result: int) -> None:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _present_flags(place: Path) -> int:
    """Return the flags of a mount, which a process in a user namespace must keep."""
    present = os.statvfs(place).f_flag
    flags = sum(flag for bit, flag in _LOCKED_FLAGS if present & bit)
    return flags if present & 0x1400 else flags | _MS_STRICTATIME
