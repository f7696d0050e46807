"""What an operator can set. `LANGFLOW_*` names mean what they mean to Langflow 1.7; `HEADRACE_*` are ours."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.errors import HeadraceError

PROVIDER_VARIABLES = [
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GOOGLE_API_KEY",
    "COMPOSIO_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_API_VERSION",
    "AZURE_OPENAI_API_INSTANCE_NAME",
    "AZURE_OPENAI_API_DEPLOYMENT_NAME",
    "AZURE_OPENAI_API_EMBEDDINGS_DEPLOYMENT_NAME",
    "ASTRA_DB_APPLICATION_TOKEN",
    "ASTRA_DB_API_ENDPOINT",
    "COHERE_API_KEY",
    "GROQ_API_KEY",
    "HUGGINGFACEHUB_API_TOKEN",
    "PINECONE_API_KEY",
    "SAMBANOVA_API_KEY",
    "SEARCHAPI_API_KEY",
    "SERPAPI_API_KEY",
    "UPSTASH_VECTOR_REST_URL",
    "UPSTASH_VECTOR_REST_TOKEN",
    "VECTARA_CUSTOMER_ID",
    "VECTARA_CORPUS_ID",
    "VECTARA_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "NOVITA_API_KEY",
    "TAVILY_API_KEY",
    "COMETAPI_KEY",
]


class SettingsError(HeadraceError):
    """A setting has a value that it can't have; names the setting and what is allowed."""


def _env(name: str) -> AliasChoices:
    return AliasChoices(name)


