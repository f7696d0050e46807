"""Creates the objects of a server from its settings, in the order in which they need each other. Nothing here starts."""

from __future__ import annotations

from dataclasses import dataclass, fields

import headrace.components
from headrace.api.dependencies import Services
from headrace.api.http.connection_limits import ConnectionLimits, connection_counter
from headrace.api.http.linked_flow_file import LinkedFlowFormat
from headrace.auth.authenticator import Authenticator
from headrace.auth.password_check import PasswordCheck
from headrace.auth.rate_limit import RateLimit
from headrace.auth.tokens import Tokens
from headrace.builds.builds import Builds
from headrace.compat.component_folders import ComponentFolders
from headrace.component.registry import Registry
from headrace.custom_code.approval import ApprovalPolicy
from headrace.custom_code.class_cache import ClassCache
from headrace.custom_code.custom_code import CustomCode
from headrace.custom_code.loaders import InProcessLoader
from headrace.db.database import Database
from headrace.db.encryption import VariableCipher
from headrace.db.message_quota import MessageQuota
from headrace.db.variable_lookup import VariableLookup
from headrace.isolation.host.worker_pool import WorkerPool
from headrace.isolation.limits import ResourceLimits
from headrace.jobs.job_worker import JobWorker
from headrace.logs.buffer import LogBuffer
from headrace.mcp.connections import McpConnections
from headrace.mcp.limits import McpLimits
from headrace.metrics.counters import ServerCounters
from headrace.metrics.process_files import ProcessFiles
from headrace.runs.environment_access import EnvironmentAccess
from headrace.runs.flow_resolver import FlowResolver
from headrace.runs.mcp_access import McpAccess
from headrace.runs.plan_cache import PlanCache
from headrace.runs.resources import RunResources
from headrace.runs.runner import Runner
from headrace.runs.services import RunServices
from headrace.services.api_keys import ApiKeyService
from headrace.services.approvals import ApprovalService
from headrace.services.component_catalog import ComponentCatalog
from headrace.services.component_nodes import ComponentNodeService
from headrace.services.component_store import ComponentStore
from headrace.services.conversations import ConversationService
from headrace.services.embeddings import EmbeddingService
from headrace.services.files import FlowFileService, UserFileService
from headrace.services.flows import FlowService
from headrace.services.item_references import ItemReferences
from headrace.services.jobs import JobService
from headrace.services.knowledge_bases import KnowledgeBases
from headrace.services.linked_files import LinkedFiles, LinkedFileSource
from headrace.services.login import LoginService
from headrace.services.mcp_installation import McpInstallation
from headrace.services.mcp_project_access import McpProjectAccess
from headrace.services.mcp_projects import McpProjectService
from headrace.services.mcp_provider import StoredFlowsProvider
from headrace.services.mcp_server import McpServer
from headrace.services.mcp_servers import McpServerService
from headrace.services.messages import MessageService
from headrace.services.metrics import MetricsService
from headrace.services.model_warm_up import ModelWarmUp
from headrace.services.openai_files import OpenAIFileService
from headrace.services.profile_pictures import ProfilePictures
from headrace.services.project_auth import ProjectAuth
from headrace.services.projects import ProjectService
from headrace.services.registration import RegistrationService
from headrace.services.response_history import HistoryFinder
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
from headrace.storage.confined_folder import ConfinedFolder
from headrace.storage.file_limits import FileLimits
from headrace.storage.files import FileService
from headrace.storage.storage import create_storage


@dataclass(frozen=True, slots=True)
class Engine:
    """The objects that run flows, with the storage that they use. The services of the API are built on them."""

    settings: Settings
    registry: Registry
    database: Database
    cipher: VariableCipher
    files: FileService
    resources: RunResources
    run_services: RunServices
    workers: WorkerPool
    approval_policy: ApprovalPolicy
    custom_code: CustomCode
    catalog: ComponentCatalog
    component_folders: ComponentFolders
    resolver: FlowResolver
    runner: Runner
    builds: Builds
    job_worker: JobWorker
    message_quota: MessageQuota
    model_warm_up: ModelWarmUp
    mcp: McpAccess


@dataclass(frozen=True, slots=True)
class Logins:
    """The objects that check credentials."""

    tokens: Tokens
    authenticator: Authenticator
    passwords: PasswordCheck


