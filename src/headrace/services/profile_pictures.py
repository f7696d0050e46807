"""Profile pictures: those in the operator's folder, and those that come with the server."""

from __future__ import annotations

import functools
import mimetypes
from dataclasses import dataclass
from importlib import resources

from headrace.errors import BadRequestError, HeadraceError, NotFoundError
from headrace.storage.confined_folder import ConfinedFolder

#: Maximum size of a picture in bytes, and maximum number of the operator's folders and of pictures in one.
MAX_PICTURE_BYTES, MAX_FOLDERS, MAX_PICTURES = 1 << 20, 50, 500


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and its media type."""

    content: bytes
    media_type: str


class ProfilePictures:
    """Lists and reads pictures by folder and file name. The operator's come first. All methods block: call them in a thread."""

    def __init__(self, folder: ConfinedFolder) -> None:
        self._folder = folder

    def list_names(self) -> list[str]:
        """Return the names of all pictures, such as `Space/moon.svg`, those of the operator first."""
        own = [f"{folder}/{name}" for folder in self._own_folders() for name in self._own_pictures(folder)]
        builtin = [f"{folder}/{name}" for folder, pictures in _builtin_pictures().items() for name in pictures]
        return list(dict.fromkeys(own + builtin))

    def get_picture(self, folder: str, name: str) -> Picture:
        """Return a picture.

        Raises:
            BadRequestError: no folder has this name.
            NotFoundError: the folder has no picture with this name.

        """
        own_folders = self._own_folders()
        if folder not in own_folders and folder not in _builtin_pictures():
            names = ", ".join(dict.fromkeys([*own_folders, *_builtin_pictures()]))
            raise BadRequestError(f"No folder of profile pictures has this name. Use one of: {names}")
        content = _builtin_pictures().get(folder, {}).get(name)
        if folder in own_folders and name in self._own_pictures(folder):
            content = self._read(folder, name) or content
        if content is None:
            raise NotFoundError("There is no such picture")
        return Picture(content, _media_type(name))

    def _own_folders(self) -> list[str]:
        return self._folder.list_names((), MAX_FOLDERS)

    def _own_pictures(self, folder: str) -> list[str]:
        names = self._folder.list_names((folder,), MAX_PICTURES)
        return [name for name in names if _media_type(name).startswith("image/")]

    def _read(self, folder: str, name: str) -> bytes | None:
        """Return the operator's picture, or None if it is a symbolic link, too large or was just deleted."""
        try:
            return self._folder.read((folder, name), MAX_PICTURE_BYTES)[0]
        except (FileNotFoundError, HeadraceError):
            return None


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


@functools.cache
def _builtin_pictures() -> dict[str, dict[str, bytes]]:
    root = resources.files("headrace") / "api" / "pictures"
    return {
        folder.name: {f.name: f.read_bytes() for f in sorted(folder.iterdir(), key=lambda f: f.name)}
        for folder in sorted(root.iterdir(), key=lambda f: f.name)
        if folder.is_dir() and not folder.name.startswith("_")
    }
