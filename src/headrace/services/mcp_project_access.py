"""Who may use the MCP server of a project: the owner, and whom the project's settings admit as the owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx2
import orjson

from headrace.auth.authenticator import User
from headrace.auth.oauth import AccessTokenError, AccessTokens, ProtectedResource
from headrace.db import projects
from headrace.db.changes import Change, Topic
from headrace.db.lookup_cache import LookupCache
from headrace.errors import BadGatewayError

if TYPE_CHECKING:
    from headrace.db.database import Database
    from headrace.net.egress import EgressGuard

#: Projects whose settings are in memory.
MAX_CACHED_PROJECTS = 5000
#: The limits of a document of an authorization server.
FETCH_TIMEOUT_SECONDS = 10.0
MAX_DOCUMENT_BYTES = 1_000_000
PROJECT_PATH = "/api/v1/mcp/project"
WELL_KNOWN = "/.well-known/oauth-protected-resource"


class AuthorizationServerError(BadGatewayError):
    """An authorization server returned no valid document."""


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """The owner of a project, and the settings of its MCP address."""

    owner: User
    auth_settings: dict[str, Any]

    @property
    def auth_type(self) -> str:
        """Return `none`, `apikey` or `oauth`."""
        return str(self.auth_settings.get("auth_type", "apikey"))


class McpProjectAccess:
    """Finds the settings of projects and verifies access tokens."""

    def __init__(self, database: Database, egress: EgressGuard, public_url: str | None) -> None:
        """Create the service.

        Args:
            database: the database with the projects.
            egress: creates guarded HTTP clients.
            public_url: the address of this server; None if the operator has not set it.

        """
        self._database = database
        self._egress = egress
        self._public_url = public_url
        self._tokens = AccessTokens(self._fetch)
        self._projects: LookupCache[UUID, ProjectAccess] = LookupCache(
            database.changes,
            depends_on=lambda _id, access: (
                Change(Topic.LISTS, str(access.owner.id)),
                Change(Topic.USER, str(access.owner.id)),
            ),
            max_entries=MAX_CACHED_PROJECTS,
        )

    async def find_project(self, project_id: UUID) -> ProjectAccess | None:
        """Return the access to a project of any active owner."""
        return await self._projects.get(project_id, lambda: self._load(project_id))

    async def _load(self, project_id: UUID) -> ProjectAccess | None:
        async with self._database.connect() as connection:
            row = await projects.get_access(connection, project_id)
        if row is None:
            return None
        owner = User(row["user_id"], row["username"], is_superuser=False)
        return ProjectAccess(owner, row["auth_settings"] or {"auth_type": "apikey"})

    async def verify_token(self, project_id: UUID, access: ProjectAccess, token: str) -> None:
        """Check an access token for the MCP address of a project; an empty text is a missing token.

        Raises:
            AccessTokenError: The token is missing or not valid.

        """
        resource = self._resource(project_id, access)
        if not token:
            raise AccessTokenError("The request has no access token.", resource.metadata_url, is_missing=True)
        await self._tokens.verify(token, resource)

    def _resource(self, project_id: UUID, access: ProjectAccess) -> ProtectedResource:
        base, settings = self._public_url or "", access.auth_settings
        address = f"{base}{PROJECT_PATH}/{project_id}"
        return ProtectedResource(
            issuer=str(settings.get("oauth_server_url")),
            audiences=(f"{address}/streamable", f"{address}/sse", address),
            scopes=frozenset(str(settings.get("oauth_mcp_scope") or "").split()),
            metadata_url=f"{base}{WELL_KNOWN}{PROJECT_PATH}/{project_id}/streamable",
        )

    async def resource_metadata(self, project_id: UUID, transport: str) -> dict[str, Any] | None:
        """Return the document that describes the MCP address of a project (RFC 9728); None unless it requires OAuth.

        Args:
            project_id: the id of the project.
            transport: the last part of the address: `streamable` or `sse`.

        """
        access = await self.find_project(project_id)
        if access is None or access.auth_type != "oauth":
            return None
        resource = self._resource(project_id, access)
        return {
            "resource": f"{self._public_url}{PROJECT_PATH}/{project_id}/{transport}",
            "authorization_servers": [resource.issuer],
            "scopes_supported": sorted(resource.scopes),
            "bearer_methods_supported": ["header"],
        }

    async def _fetch(self, url: str) -> dict[str, Any]:
        """Return a JSON object of an authorization server.

        Raises:
            AuthorizationServerError: The server does not answer, or its answer is not valid.
            HeadraceError: The address is not allowed.

        """
        self._egress.check(url)
        content = b""
        try:
            async with (
                self._egress.client(FETCH_TIMEOUT_SECONDS) as client,
                client.stream("GET", url, headers={"accept": "application/json"}) as response,
            ):
                if response.status_code != 200:
                    raise AuthorizationServerError(f"{url} responds with status {response.status_code}")
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_DOCUMENT_BYTES:
                        raise AuthorizationServerError(f"{url} is larger than {MAX_DOCUMENT_BYTES} bytes")
            document = orjson.loads(content)
        except (OSError, httpx2.HTTPError, orjson.JSONDecodeError) as error:
            raise AuthorizationServerError(f"{url} cannot be read: {error}") from error
        if not isinstance(document, dict):
            raise AuthorizationServerError(f"{url} is not a JSON object")
        return document