class Settings(BaseSettings):
    """Every setting, read once at start from the environment and an optional env file."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    config_dir: Path = Field(
        default=Path("~/.headrace"),
        validation_alias=_env("LANGFLOW_CONFIG_DIR"),
        description="Folder of the database, keys and files.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_DATABASE_URL"),
        description="sqlite:///… or postgresql://…; by default SQLite in the config folder.",
    )
    pool_size: int = Field(
        default=20, ge=1, validation_alias=_env("LANGFLOW_POOL_SIZE"), description="PostgreSQL connections kept open."
    )
    max_overflow: int = Field(
        default=30,
        ge=0,
        validation_alias=_env("LANGFLOW_MAX_OVERFLOW"),
        description="PostgreSQL connections beyond the pool.",
    )
    db_connect_timeout: int = Field(
        default=30,
        ge=1,
        validation_alias=_env("LANGFLOW_DB_CONNECT_TIMEOUT"),
        description="Seconds to wait for a database connection.",
    )
    host: str = Field(default="127.0.0.1", validation_alias=_env("LANGFLOW_HOST"), description="Address to listen on.")
    port: int = Field(
        default=7860, ge=0, le=65535, validation_alias=_env("LANGFLOW_PORT"), description="Port to listen on."
    )
    workers: int = Field(default=1, ge=1, validation_alias=_env("LANGFLOW_WORKERS"), description="Server processes.")
    log_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="critical", validation_alias=_env("LANGFLOW_LOG_LEVEL"), description="How much is logged."
    )
    backend_only: bool = Field(
        default=False, validation_alias=_env("LANGFLOW_BACKEND_ONLY"), description="Serve the API without a front end."
    )
    frontend_path: Path | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_FRONTEND_PATH"),
        description="Folder of a built front end, which is served at /.",
    )
    open_browser: bool = Field(
        default=False, validation_alias=_env("LANGFLOW_OPEN_BROWSER"), description="Open a browser at start."
    )
    secret_key: SecretStr | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_SECRET_KEY"),
        description="Signs tokens and encrypts variables; by default made once and kept in the config folder.",
    )
    access_token_expire_seconds: int = Field(
        default=3600,
        ge=1,
        validation_alias=_env("LANGFLOW_ACCESS_TOKEN_EXPIRE_SECONDS"),
        description="Life of an access token, seconds.",
    )
    refresh_token_expire_seconds: int = Field(
        default=604800,
        ge=1,
        validation_alias=_env("LANGFLOW_REFRESH_TOKEN_EXPIRE_SECONDS"),
        description="Life of a refresh token, seconds.",
    )
    auto_login: bool = Field(
        default=True,
        validation_alias=_env("LANGFLOW_AUTO_LOGIN"),
        description="Log everybody in as the one user; on loopback only.",
    )
    allow_public_auto_login: bool = Field(
        default=False,
        validation_alias=_env("HEADRACE_ALLOW_PUBLIC_AUTO_LOGIN"),
        description="Allow auto login on an address that others reach.",
    )
    superuser: str = Field(
        default="langflow",
        min_length=1,
        validation_alias=_env("LANGFLOW_SUPERUSER"),
        description="Name of the first superuser.",
    )
    superuser_password: SecretStr | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_SUPERUSER_PASSWORD"),
        description="Password of the first superuser.",
    )
    enable_superuser_cli: bool = Field(
        default=True,
        validation_alias=_env("LANGFLOW_ENABLE_SUPERUSER_CLI"),
        description="Whether `headrace superuser` works.",
    )
    access_same_site: Literal["lax", "strict", "none"] = Field(
        default="lax", validation_alias=_env("LANGFLOW_ACCESS_SAME_SITE"), description="SameSite of the access cookie."
    )
    access_secure: bool = Field(
        default=False,
        validation_alias=_env("LANGFLOW_ACCESS_SECURE"),
        description="Send the access cookie over HTTPS only.",
    )
    access_httponly: bool = Field(
        default=False,
        validation_alias=_env("LANGFLOW_ACCESS_HTTPONLY"),
        description="Hide the access cookie from scripts.",
    )
    refresh_same_site: Literal["lax", "strict", "none"] = Field(
        default="lax",
        validation_alias=_env("LANGFLOW_REFRESH_SAME_SITE"),
        description="SameSite of the refresh cookie.",
    )
    refresh_secure: bool = Field(
        default=False,
        validation_alias=_env("LANGFLOW_REFRESH_SECURE"),
        description="Send the refresh cookie over HTTPS only.",
    )
    refresh_httponly: bool = Field(
        default=True,
        validation_alias=_env("LANGFLOW_REFRESH_HTTPONLY"),
        description="Hide the refresh cookie from scripts.",
    )
    cookie_domain: str | None = Field(
        default=None, validation_alias=_env("LANGFLOW_COOKIE_DOMAIN"), description="Domain of the cookies."
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default=[],
        validation_alias=_env("LANGFLOW_CORS_ORIGINS"),
        description="Origins that may call from a browser; by default only the server's own.",
    )
    cors_allow_credentials: bool = Field(
        default=True,
        validation_alias=_env("LANGFLOW_CORS_ALLOW_CREDENTIALS"),
        description="Whether those origins may send cookies; never with *.",
    )
    ssrf_protection_enabled: bool = Field(
        default=True,
        validation_alias=_env("LANGFLOW_SSRF_PROTECTION_ENABLED"),
        description="Refuse private, loopback and link-local addresses to components.",
    )
    ssrf_allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default=[],
        validation_alias=_env("LANGFLOW_SSRF_ALLOWED_HOSTS"),
        description="Hosts, addresses and networks that components may reach all the same.",
    )
    fallback_to_env_var: bool = Field(
        default=True,
        validation_alias=_env("LANGFLOW_FALLBACK_TO_ENV_VAR"),
        description="Read a variable that isn't stored from the environment.",
    )
    variables_to_get_from_environment: Annotated[list[str], NoDecode] = Field(
        default=PROVIDER_VARIABLES,
        validation_alias=_env("LANGFLOW_VARIABLES_TO_GET_FROM_ENVIRONMENT"),
        description="The only names that flows may read from the environment.",
    )
    store_environment_variables: bool = Field(
        default=True,
        validation_alias=_env("LANGFLOW_STORE_ENVIRONMENT_VARIABLES"),
        description="Keep those variables at start as credentials of the first superuser.",
    )
    create_starter_projects: bool = Field(
        default=True,
        validation_alias=_env("LANGFLOW_CREATE_STARTER_PROJECTS"),
        description="Give a new user the flow Basic Chat, and list the starter flows.",
    )
    new_user_is_active: bool = Field(
        default=False,
        validation_alias=_env("LANGFLOW_NEW_USER_IS_ACTIVE"),
        description="Whether a new user may log in before a superuser says so.",
    )
    disable_track_apikey_usage: bool = Field(
        default=False,
        validation_alias=_env("LANGFLOW_DISABLE_TRACK_APIKEY_USAGE"),
        description="Do not count how often API keys are used.",
    )
    remove_api_keys: bool = Field(
        default=False,
        validation_alias=_env("LANGFLOW_REMOVE_API_KEYS"),
        description="Remove secrets from a flow's password fields when it is saved.",
    )
    storage_type: Literal["local", "s3"] = Field(
        default="local", validation_alias=_env("LANGFLOW_STORAGE_TYPE"), description="Where uploaded files are kept."
    )
    object_storage_bucket_name: str = Field(
        default="langflow-bucket",
        min_length=1,
        validation_alias=_env("LANGFLOW_OBJECT_STORAGE_BUCKET_NAME"),
        description="The S3 bucket.",
    )
    object_storage_prefix: str = Field(
        default="files",
        validation_alias=_env("LANGFLOW_OBJECT_STORAGE_PREFIX"),
        description="What every key in the bucket begins with.",
    )
    object_storage_tags: dict[str, str] | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_OBJECT_STORAGE_TAGS"),
        description="Tags of every object, as JSON.",
    )
    knowledge_bases_dir: Path | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_KNOWLEDGE_BASES_DIR"),
        description="Folder of the knowledge bases; by default in the config folder.",
    )
    store: bool = Field(
        default=True, validation_alias=_env("LANGFLOW_STORE"), description="Whether the component store may be asked."
    )
    store_url: str | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_STORE_URL"),
        description="Address of the component store; without it the store is off.",
    )
    download_webhook_url: str | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_DOWNLOAD_WEBHOOK_URL"),
        description="Told by the store's client of each download.",
    )
    like_webhook_url: str | None = Field(
        default=None,
        validation_alias=_env("LANGFLOW_LIKE_WEBHOOK_URL"),
        description="Told by the store's client of each like.",
    )
    log_retriever_buffer_size: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        validation_alias=_env("LANGFLOW_LOG_RETRIEVER_BUFFER_SIZE"),
        description="Lines of the log that superusers can read over HTTP; 0 for none.",
    )
    max_request_bytes: int = Field(
        default=10_000_000,
        ge=1024,
        validation_alias=_env("HEADRACE_MAX_REQUEST_BYTES"),
        description="Largest request body, bytes.",
    )
    run_timeout_seconds: float = Field(
        default=300,
        gt=0,
        validation_alias=AliasChoices("HEADRACE_RUN_TIMEOUT", "LANGFLOW_WORKER_TIMEOUT"),
        description="Longest run, seconds.",
    )
    max_runs: int = Field(
        default=200,
        ge=1,
        validation_alias=_env("HEADRACE_MAX_RUNS"),
        description="Runs at once in a process; beyond it the answer is 429.",
    )
    heartbeat_seconds: float = Field(
        default=15,
        gt=0,
        validation_alias=_env("HEADRACE_HEARTBEAT_SECONDS"),
        description="A stream with nothing to say says so after this long, seconds.",
    )
    public_runs_per_minute: int = Field(
        default=60,
        ge=1,
        validation_alias=_env("HEADRACE_PUBLIC_RUNS_PER_MINUTE"),
        description="Runs of public flows a minute that one address may begin.",
    )
    webhook_auth_enable: bool = Field(
        default=False,
        validation_alias=_env("LANGFLOW_WEBHOOK_AUTH_ENABLE"),
        description="Whether webhooks want the key of the flow's owner. Without, whoever knows the address of a flow that holds a Webhook begins it.",
    )
    webhook_polling_interval: int = Field(
        default=5000,
        ge=0,
        validation_alias=_env("LANGFLOW_WEBHOOK_POLLING_INTERVAL"),
        description="Told to editors, milliseconds.",
    )
    webhooks_per_minute: int = Field(
        default=600,
        ge=1,
        validation_alias=_env("HEADRACE_WEBHOOKS_PER_MINUTE"),
        description="Calls of one flow's webhook a minute; beyond it the answer is 429.",
    )
    components_path: Annotated[list[Path], NoDecode] = Field(
        default_factory=list,
        validation_alias=_env("LANGFLOW_COMPONENTS_PATH"),
        description="Folders of trusted components, with commas between: a subfolder a category, a file a component.",
    )
    custom_code: Literal["superuser", "everyone", "nobody"] = Field(
        default="superuser",
        validation_alias=_env("HEADRACE_CUSTOM_CODE"),
        description="Whose saving approves code that comes with a flow. With auto login the single user counts as a superuser.",
    )
    code_isolation: Literal["auto", "process", "none"] = Field(
        default="auto",
        validation_alias=_env("HEADRACE_CODE_ISOLATION"),
        description="Where approved code runs: `process` is a process of its own for each user, closed in; `none` is the server's own; "
        "`auto` is `none` with auto login, and `process` for a server of several users.",
    )
    code_memory: int = Field(
        default=1024,
        ge=128,
        validation_alias=_env("HEADRACE_CODE_MEMORY"),
        description="Memory of one user's isolated code, MiB.",
    )
    code_seconds: float = Field(
        default=60,
        gt=0,
        validation_alias=_env("HEADRACE_CODE_SECONDS"),
        description="Processor time of one call of isolated code, seconds.",
    )
    code_file_size: int = Field(
        default=100,
        ge=1,
        validation_alias=_env("HEADRACE_CODE_FILE_SIZE"),
        description="The largest file that isolated code may write, MiB.",
    )
    code_workers: int = Field(
        default=16,
        ge=1,
        validation_alias=_env("HEADRACE_CODE_WORKERS"),
        description="Users whose isolated code runs at once in a server process; idle ones make room.",
    )
    code_idle_seconds: float = Field(
        default=300,
        gt=0,
        validation_alias=_env("HEADRACE_CODE_IDLE"),
        description="A process of isolated code without work ends after this long, seconds.",
    )
    max_jobs: int = Field(
        default=16,
        ge=1,
        validation_alias=_env("HEADRACE_MAX_JOBS"),
        description="Runs in the background at once in a process; others wait.",
    )
    job_lease_seconds: float = Field(
        default=30,
        gt=0,
        validation_alias=_env("HEADRACE_JOB_LEASE"),
        description="What a process that died was running in the background, another takes over after this long, seconds.",
    )
    max_waiting_jobs: int = Field(
        default=10_000,
        ge=1,
        validation_alias=_env("HEADRACE_MAX_WAITING_JOBS"),
        description="Runs in the background of one user that may wait; beyond it the answer is 429.",
    )
    max_vertex_builds_per_vertex: int = Field(
        default=2,
        ge=1,
        validation_alias=_env("LANGFLOW_MAX_VERTEX_BUILDS_PER_VERTEX"),
        description="Builds of a vertex that are kept, the newest.",
    )
    max_transactions_to_keep: int = Field(
        default=3000,
        ge=1,
        validation_alias=_env("LANGFLOW_MAX_TRANSACTIONS_TO_KEEP"),
        description="Transactions of a flow that are kept, the newest.",
    )
    local_model_path: Path | None = Field(
        default=None,
        validation_alias=_env("HEADRACE_LOCAL_MODEL_PATH"),
        description="A GGUF file to serve as the local model.",
    )
    max_file_size_upload: int = Field(
        default=1024, ge=1, validation_alias=_env("LANGFLOW_MAX_FILE_SIZE_UPLOAD"), description="Largest upload, MiB."
    )
    auto_saving: bool = Field(
        default=True, validation_alias=_env("LANGFLOW_AUTO_SAVING"), description="Told to editors."
    )
    auto_saving_interval: int = Field(
        default=1000,
        ge=0,
        validation_alias=_env("LANGFLOW_AUTO_SAVING_INTERVAL"),
        description="Told to editors, milliseconds.",
    )
    health_check_max_retries: int = Field(
        default=5, ge=0, validation_alias=_env("LANGFLOW_HEALTH_CHECK_MAX_RETRIES"), description="Told to editors."
    )
    frontend_timeout: int = Field(
        default=0, ge=0, validation_alias=_env("LANGFLOW_FRONTEND_TIMEOUT"), description="Told to editors, seconds."
    )
    event_delivery: Literal["polling", "streaming", "direct"] = Field(
        default="streaming", validation_alias=_env("LANGFLOW_EVENT_DELIVERY"), description="Told to editors."
    )

    @field_validator(
        "components_path", "cors_origins", "ssrf_allowed_hosts", "variables_to_get_from_environment", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return (
            json.loads(value)
            if value.lstrip().startswith("[")
            else [item.strip() for item in value.split(",") if item.strip()]
        )

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value else ""
        if text and not text.startswith(("sqlite", "postgres")):
            raise ValueError("must begin with sqlite:// or postgresql://")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _no_star_with_others(cls, value: list[str]) -> list[str]:
        if "*" in value and len(value) > 1:
            raise ValueError("* stands alone, or the origins by name")
        return value

    @property
    def database_address(self) -> str:
        """Return the database's URL with the async driver in it."""
        if self.database_url is None or not self.database_url.get_secret_value():
            return f"sqlite+aiosqlite:///{self.config_dir.expanduser() / 'headrace.db'}"
        url = self.database_url.get_secret_value()
        scheme, _, rest = url.partition("://")
        return f"{'sqlite+aiosqlite' if scheme.startswith('sqlite') else 'postgresql+asyncpg'}://{rest}"

    @property
    def knowledge_bases_folder(self) -> Path:
        """Return the folder of the knowledge bases."""
        return (self.knowledge_bases_dir or self.config_dir / "knowledge_bases").expanduser()

    @property
    def readable_variables(self) -> list[str]:
        """Return the names of the environment that flows may read.

        The server's own way into its storage is not for flows, unless the operator lists it by name.
        """
        named = "variables_to_get_from_environment" in self.model_fields_set
        if self.storage_type != "s3" or named:
            return self.variables_to_get_from_environment
        return [n for n in self.variables_to_get_from_environment if not n.startswith("AWS_")]

    @property
    def isolates_code(self) -> bool:
        """Return whether approved code runs in processes of its own."""
        return self.code_isolation == "process" or (self.code_isolation == "auto" and not self.auto_login)

    @property
    def is_loopback(self) -> bool:
        """Return whether the server can be reached from this machine alone."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def load_settings(env_file: Path | None = None, **overrides: object) -> Settings:
    """Return the settings of the environment, under an env file's and the command line's.

    Raises:
        SettingsError: a value that isn't allowed; names the setting, never the value.

    """
    if env_file is not None and not env_file.is_file():
        raise SettingsError(f"There is no env file {env_file}.")
    try:
        return Settings(_env_file=env_file, **{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"{_setting_name(str(e['loc'][0]))}: {e['msg']}." for e in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def _setting_name(loc: str) -> str:
    field = Settings.model_fields.get(loc)
    alias = field.validation_alias if field else None
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else loc


def check_exposure(settings: Settings) -> None:
    """Refuse a start that would hand the server to whoever reaches its address.

    Raises:
        SettingsError: auto login on an address beyond loopback, or no password for the superuser.

    """
    if settings.auto_login and not settings.is_loopback and not settings.allow_public_auto_login:
        raise SettingsError(
            f"Auto login is on and the server would listen on {settings.host}, where others reach it. Set LANGFLOW_AUTO_LOGIN=false, "
            "LANGFLOW_SUPERUSER=<name> and LANGFLOW_SUPERUSER_PASSWORD=<password>; or, on a network that you trust, "
            "HEADRACE_ALLOW_PUBLIC_AUTO_LOGIN=true."
        )
