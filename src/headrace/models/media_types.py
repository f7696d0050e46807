"""Recognize images and PDF files by their first bytes.

Source: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
"""

from __future__ import annotations

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
)
#: Extensions of images, with the media type of a file whose content is not recognized.
_IMAGE_EXTENSIONS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
}


def media_type_of(name: str, content: bytes) -> str | None:
    """Return the media type of an image or a PDF file, or None for any other file.

    Args:
        name: the file's name with its extension, which decides if the content is not recognized.
        content: the content, or its first 12 bytes.

    """
    extension = name.rpartition(".")[2].lower()
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    for signature, media_type in _SIGNATURES:
        # Two bytes alone do not tell a bitmap from a text.
        if content.startswith(signature) and (media_type != "image/bmp" or extension == "bmp"):
            return media_type
    return _IMAGE_EXTENSIONS.get(extension)