def create_engine(settings: Settings, database: Database, secret: str, counters: ServerCounters) -> Engine:
    """Return the objects that run flows."""
    registry = Registry.from_package(headrace.components)
    cipher = VariableCipher(secret)
    files = FileService(database, create_storage(settings.storage), FileLimits.from_settings(settings))
    resources = RunResources.from_settings(settings)
    limits = ResourceLimits(**{field.name: getattr(settings.code, field.name) for field in fields(ResourceLimits)})
    workers = WorkerPool(
        limits, resources.egress, max_workers=settings.code.max_workers, idle_seconds=settings.code.idle_seconds
    )
    approval_policy = ApprovalPolicy(database, settings.code.approval_policy)
    loader = workers if settings.isolates_code else InProcessLoader()
    custom_code = CustomCode(approval_policy, ClassCache(loader), workers, registry)
    resolver = FlowResolver(database, registry, custom_code, PlanCache(settings.limits.plan_cache_bytes))
    message_quota = MessageQuota(database, settings.limits.max_user_message_bytes)
    mcp_limits = McpLimits(**{field.name: getattr(settings.mcp_client, field.name) for field in fields(McpLimits)})
    connections = McpConnections(resources.egress, mcp_limits)
    mcp = McpAccess(database, cipher, approval_policy, connections, settings)
    run_services = RunServices(
        database=database,
        files=files,
        cipher=cipher,
        variables=VariableLookup(database),
        custom_code=custom_code,
        resources=resources,
        environment_access=EnvironmentAccess(database, settings.variables),
        message_quota=message_quota,
        mcp=mcp,
    )
    runner = Runner(run_services, resolver, settings.runs, settings.limits, counters)
    catalog = ComponentCatalog(registry)

    def invalidate_components() -> None:
        catalog.invalidate()
        resolver.clear_plans()

    return Engine(
        settings=settings,
        registry=registry,
        database=database,
        cipher=cipher,
        files=files,
        resources=resources,
        run_services=run_services,
        workers=workers,
        approval_policy=approval_policy,
        custom_code=custom_code,
        catalog=catalog,
        component_folders=ComponentFolders(
            settings.code.components_path, registry, invalidate_components, settings.code.component_load_seconds
        ),
        resolver=resolver,
        runner=runner,
        builds=Builds(runner, database, settings.limits, settings.runs.max_event_streams),
        message_quota=message_quota,
        job_worker=JobWorker(database, runner, resolver, settings.runs, settings.limits.max_waiting_job_bytes),
        model_warm_up=ModelWarmUp(database, registry),
        mcp=mcp,
    )


def create_logins(settings: Settings, database: Database, secret: str) -> Logins:
    """Return the objects that check credentials."""
    tokens = Tokens(secret, settings.auth.access_token_expire_seconds, settings.auth.refresh_token_expire_seconds)
    return Logins(
        tokens=tokens,
        authenticator=Authenticator(database, tokens, count_uses=not settings.auth.disable_api_key_usage_tracking),
        passwords=PasswordCheck.from_settings(settings.auth),
    )


def create_linked_source(settings: Settings, registry: Registry) -> LinkedFileSource:
    """Return the folder of the files that flows are linked to, and their format."""
    max_bytes = settings.server.max_request_bytes
    return LinkedFileSource(
        ConfinedFolder(settings.storage.flows_folder), LinkedFlowFormat(registry, max_bytes), max_bytes
    )


def create_metrics(engine: Engine, counters: ServerCounters, files: ProcessFiles | None) -> MetricsService:
    """Return the service that reports what the process counts and does."""
    settings = engine.settings
    return MetricsService(
        counters,
        {
            "active_runs": lambda: engine.runner.active_runs,
            "active_jobs": lambda: engine.job_worker.active_jobs,
            "busy_threads": lambda: engine.runner.busy_threads,
            "event_streams": lambda: engine.builds.streams.held,
            "waiting_writes": lambda: engine.database.writer.waiting,
            "connections": lambda: connection_counter(ConnectionLimits.from_settings(settings.server)).total,
        },
        engine.database,
        files,
        settings.auth.metrics_token,
    )


def create_starters(settings: Settings, registry: Registry) -> StarterFlows | None:
    """Return the starter flows, or None if the settings disable them."""
    return StarterFlows(registry) if settings.editor.create_starter_projects else None


