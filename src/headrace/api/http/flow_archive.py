"""Flow files, and ZIP archives of flow files: export and import."""

from __future__ import annotations

import asyncio
import io
import zipfile
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from headrace.api.http.strict_json import InvalidBodyError, count_json_values, strict_json
from headrace.api.schemas.flow import FlowCreate, FlowRead
from headrace.compat.exported_nodes import with_exported_code
from headrace.errors import BadRequestError
from headrace.graph.redaction import exported_view, redact_text
from headrace.storage.filenames import sanitize_filename

if TYPE_CHECKING:
    from headrace.component.registry import Registry
    from headrace.db.row_batches import RowBatches
    from headrace.limits.byte_budget import ByteBudget

#: The maximum number of flows in a file.
MAX_FLOWS = 1000
#: The maximum size of the unpacked entries of a ZIP, as a multiple of the maximum size of a request, and their maximum number
#: of JSON values, which take up to thirty times as much memory. They protect the server from ZIP bombs.
MAX_UNPACKED_REQUESTS = 5
MAX_UNPACKED_VALUES = 2_000_000
#: The memory that parsed flows take for each byte of their JSON.
PARSED_BYTES_PER_BYTE = 4
_ZIP_MAGIC = b"PK\x03\x04"
_EMPTY_ZIP_MARK = b"PK\x05\x06"


class ArchiveError(BadRequestError):
    """A file is neither a valid flow file nor a valid ZIP of flow files."""


@dataclass(frozen=True, slots=True)
class FlowArchive:
    """The content of a file: flows, and the project that they were exported from."""

    flows: list[FlowCreate]
    project_name: str | None = None
    project: dict[str, Any] = field(default_factory=dict)


def export_flow(row: Any, registry: Registry, *, include_secrets: bool) -> dict[str, Any]:
    """Return a stored flow as the JSON object of a flow file that opens in Langflow.

    Args:
        row: the flow's row, which is not changed.
        registry: the server's components, whose code is exported as modules of Langflow.
        include_secrets: whether secrets keep their values.

    """
    body = FlowRead.model_validate(dict(row)).model_dump(mode="json", exclude={"fs_path", "fs_error"})
    if not include_secrets:
        body |= {"data": exported_view(body["data"]), "description": redact_text(body["description"])}
    return {**body, "data": with_exported_code(body["data"], registry)}


def flow_file_name(name: str) -> str:
    """Return the name of the file for a flow with this name."""
    return f"{sanitize_filename(name.replace('/', '_'), 'flow')}.json"


async def exported_flows(
    batches: RowBatches, registry: Registry, *, include_secrets: bool
) -> AsyncIterator[tuple[str, bytes]]:
    """Yield name and content of the file of each flow."""
    async for rows in batches.read():
        for row in rows:
            export = partial(export_flow, row, registry, include_secrets=include_secrets)
            yield flow_file_name(row["name"]), orjson.dumps(await asyncio.to_thread(export))


def project_comment(project: dict[str, Any]) -> bytes:
    """Return the comment of the ZIP of a project, which stores the project's properties."""
    comment = orjson.dumps({"project": project})
    # The length of a ZIP's comment is a 16-bit number.
    return comment if len(comment) < 1 << 16 else b""


