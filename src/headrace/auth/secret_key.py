"""The server's secret: from the settings, or generated once and stored in a file with mode 0600."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from headrace.db.private_files import protect
from headrace.settings.auth import MIN_SECRET_KEY_BYTES
from headrace.settings.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.settings import Settings

FILE_NAME = "secret_key"


def has_secret_key(settings: Settings) -> bool:
    """Return whether the settings or the file contain a key, so that `secret_key` generates none."""
    if _configured_key(settings):
        return True
    try:
        return (settings.storage.config_folder / FILE_NAME).exists()
    except OSError:
        # `secret_key` explains why the folder cannot be read.
        return True


def secret_key(settings: Settings) -> str:
    """Return the secret key. Servers that start concurrently with the same folder get the same key.

    Raises:
        SettingsError: The key in the file is too short, or the file cannot be read or written.

    """
    if key := _configured_key(settings):
        return key
    folder = settings.storage.config_folder
    try:
        return _read_or_create(folder, allow_short=settings.auth.allow_short_secret_key)
    except OSError as error:
        raise SettingsError(
            f"The secret key in the configuration folder {folder} cannot be read or written: {error.strerror}. Let the user that "
            "runs headrace write to this folder, choose another with LANGFLOW_CONFIG_DIR, or set LANGFLOW_SECRET_KEY."
        ) from error


def _configured_key(settings: Settings) -> str:
    key = settings.auth.secret_key
    return key.get_secret_value() if key is not None else ""


def _read_or_create(folder: Path, *, allow_short: bool) -> str:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE_NAME
    draft = folder / f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
    if not path.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    protect(path)
    key = path.read_text(encoding="utf-8").strip()
    if len(key.encode()) < MIN_SECRET_KEY_BYTES and not allow_short:
        raise SettingsError(
            f"The key in {path} is shorter than {MIN_SECRET_KEY_BYTES} bytes. Restore the complete file. To start with this "
            "key, set HEADRACE_ALLOW_SHORT_SECRET_KEY=true."
        )
    return key
