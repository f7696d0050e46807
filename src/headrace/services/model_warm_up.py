"""Imports the packages of stored flows in the background, before their first run needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from headrace.compat.recognition import has_foreign_code
from headrace.db.tables import flows
from headrace.models.warm_up import warm_up

if TYPE_CHECKING:
    from headrace.component.registry import Registry
    from headrace.db.database import Database

#: Flows whose packages are imported after a start: those that were changed last.
MAX_FLOWS = 20
#: Fields that name a model provider.
_PROVIDER_FIELDS = ("provider", "agent_llm", "model_provider")
#: The output that passes a model on as LangChain's class.
_MODEL_OUTPUT = "model_output"


class ModelWarmUp:
    """Finds out what flows need, and imports it."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self._registry = registry
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model-warm-up")

    async def schedule_recent_flows(self) -> None:
        """Import what the most recently changed flows need, in the background."""
        async with self._database.connect() as connection:
            query = select(flows.c.data).order_by(flows.c.updated_at.desc()).limit(MAX_FLOWS)
            rows = (await connection.execute(query)).scalars().all()
        for data in rows:
            self.schedule(data)

    def schedule(self, data: object) -> None:
        """Import what a flow needs in the background, given the `data` of its file; invalid data needs nothing."""
        self._thread.submit(self._warm_up, data)

    def close(self) -> None:
        """Drop what is scheduled."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _warm_up(self, data: object) -> None:
        nodes = list(_component_nodes(data))
        if not nodes:
            return
        providers = {str(_field(node, name)) for node in nodes for name in _PROVIDER_FIELDS if _field(node, name)}
        warm_up({str(node["type"]) for node in nodes}, providers, custom_code=self._needs_langchain(data, nodes))

    def _needs_langchain(self, data: object, nodes: list[Mapping[str, Any]]) -> bool:
        if isinstance(data, dict) and _MODEL_OUTPUT in str(data.get("edges")):
            return True
        return any(
            isinstance(code := _field(node, "code"), str)
            and has_foreign_code(str(node["type"]), code, self._registry, edited=False)
            for node in nodes
        )


def _component_nodes(data: object) -> Iterator[Mapping[str, Any]]:
    nodes = data.get("nodes") if isinstance(data, dict) else None
    for node in nodes if isinstance(nodes, list) else []:
        body = node.get("data") if isinstance(node, dict) else None
        if isinstance(body, dict) and isinstance(body.get("type"), str) and isinstance(body.get("node"), dict):
            yield body


def _field(node: Mapping[str, Any], name: str) -> object:
    template = node["node"].get("template")
    field = template.get(name) if isinstance(template, dict) else None
    return field.get("value") if isinstance(field, dict) else None
