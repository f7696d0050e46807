"""Settings of files on disk or in S3."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from headrace.settings.declaration import SettingsGroup, StringMap, setting


class StorageSettings(SettingsGroup):
    """Folders, file storage and upload limits."""

    config_dir: Path = setting(
        "LANGFLOW_CONFIG_DIR",
        default=Path("~/.headrace"),
        description="Folder of the SQLite database, the keys and the files.",
    )
    backend: Literal["local", "s3"] = setting(
        "LANGFLOW_STORAGE_TYPE", default="local", description="Where uploaded files are stored."
    )
    bucket_name: str = setting(
        "LANGFLOW_OBJECT_STORAGE_BUCKET_NAME",
        default="langflow-bucket",
        min_length=1,
        description="Name of the S3 bucket.",
    )
    prefix: str = setting(
        "LANGFLOW_OBJECT_STORAGE_PREFIX", default="files", description="Prefix of every key in the bucket."
    )
    tags: StringMap | None = setting(
        "LANGFLOW_OBJECT_STORAGE_TAGS", default=None, description="Tags of every object in the bucket, as JSON."
    )
    max_upload_mib: int = setting(
        "LANGFLOW_MAX_FILE_SIZE_UPLOAD", default=1024, ge=1, description="Maximum size of an uploaded file, in MiB."
    )
    knowledge_bases_dir: Path | None = setting(
        "LANGFLOW_KNOWLEDGE_BASES_DIR",
        default=None,
        description="Folder of the knowledge bases. By default, a folder in the configuration folder.",
    )
    flow_poll_milliseconds: int = setting(
        "LANGFLOW_FS_FLOWS_POLLING_INTERVAL",
        default=10_000,
        ge=10,
        description="Time between two checks of the files that flows are linked to, in milliseconds.",
    )
    remove_api_keys: bool = setting(
        "LANGFLOW_REMOVE_API_KEYS",
        default=False,
        description="Remove secrets from the password fields of a flow when it is saved.",
    )

    @property
    def config_folder(self) -> Path:
        """Return the configuration folder with `~` expanded."""
        return self.config_dir.expanduser()

    @property
    def knowledge_bases_folder(self) -> Path:
        """Return the folder of the knowledge bases with `~` expanded."""
        return (self.knowledge_bases_dir or self.config_dir / "knowledge_bases").expanduser()

    @property
    def flows_folder(self) -> Path:
        """Return the folder of the files that flows are linked to, with a folder for each user."""
        return self.config_folder / "flows"

    @property
    def max_upload_bytes(self) -> int:
        """Return the maximum size of an uploaded file in bytes."""
        return self.max_upload_mib << 20
