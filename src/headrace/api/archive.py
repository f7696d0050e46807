"""Flow files and ZIPs of them: out for whoever keeps them, and in again."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from headrace.api.download import UniqueNames
from headrace.api.flow_models import FlowCreate, FlowRead
from headrace.api.json_body import strict_json
from headrace.errors import HeadraceError
from headrace.files.names import clean_name
from headrace.graph.secrets import without_secrets

MOST_FLOWS = 1000
#: A small ZIP can hold a mountain: no more than this is unpacked, bytes.
MOST_UNPACKED = 200_000_000
_ZIP_MARK = b"PK\x03\x04"
_EMPTY_ZIP_MARK = b"PK\x05\x06"


class ArchiveError(HeadraceError):
    """A file is no flow file and no ZIP of flow files; says why."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds: flows, and the project that they were exported with."""

    flows: list[FlowCreate]
    project_name: str | None = None
    project: dict[str, Any] = field(default_factory=dict)


def exported(row: Any, *, include_secrets: bool) -> dict[str, Any]:
    """Return a stored flow as a flow file holds it."""
    body = FlowRead.model_validate(dict(row)).model_dump(mode="json")
    return body if include_secrets else {**body, "data": without_secrets(body["data"])}


def flow_file_name(name: str) -> str:
    """Return the name of the file that holds the flow of this name."""
    return f"{clean_name(name.replace('/', '_'), 'flow')}.json"


def zip_of(rows: Sequence[Any], *, include_secrets: bool, project: dict[str, Any] | None = None) -> bytes:
    """Return a ZIP with a flow file for each row; what a project is beside its flows goes into the ZIP's comment."""
    held, names = io.BytesIO(), UniqueNames()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in rows:
            name = names.take(flow_file_name(row["name"]))
            archive.writestr(name, orjson.dumps(exported(row, include_secrets=include_secrets)))
        comment = orjson.dumps({"project": project}) if project is not None else b""
        # A ZIP's comment has a length of two bytes.
        archive.comment = comment if len(comment) < 1 << 16 else b""
    return held.getvalue()


def read_flows(body: bytes) -> Imported:
    """Return the flows of an uploaded file: one flow, `{"flows": [...]}`, or a ZIP of flow files.

    Raises:
        UnreadableBodyError: it is no JSON.
        ArchiveError: it is no ZIP that could be read, or too much of one.
        RequestValidationError: something in it is no flow.

    """
    if body[:4] in {_ZIP_MARK, _EMPTY_ZIP_MARK}:
        return _unpacked(body)
    parsed = strict_json(body, "The file")
    if isinstance(parsed, list):
        return Imported(_flows(parsed))
    if not isinstance(parsed, dict):
        raise ArchiveError("The file is no flow: it must be a JSON object.")
    if "flows" not in parsed:
        return Imported(_flows([parsed]))
    if not isinstance(parsed["flows"], list):
        raise ArchiveError('The file is no list of flows: "flows" must be a JSON array.')
    name = parsed.get("folder_name")
    return Imported(
        _flows(parsed["flows"]),
        name if isinstance(name, str) else None,
        {"description": parsed.get("folder_description")},
    )


def _flows(bodies: Sequence[Any]) -> list[FlowCreate]:
    if len(bodies) > MOST_FLOWS:
        raise ArchiveError(f"The file holds more than {MOST_FLOWS} flows. Split it.")
    flows: list[FlowCreate] = []
    for i, body in enumerate(bodies):
        try:
            flows.append(FlowCreate.model_validate(body))
        except ValidationError as error:
            raise RequestValidationError(
                [{**p, "loc": ("body", "flows", i, *p["loc"])} for p in error.errors()]
            ) from error
    return flows


def _unpacked(body: bytes) -> Imported:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = [e for e in archive.infolist() if e.filename.lower().endswith(".json") and not e.is_dir()]
            if len(entries) > MOST_FLOWS:
                raise ArchiveError(f"The ZIP holds more than {MOST_FLOWS} flows. Split it.")
            texts: list[bytes] = []
            left = MOST_UNPACKED
            for entry in entries:
                with archive.open(entry) as packed:
                    text = packed.read(left + 1)
                left -= len(text)
                if left < 0:
                    raise ArchiveError(f"The ZIP unpacks to more than {MOST_UNPACKED} bytes. Split it.")
                texts.append(text)
            comment = archive.comment
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise ArchiveError(f"The file is no ZIP that can be read: {error}") from error
    bodies: list[Any] = []
    for entry, text in zip(entries, texts, strict=True):
        parsed = strict_json(text, f"{entry.filename} in the ZIP")
        bodies.extend(
            parsed["flows"] if isinstance(parsed, dict) and isinstance(parsed.get("flows"), list) else [parsed]
        )
    return Imported(_flows(bodies), *_project_of(comment))


def _project_of(comment: bytes) -> tuple[str | None, dict[str, Any]]:
    try:
        project = orjson.loads(comment or b"{}").get("project")
    except (orjson.JSONDecodeError, AttributeError):
        return None, {}
    if not isinstance(project, dict) or not isinstance(project.get("name"), str):
        return None, {}
    return project["name"], project