def create_services(
    engine: Engine,
    logins: Logins,
    linked_source: LinkedFileSource,
    metrics: MetricsService,
    buffer: LogBuffer | None,
) -> Services:
    """Return the services of the API."""
    settings, database, registry, files = engine.settings, engine.database, engine.registry, engine.files
    limits = settings.limits
    starters = create_starters(settings, registry)
    knowledge_bases = KnowledgeBases(settings.storage.knowledge_bases_folder, limits.max_user_knowledge_base_bytes)
    flow_service = FlowService(
        database,
        files,
        engine.custom_code,
        engine.model_warm_up,
        LinkedFiles(linked_source, max_files=limits.max_flows),
        max_flows=limits.max_flows,
        removes_secrets=settings.storage.remove_api_keys,
    )
    openai_files = OpenAIFileService(database, files)
    mcp_provider = StoredFlowsProvider(database, registry, engine.resolver, engine.runner, files)
    mcp = McpServer(mcp_provider, database, settings.mcp_server, settings.server)
    mcp_servers = McpServerService(database, engine.cipher, engine.mcp, max_servers=limits.max_mcp_servers)
    project_auth = ProjectAuth(engine.cipher, settings.server.public_url)
    projects = ProjectService(database, files, flow_service, project_auth, max_projects=limits.max_projects)
    api_keys = ApiKeyService(database, logins.authenticator, max_keys=limits.max_api_keys)
    return Services(
        settings=settings,
        database=database,
        authenticator=logins.authenticator,
        runner=engine.runner,
        registry=registry,
        resolver=engine.resolver,
        catalog=engine.catalog,
        component_folders=engine.component_folders,
        files=files,
        knowledge_bases=knowledge_bases,
        builds=engine.builds,
        component_store=ComponentStore(settings.component_store, engine.resources.egress),
        component_nodes=ComponentNodeService(
            database, registry, engine.custom_code, engine.resolver, engine.resources, engine.mcp
        ),
        flows=flow_service,
        projects=projects,
        users=UserService(database, starters, logins.passwords),
        user_deletion=UserDeletion(files, knowledge_bases, settings.storage.flows_folder),
        api_keys=api_keys,
        approvals=ApprovalService(database, engine.approval_policy, registry),
        variables=VariableService(database, engine.cipher, max_variables=limits.max_variables),
        mcp_servers=mcp_servers,
        user_files=UserFileService(database, files, mcp_servers),
        flow_files=FlowFileService(database, files),
        profile_pictures=ProfilePictures(ConfinedFolder(settings.storage.config_folder / "profile_pictures")),
        store_keys=StoreKeyService(database, engine.cipher),
        logins=LoginService(database, logins.tokens, logins.passwords, settings.auth),
        registration=RegistrationService(database),
        messages=MessageService(database, engine.message_quota),
        run_history=RunHistoryService(database),
        webhooks=WebhookService(
            database,
            engine.resolver,
            engine.runner,
            engine.job_worker,
            RateLimit(
                settings.runs.webhooks_per_minute,
                subject="The calls of this webhook",
                setting="HEADRACE_WEBHOOKS_PER_MINUTE",
            ),
            requires_credentials=settings.auth.webhook_auth_enabled,
        ),
        jobs=JobService(database),
        responses=ResponseService(
            database,
            engine.resolver,
            engine.runner,
            HistoryFinder(database, openai_files, engine.runner, limits.max_conversation_bytes),
            ItemReferences(database, engine.runner, settings.server.max_request_bytes),
            engine.job_worker,
            limits,
        ),
        conversations=ConversationService(database, limits),
        embeddings=EmbeddingService(engine.resolver, engine.runner),
        openai_files=openai_files,
        mcp=mcp,
        mcp_access=McpProjectAccess(database, engine.resources.egress, settings.server.public_url),
        mcp_installation=McpInstallation(projects, api_keys),
        mcp_projects=McpProjectService(database, flow_service, project_auth),
        voice_sessions=VoiceSessionService(engine.run_services, engine.resolver, engine.runner, settings.voice),
        metrics=metrics,
        shutdown=Shutdown(engine.runner, engine.job_worker, mcp, settings.server.shutdown_grace_seconds),
        logs=buffer,
        starters=starters,
        public_rate=RateLimit(
            settings.runs.public_runs_per_minute,
            subject="The runs of public flows from your address",
            setting="HEADRACE_PUBLIC_RUNS_PER_MINUTE",
        ),
    )
