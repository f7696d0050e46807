"""Functions by which component code converts values and texts."""

from __future__ import annotations

from typing import Any

from headrace.schema import Data


def serialize(obj: Any, max_length: int | None = None, max_items: int | None = None, *, to_str: bool = False) -> Any:
    """Return a value in a form that JSON can represent.

    Args:
        obj: any value.
        max_length: the maximum length of strings; longer ones are cut and end in `...`. None for no limit.
        max_items: the maximum length of lists and objects. None for no limit.
        to_str: accepted for compatibility; it has no effect.

    """
    if isinstance(obj, Data):
        obj = obj.model_dump(exclude={"stream"})
    if isinstance(obj, dict):
        return {str(k): serialize(v, max_length, max_items, to_str=to_str) for k, v in list(obj.items())[:max_items]}
    if isinstance(obj, (list, tuple, set)):
        return [serialize(v, max_length, max_items, to_str=to_str) for v in list(obj)[:max_items]]
    if isinstance(obj, str):
        return obj if max_length is None or len(obj) <= max_length else obj[:max_length] + "..."
    if obj is None or isinstance(obj, (bool, int, float)):
        return obj
    return serialize(str(obj), max_length)


def unescape_string(text: str) -> str:
    r"""Return a text with `\n` and `\t` replaced by a line feed and a tab."""
    return text.replace("\\n", "\n").replace("\\t", "\t")
