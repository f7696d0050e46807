"""The resources that runs use besides the database: environment, network, parsers and local model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from headrace.models.local_server import LocalModelServer
from headrace.models.provider import provider_urls
from headrace.net.egress import EgressGuard
from headrace.net.limits import EgressLimits
from headrace.parsing.limits import ParsingLimits
from headrace.parsing.parser_pool import ParserPool
from headrace.runs.environment import Environment

if TYPE_CHECKING:
    from headrace.settings import Settings
    from headrace.settings.network import NetworkSettings


@dataclass(frozen=True, slots=True)
class RunResources:
    """Resources that all runs of a process share."""

    environment: Environment
    egress: EgressGuard
    local_model: LocalModelServer
    parser: ParserPool

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Create the resources that the settings allow. Connections and processes start on first use."""
        environment = Environment(
            os.environ,
            settings.readable_environment,
            settings.variables.environment_key_urls,
            settings.network.endpoint_urls,
        )
        egress = EgressGuard(
            enabled=settings.network.ssrf_protection_enabled,
            allowed=settings.network.ssrf_allowed_hosts,
            operator_urls=environment.endpoints(),
            provider_urls=provider_urls(),
            limits=_egress_limits(settings.network),
        )
        local_model = LocalModelServer(settings.runs.local_model_path, egress.allow_endpoint)
        return cls(environment, egress, local_model, ParserPool(ParsingLimits(**settings.parsing.model_dump())))

    async def close(self) -> None:
        """Stop the local model and the parsing processes, and close all connections."""
        await self.parser.close()
        await self.local_model.stop()
        await self.egress.close()


def _egress_limits(settings: NetworkSettings) -> EgressLimits:
    return EgressLimits(
        lookups=settings.max_name_lookups,
        lookup_seconds=settings.name_lookup_seconds,
        connections=settings.max_connections,
        connections_per_host=settings.max_connections_per_host,
        request_seconds=settings.request_seconds,
        response_bytes=settings.max_response_mib << 20,
    )
