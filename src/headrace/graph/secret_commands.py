"""Remove secrets from command lines: lists of arguments, and curl commands.

Options of curl: https://curl.se/docs/manpage.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from headrace.graph.secret_text import is_opaque, remove_path_secrets, remove_secrets
from headrace.net.secret_names import HARMLESS_HEADERS, is_secret_name

#: Longer commands are emptied: splitting them takes too long.
MAX_COMMAND_CHARACTERS = 100_000

Scrub = Callable[[str], str]

_CURL = re.compile(r"\s*(?:\$\s+)?curl(?:\.exe)?\s")
_ENVIRONMENT_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]{1,80}=")
_HEADER = re.compile(r"\$?[\w-]{1,80}:\s")


def is_curl(text: str) -> bool:
    """Return whether a text is a curl command."""
    return _CURL.match(text) is not None


def scrub_header(line: str) -> str:
    """Return a header line without its value, unless the value is harmless."""
    name, mark, _ = line.partition(":")
    if not mark:
        return ""
    return remove_secrets(line) if name.strip().lstrip("$").lower() in HARMLESS_HEADERS else f"{name}: "


def scrub_assignment(text: str) -> str:
    """Return `NAME=value` without the value. A name alone stays."""
    name, mark, _ = text.partition("=")
    return name + mark


def scrub_word(word: str) -> str:
    """Return an argument without the secret in it."""
    if _ENVIRONMENT_ASSIGNMENT.match(word):
        return scrub_assignment(word)
    if _HEADER.match(word):
        return scrub_header(word)
    if "://" in word:
        return remove_path_secrets(remove_secrets(word))
    return "" if is_opaque(word) else remove_secrets(word)


def scrub_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments of a program without secrets. Their number stays the same."""
    scrubbed: list[str] = []
    pending: Scrub | None = None
    for argument in arguments:
        if pending is not None:
            scrubbed.append(pending(argument))
            # mcp-proxy takes the name and the value of a header as two arguments.
            pending = _empty if pending is scrub_header and ":" not in argument else None
        elif argument.startswith("-"):
            word, pending = _scrub_option(argument)
            scrubbed.append(word)
        else:
            scrubbed.append(scrub_word(argument))
    return scrubbed


def _scrub_option(argument: str) -> tuple[str, Scrub | None]:
    """Return an option without secrets, and the function for the argument that is its value, if it decides about it."""
    name, mark, value = argument.partition("=")
    scrub = _scrub_of_option(name)
    if mark:
        return f"{name}={(scrub or scrub_word)(value)}", None
    return argument if scrub is not None else remove_secrets(argument), scrub


def _scrub_of_option(name: str) -> Scrub | None:
    if name in {"-H", "--header", "--headers"}:
        return scrub_header
    if name in {"-e", "--env"}:
        return scrub_assignment
    return _empty if is_secret_name(name) else None


def _empty(_: str) -> str:
    return ""


def scrub_command(command: str, scrub_list: Callable[[list[str]], list[str]] = scrub_arguments) -> str:
    """Return a command line without secrets; an empty text if it cannot be split into words."""
    if len(command) > MAX_COMMAND_CHARACTERS:
        return ""
    try:
        words = shlex.split(command.replace("\\\r\n", " ").replace("\\\n", " ").replace("^\n", " "))
    except ValueError:
        return ""
    scrubbed = scrub_list(words)
    if scrubbed == words:
        return command
    # A shell's quotes `$'…'` are not restored.
    return "" if "$'" in command else shlex.join(scrubbed)


def scrub_curl(command: str, scrub_body: Scrub) -> str:
    """Return a curl command without credentials, cookies and secret values.

    Args:
        command: the command line.
        scrub_body: returns the body of a request without secrets.

    """
    options: dict[str, Scrub] = {
        **dict.fromkeys(("-H", "--header", "--proxy-header"), scrub_header),
        **dict.fromkeys(
            ("-u", "--user", "-U", "--proxy-user", "-b", "--cookie", "--oauth2-bearer", "--pass", "--proxy-pass", "--aws-sigv4"), _empty
        ),
        **dict.fromkeys(("-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--data-urlencode", "--json"), scrub_body),
        **dict.fromkeys(("-F", "--form", "--form-string"), _scrub_form),
        **dict.fromkeys(("-x", "--proxy", "--url", "-e", "--referer"), scrub_word),
        **dict.fromkeys(("-A", "--user-agent", "-X", "--request", "-o", "--output", "-m", "--max-time", "-w", "-T"), remove_secrets),
    }  # fmt: skip
    return scrub_command(command, lambda words: _scrub_curl_words(words, options))


def _scrub_curl_words(words: list[str], options: dict[str, Scrub]) -> list[str]:
    scrubbed: list[str] = []
    pending: Scrub | None = None
    for word in words:
        if pending is not None:
            scrubbed.append(pending(word))
            pending = None
        elif word.startswith("--"):
            name, mark, value = word.partition("=")
            scrub = options.get(name) or (_empty if is_secret_name(name) else None)
            scrubbed.append(f"{name}={(scrub or scrub_word)(value)}" if mark else word)
            pending = None if mark else scrub
        elif word.startswith("-"):
            short, pending = _scrub_short_options(word, options)
            scrubbed += short
        else:
            scrubbed.append(scrub_word(word))
    return scrubbed


def _scrub_short_options(word: str, options: dict[str, Scrub]) -> tuple[list[str], Scrub | None]:
    """Return options like `-sSuname:password` without secrets: the first that takes a value ends them.

    An emptied value becomes a word of its own: otherwise the option would take the next word as its value.
    """
    for position, letter in enumerate(word[1:], 1):
        scrub = options.get(f"-{letter}")
        if scrub is not None:
            option, value = word[: position + 1], word[position + 1 :]
            if not value:
                return [word], scrub
            cleaned = scrub(value)
            return [option + cleaned] if cleaned else [option, ""], None
    return [word], None


def _scrub_form(part: str) -> str:
    name, mark, value = part.partition("=")
    return f"{name}{mark}" if is_secret_name(name) else f"{name}{mark}{remove_secrets(value)}"
