"""The files of a chat message: their types, as file name extensions, and their paths."""

from __future__ import annotations

TEXT_FILE_TYPES = [
    *("csv", "json", "pdf", "txt", "md", "mdx", "yaml", "yml", "xml", "html", "htm", "docx", "py", "sh", "sql", "js"),
    *("ts", "tsx"),
]
IMAGE_FILE_TYPES = ["jpg", "jpeg", "png", "bmp", "image"]


def file_paths(value: object) -> list[str]:
    """Return the paths in the value of a field for files: a path, or a list of paths."""
    paths = value if isinstance(value, list) else [value]
    return [path for path in paths if isinstance(path, str) and path]
