"""A request as people copy it from a browser: a line of curl."""

from __future__ import annotations

import shlex
from typing import NamedTuple

_WITH_VALUE = {
    "-X": "method",
    "--request": "method",
    "-H": "header",
    "--header": "header",
    "-b": "cookie",
    "--cookie": "cookie",
    "-u": "user",
    "--user": "user",
    "-x": "proxy",
    "--proxy": "proxy",
    "-A": "agent",
    "--user-agent": "agent",
    "--url": "url",
    **dict.fromkeys(("-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--data-urlencode"), "data"),
    **dict.fromkeys(("-o", "--output", "-m", "--max-time", "--connect-timeout"), "passed over"),
}


class ParsedContext(NamedTuple):
    """What a line of curl asks for."""

    method: str
    url: str
    data: str | None
    headers: dict[str, str]
    cookies: dict[str, str]
    verify: bool
    auth: tuple[str, str] | None
    proxy: dict[str, str] | None


def parse_context(curl_command: str) -> ParsedContext:
    """Return what a line of curl asks for.

    Raises:
        ValueError: it is no such line, or names no address.

    """
    words = shlex.split(curl_command.replace("\\\n", " "))
    if not words or words[0] != "curl":
        raise ValueError("This is no line of curl.")
    found: dict[str, list[str]] = {}
    verify = True
    left = iter(words[1:])
    for word in left:
        if word in _WITH_VALUE:
            found.setdefault(_WITH_VALUE[word], []).append(next(left, ""))
        elif word in ("-k", "--insecure"):
            verify = False
        elif not word.startswith("-"):
            found.setdefault("url", []).append(word)
    if "url" not in found:
        raise ValueError("The line of curl names no address.")
    headers = dict(_pair(line, ":") for line in found.get("header", []))
    if "agent" in found:
        headers["User-Agent"] = found["agent"][-1]
    cookies = dict(_pair(part, "=") for line in found.get("cookie", []) for part in line.split(";") if part.strip())
    data = "&".join(found["data"]) if "data" in found else None
    method = found.get("method", ["POST" if data is not None else "GET"])[-1].lower()
    user, proxy = found.get("user"), found.get("proxy")
    return ParsedContext(
        method,
        found["url"][0],
        data,
        headers,
        cookies,
        verify,
        _pair(user[-1], ":") if user else None,
        {"http": proxy[-1], "https": proxy[-1]} if proxy else None,
    )


def _pair(text: str, between: str) -> tuple[str, str]:
    name, _, value = text.partition(between)
    return name.strip(), value.strip()
