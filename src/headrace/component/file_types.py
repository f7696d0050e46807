"""The kinds of files that a chat takes, by the end of their names."""

from __future__ import annotations

TEXT_FILE_TYPES = [
    *("csv", "json", "pdf", "txt", "md", "mdx", "yaml", "yml", "xml", "html", "htm", "docx", "py", "sh", "sql", "js"),
    *("ts", "tsx"),
]
IMAGE_FILE_TYPES = ["jpg", "jpeg", "png", "bmp", "image"]
