"""Parse a curl command line, as browsers copy requests."""

from __future__ import annotations

import shlex
from typing import NamedTuple

#: Maximum length of a command, in characters. `shlex` needs quadratic time for long words.
MAX_COMMAND_LENGTH = 100_000
#: Options that take a value, by the part of the request that the value describes.
_OPTIONS_WITH_VALUE = {
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
    **dict.fromkeys(("-o", "--output", "-m", "--max-time", "--connect-timeout"), "ignored"),
}


class ParsedContext(NamedTuple):
    """The request that a curl command describes."""

    method: str
    url: str
    data: str | None
    headers: dict[str, str]
    cookies: dict[str, str]
    verify: bool
    auth: tuple[str, str] | None
    proxy: dict[str, str] | None


def parse_context(curl_command: str) -> ParsedContext:
    """Return the request that a curl command describes.

    Raises:
        ValueError: the text is not a curl command, is too long, or has no URL.

    """
    if len(curl_command) > MAX_COMMAND_LENGTH:
        raise ValueError(f"The curl command is longer than {MAX_COMMAND_LENGTH} characters. Shorten it.")
    words = shlex.split(curl_command.replace("\\\n", " "))
    if not words or words[0] != "curl":
        raise ValueError("The text is not a curl command. Start it with 'curl'.")
    options: dict[str, list[str]] = {}
    verify = True
    remaining = iter(words[1:])
    for word in remaining:
        if word in _OPTIONS_WITH_VALUE:
            options.setdefault(_OPTIONS_WITH_VALUE[word], []).append(next(remaining, ""))
        elif word in ("-k", "--insecure"):
            verify = False
        elif not word.startswith("-"):
            options.setdefault("url", []).append(word)
    if "url" not in options:
        raise ValueError("The curl command has no URL. Add one.")
    headers = dict(_split_pair(line, ":") for line in options.get("header", []))
    if "agent" in options:
        headers["User-Agent"] = options["agent"][-1]
    cookies = dict(
        _split_pair(part, "=") for line in options.get("cookie", []) for part in line.split(";") if part.strip()
    )
    data = "&".join(options["data"]) if "data" in options else None
    method = options.get("method", ["POST" if data is not None else "GET"])[-1].lower()
    user, proxy = options.get("user"), options.get("proxy")
    return ParsedContext(
        method,
        options["url"][0],
        data,
        headers,
        cookies,
        verify,
        _split_pair(user[-1], ":") if user else None,
        {"http": proxy[-1], "https": proxy[-1]} if proxy else None,
    )


def _split_pair(text: str, separator: str) -> tuple[str, str]:
    name, _, value = text.partition(separator)
    return name.strip(), value.strip()