def parse_flow_archive(body: bytes, max_request_bytes: int, budget: ByteBudget) -> FlowArchive:
    """Return the flows of an uploaded file: one flow, `{"flows": [...]}`, or a ZIP of flow files.

    Args:
        body: the file.
        max_request_bytes: the maximum size of a request, which also applies to each flow file in a ZIP.
        budget: counts the parsed flows.

    Raises:
        InvalidBodyError: The file is not JSON.
        ArchiveError: The ZIP is damaged, or the file exceeds a limit.
        ByteLimitError: The caller's imports and runs take too much memory.
        RequestValidationError: An element of the file is not a valid flow.

    """
    if body[:4] in {_ZIP_MAGIC, _EMPTY_ZIP_MARK}:
        return _unpack(body, max_request_bytes, budget)
    budget.hold_response(len(body) * PARSED_BYTES_PER_BYTE)
    parsed = strict_json(body, "The file")
    if isinstance(parsed, list):
        return FlowArchive(_parse_flows(parsed))
    if not isinstance(parsed, dict):
        raise ArchiveError("The file is not a flow: it must be a JSON object.")
    if "flows" not in parsed:
        return FlowArchive(_parse_flows([parsed]))
    if not isinstance(parsed["flows"], list):
        raise ArchiveError('The file is not a list of flows: "flows" must be a JSON array.')
    name = parsed.get("folder_name")
    return FlowArchive(
        _parse_flows(parsed["flows"]),
        name if isinstance(name, str) else None,
        {"description": parsed.get("folder_description")},
    )


def _parse_flows(bodies: Sequence[Any]) -> list[FlowCreate]:
    if len(bodies) > MAX_FLOWS:
        raise ArchiveError(f"The file contains more than {MAX_FLOWS} flows. Split it.")
    flows: list[FlowCreate] = []
    for i, body in enumerate(bodies):
        try:
            flows.append(FlowCreate.model_validate(body))
        except ValidationError as error:
            raise RequestValidationError(
                [{**p, "loc": ("body", "flows", i, *p["loc"])} for p in error.errors()]
            ) from error
    return flows


def _unpack(body: bytes, max_request_bytes: int, budget: ByteBudget) -> FlowArchive:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = [e for e in archive.infolist() if e.filename.lower().endswith(".json") and not e.is_dir()]
            if len(entries) > MAX_FLOWS:
                raise ArchiveError(f"The ZIP contains more than {MAX_FLOWS} flows. Split it.")
            texts: list[bytes] = []
            remaining_bytes = max_request_bytes * MAX_UNPACKED_REQUESTS
            remaining_values = MAX_UNPACKED_VALUES
            for entry in entries:
                with archive.open(entry) as packed:
                    text = packed.read(max_request_bytes + 1)
                remaining_bytes -= len(text)
                if len(text) > max_request_bytes:
                    raise ArchiveError(
                        f"{entry.filename[:100]!r} in the ZIP is larger than {max_request_bytes} bytes. An operator can raise "
                        "HEADRACE_MAX_REQUEST_BYTES."
                    )
                if remaining_bytes < 0:
                    raise ArchiveError(
                        f"The ZIP unpacks to more than {max_request_bytes * MAX_UNPACKED_REQUESTS} bytes. Split it, or raise "
                        "HEADRACE_MAX_REQUEST_BYTES."
                    )
                remaining_values -= count_json_values(text)
                if remaining_values < 0:
                    raise ArchiveError(f"The ZIP contains more than {MAX_UNPACKED_VALUES} JSON values. Split it.")
                budget.hold_response(len(text) * PARSED_BYTES_PER_BYTE)
                texts.append(text)
            comment = archive.comment
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise ArchiveError(f"The file is not a valid ZIP: {error}") from error
    bodies: list[Any] = []
    for entry, text in zip(entries, texts, strict=True):
        parsed = strict_json(text, f"{entry.filename} in the ZIP")
        bodies.extend(
            parsed["flows"] if isinstance(parsed, dict) and isinstance(parsed.get("flows"), list) else [parsed]
        )
    return FlowArchive(_parse_flows(bodies), *_parse_project(comment))


def _parse_project(comment: bytes) -> tuple[str | None, dict[str, Any]]:
    try:
        properties = strict_json(comment or b"{}", "The comment of the ZIP")
    except InvalidBodyError:
        return None, {}
    project = properties.get("project") if isinstance(properties, dict) else None
    if not isinstance(project, dict) or not isinstance(project.get("name"), str):
        return None, {}
    return project["name"], project
