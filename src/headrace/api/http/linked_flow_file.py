"""The content of the files on disk that flows are linked to: flow files without secrets, for version control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from fastapi.exceptions import RequestValidationError

from headrace.api.http.flow_archive import ArchiveError, export_flow, parse_flow_archive
from headrace.api.schemas.flow import to_columns

if TYPE_CHECKING:
    from headrace.component.registry import Registry
    from headrace.limits.byte_budget import ByteBudget

#: The fields of a flow in its file. Whether others may run the flow, and its project, are not in the file: a change in version
#: control does not publish a flow.
FIELDS = (
    "name",
    "description",
    "icon",
    "icon_bg_color",
    "gradient",
    "data",
    "endpoint_name",
    "tags",
    "action_name",
    "action_description",
)


class LinkedFlowFormat:
    """Implements `services.linked_files.FlowFileFormat` with exported flow files."""

    def __init__(self, registry: Registry, max_request_bytes: int) -> None:
        """Create the format.

        Args:
            registry: the server's components, whose code is exported as modules of Langflow.
            max_request_bytes: the maximum size of a request, which limits a file as well.

        """
        self._registry = registry
        self._max_request_bytes = max_request_bytes

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """Return the file of a stored flow, without its secrets. The same flow has the same file."""
        exported = export_flow(row, self._registry, include_secrets=False)
        body = {"id": exported["id"], "is_component": exported["is_component"], **{f: exported[f] for f in FIELDS}}
        return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def visible_data(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the `data` of a stored flow as the file contains it."""
        data: dict[str, Any] | None = export_flow(row, self._registry, include_secrets=False)["data"]
        return data

    def parse(self, content: bytes, budget: ByteBudget) -> dict[str, Any]:
        """Return the columns that a file sets, after the checks of an upload.

        Raises:
            HeadraceError: the file is not a valid flow.

        """
        try:
            archive = parse_flow_archive(content, self._max_request_bytes, budget)
        except RequestValidationError as error:
            problem = error.errors()[0]
            field = ".".join(str(part) for part in problem["loc"][3:])
            raise ArchiveError(f"The file is not a valid flow: {field}: {problem['msg']}.") from error
        if len(archive.flows) != 1:
            raise ArchiveError(f"The file contains {len(archive.flows)} flows. It must contain one.")
        columns = to_columns(archive.flows[0], exclude_unset=True)
        return {name: value for name, value in columns.items() if name in FIELDS}
