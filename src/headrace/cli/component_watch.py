"""Describe a component file again after each of its changes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from headrace.compat.component_file import load_component_file
from headrace.component.author_traceback import author_traceback
from headrace.component.folder_component import FolderComponent
from headrace.component.load_problem import ComponentFileError

#: Interval between checks for a change, in seconds.
POLL_INTERVAL_SECONDS = 0.3


def watch_component(file: Path, load_seconds: float) -> Iterator[str]:
    """Yield a description of the file, and another one after each change. Never ends."""
    stamp: object = None
    while True:
        present = _stamp(file)
        if present != stamp:
            stamp = present
            yield f"--- {file} at {datetime.now().astimezone():%H:%M:%S}\n{describe_file(file, load_seconds)}"
        time.sleep(POLL_INTERVAL_SECONDS)


def describe_file(file: Path, load_seconds: float) -> str:
    """Return the node of a component file as text, or its errors."""
    try:
        return describe_node(load_component_file(file, load_seconds))
    except ComponentFileError as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        return "\n".join(filter(None, [*map(str, error.problems), author_traceback(cause)]))


def describe_node(loaded: FolderComponent) -> str:
    """Return the node of a component as text: its name, fields and outputs."""
    component, node = loaded.component, loaded.node
    fields = [_field_row(node["template"][name]) for name in node["field_order"]]
    outputs = [(o["name"], " or ".join(o["types"]), f"{component.__name__}.{o['method']}") for o in node["outputs"]]
    return "\n".join(
        [
            f"{node['display_name']} (type {component.type_name()}, category {loaded.category})",
            *([node["description"]] if node["description"] else []),
            "",
            "Fields:" if fields else "Fields: none",
            *_table(fields),
            "Outputs:" if outputs else "Outputs: none",
            *_table(outputs),
        ]
    )


def _field_row(field: dict[str, Any]) -> tuple[str, ...]:
    ports = field.get("input_types") or []
    marks = [
        *(["required"] if field["required"] else []),
        *(["list"] if field.get("list") else []),
        *(["advanced"] if field["advanced"] else []),
        *([f"accepts {' or '.join(ports)}"] if ports else []),
    ]
    default = "" if field["value"] in ("", None) or field.get("password") else f"default {field['value']!r:.60}"
    return (field["name"], field["type"], ", ".join(filter(None, [*marks, default])))


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip() for row in rows
    ]


def _stamp(file: Path) -> object:
    try:
        status = file.stat()
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size
