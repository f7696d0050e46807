"""Dependencies of the routers: the services of the running server and the current user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from headrace.api.authentication import authenticate, authenticate_by_key
from headrace.auth.authenticator import Authenticator, User
from headrace.auth.errors import InvalidTokenError, MissingCredentialsError
from headrace.auth.rate_limit import RateLimit
from headrace.builds.builds import Builds
from headrace.compat.component_folders import ComponentFolders
from headrace.component.registry import Registry
from headrace.db.database import Database
from headrace.errors import ForbiddenError
from headrace.logs.buffer import LogBuffer
from headrace.runs.flow_resolver import FlowResolver
from headrace.runs.runner import Runner
from headrace.services.api_keys import ApiKeyService
from headrace.services.approvals import ApprovalService
from headrace.services.component_catalog import ComponentCatalog
from headrace.services.component_nodes import ComponentNodeService
from headrace.services.component_store import ComponentStore
from headrace.services.conversations import ConversationService
from headrace.services.embeddings import EmbeddingService
from headrace.services.files import FlowFileService, UserFileService
from headrace.services.flows import FlowService
from headrace.services.jobs import JobService
from headrace.services.knowledge_bases import KnowledgeBases
from headrace.services.login import LoginService
from headrace.services.mcp_installation import McpInstallation
from headrace.services.mcp_project_access import McpProjectAccess
from headrace.services.mcp_projects import McpProjectService
from headrace.services.mcp_server import McpServer
from headrace.services.mcp_servers import McpServerService
from headrace.services.messages import MessageService
from headrace.services.metrics import MetricsService
from headrace.services.openai_files import OpenAIFileService
from headrace.services.profile_pictures import ProfilePictures
from headrace.services.projects import ProjectService
from headrace.services.registration import RegistrationService
from headrace.services.responses import ResponseService
from headrace.services.run_history import RunHistoryService
from headrace.services.shutdown import Shutdown
from headrace.services.starter_flows import StarterFlows
from headrace.services.store_keys import StoreKeyService
from headrace.services.user_deletion import UserDeletion
from headrace.services.users import UserService
from headrace.services.variables import VariableService
from headrace.services.voice_sessions import VoiceSessionService
from headrace.services.webhooks import WebhookService
from headrace.settings import Settings
from headrace.storage.files import FileService

REFRESH_COOKIE = "refresh_token_lf"
STORE_KEY_COOKIE = "apikey_tkn_lflw"


@dataclass(slots=True)
class Services:
    """The services of a running server, created once at its start."""

    settings: Settings
    database: Database
    authenticator: Authenticator
    runner: Runner
    registry: Registry
    resolver: FlowResolver
    catalog: ComponentCatalog
    component_folders: ComponentFolders
    files: FileService
    knowledge_bases: KnowledgeBases
    builds: Builds
    component_store: ComponentStore
    component_nodes: ComponentNodeService
    flows: FlowService
    projects: ProjectService
    users: UserService
    user_deletion: UserDeletion
    api_keys: ApiKeyService
    approvals: ApprovalService
    variables: VariableService
    mcp_servers: McpServerService
    user_files: UserFileService
    flow_files: FlowFileService
    profile_pictures: ProfilePictures
    store_keys: StoreKeyService
    logins: LoginService
    registration: RegistrationService
    messages: MessageService
    run_history: RunHistoryService
    webhooks: WebhookService
    jobs: JobService
    shutdown: Shutdown
    metrics: MetricsService
    public_rate: RateLimit
    responses: ResponseService
    conversations: ConversationService
    embeddings: EmbeddingService
    openai_files: OpenAIFileService
    mcp: McpServer
    mcp_access: McpProjectAccess
    mcp_installation: McpInstallation
    mcp_projects: McpProjectService
    voice_sessions: VoiceSessionService
    logs: LogBuffer | None = None
    #: None if the operator disabled the starter flows.
    starters: StarterFlows | None = None


def get_services(request: Request) -> Services:
    """Return the services of the running server. The hottest route calls this; others declare `ServicesDep`."""
    return cast("Services", request.app.state.headrace)


async def _provide_services(request: Request) -> Services:
    return get_services(request)


ServicesDep = Annotated[Services, Depends(_provide_services)]


async def require_api_key(request: Request) -> User:
    """Return the owner of the API key with which a public route is called. A login is not enough.

    Raises:
        MissingCredentialsError: the request carries no API key.
        HeadraceError: its API key is not valid.

    """
    return await authenticate_by_key(request.scope)


async def optional_user(request: Request) -> User | None:
    """Return the user who calls a public route, or None for a request without credentials.

    Raises:
        HeadraceError: the request carries credentials, but they are not valid.

    """
    try:
        return await authenticate(request.scope)
    except MissingCredentialsError:
        return None


def get_current_user(request: Request) -> User:
    """Return the user that the middleware authenticated.

    Raises:
        InvalidTokenError: the route is public, so no user was authenticated.

    """
    user = getattr(request.state, "user", None)
    if user is None:
        raise InvalidTokenError
    return cast("User", user)


async def _provide_user(request: Request) -> User:
    return get_current_user(request)


CurrentUser = Annotated[User, Depends(_provide_user)]


async def _provide_superuser(request: Request) -> User:
    user = get_current_user(request)
    if not user.is_superuser:
        raise ForbiddenError("The user doesn't have enough privileges")
    return user


#: The current user, who must be a superuser. Other users get a 403.
Superuser = Annotated[User, Depends(_provide_superuser)]
