"""What runs reach beside the database: the environment, the network, the local model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from headrace.egress import GuardedEgress
from headrace.models.local_server import LocalModelServer
from headrace.runs.environment import Environment

if TYPE_CHECKING:
    from headrace.settings import Settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Made once a process, shared by all its runs."""

    environment: Environment
    egress: GuardedEgress
    local_model: LocalModelServer

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings allow; nothing is opened until a run asks for it."""
        environment = Environment(os.environ, settings.readable_variables)
        egress = GuardedEgress(
            enabled=settings.ssrf_protection_enabled,
            allowed=settings.ssrf_allowed_hosts,
            operator_urls=environment.endpoints(),
        )
        return cls(environment, egress, LocalModelServer(settings.local_model_path, egress.allow_endpoint))

    async def close(self) -> None:
        """Stop the local model and close the connections."""
        await self.local_model.stop()
        await self.egress.close()
