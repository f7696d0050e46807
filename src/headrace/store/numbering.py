"""Names that are taken get a number."""

import re


def numbered(name: str, taken: set[str], pattern: str = "{name} ({n})", longest: int = 1024) -> str:
    """Return `name`, or with the next free number behind it where it is taken.

    `pattern` says how the number is written, `{name} ({n})` or `{name}-{n}`. A name that would grow over
    `longest` characters is cut before its number.
    """
    if name not in taken:
        return name
    head, tail = pattern.replace("{name}", name).split("{n}")
    numbers = [int(m[1]) for t in taken if (m := re.fullmatch(re.escape(head) + r"(\d{1,9})" + re.escape(tail), t))]
    free = f"{head}{max(numbers, default=0) + 1}{tail}"
    return free if len(free) <= longest else numbered(name[: longest - 12], taken | {name[: longest - 12]}, pattern)
