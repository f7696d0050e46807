"""Settings of users, sign-in, tokens and cookies."""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr, ValidationInfo, field_validator

from headrace.settings.declaration import SettingsGroup, setting

SameSite = Literal["lax", "strict", "none"]

#: The shortest secret key that resists guessing: HS256 and Fernet use 256 bits.
MIN_SECRET_KEY_BYTES = 32


class AuthSettings(SettingsGroup):
    """Sign-in, tokens, cookies and API keys."""

    allow_short_secret_key: bool = setting(
        "HEADRACE_ALLOW_SHORT_SECRET_KEY",
        default=False,
        description="Start with a secret key of less than 32 bytes, to read secrets that were stored with such a key.",
    )
    secret_key: SecretStr | None = setting(
        "LANGFLOW_SECRET_KEY",
        default=None,
        description="Key that signs tokens and encrypts variables, of at least 32 bytes. By default, it is generated once and stored in the configuration folder.",
    )
    access_token_expire_seconds: int = setting(
        "LANGFLOW_ACCESS_TOKEN_EXPIRE_SECONDS",
        default=3600,
        ge=1,
        description="Lifetime of an access token, in seconds.",
    )
    refresh_token_expire_seconds: int = setting(
        "LANGFLOW_REFRESH_TOKEN_EXPIRE_SECONDS",
        default=604_800,
        ge=1,
        description="Lifetime of a refresh token, in seconds.",
    )
    auto_login: bool = setting(
        "LANGFLOW_AUTO_LOGIN",
        default=True,
        description="Sign every client in as the superuser, without a password. Works only on a loopback address.",
    )
    allow_public_auto_login: bool = setting(
        "HEADRACE_ALLOW_PUBLIC_AUTO_LOGIN",
        default=False,
        description="Allow auto login on an address that other machines can reach.",
    )
    superuser: str = setting(
        "LANGFLOW_SUPERUSER", default="langflow", min_length=1, description="Name of the first superuser."
    )
    superuser_password: SecretStr | None = setting(
        "LANGFLOW_SUPERUSER_PASSWORD", default=None, description="Password of the first superuser."
    )
    enable_superuser_cli: bool = setting(
        "LANGFLOW_ENABLE_SUPERUSER_CLI", default=True, description="Allow the command `headrace superuser`."
    )
    new_user_is_active: bool = setting(
        "LANGFLOW_NEW_USER_IS_ACTIVE",
        default=False,
        description="Let new users sign in without activation by a superuser.",
    )
    access_same_site: SameSite = setting(
        "LANGFLOW_ACCESS_SAME_SITE", default="lax", description="SameSite attribute of the access cookie."
    )
    access_secure: bool = setting(
        "LANGFLOW_ACCESS_SECURE", default=False, description="Send the access cookie over HTTPS only."
    )
    access_httponly: bool = setting(
        "LANGFLOW_ACCESS_HTTPONLY", default=False, description="Hide the access cookie from scripts."
    )
    refresh_same_site: SameSite = setting(
        "LANGFLOW_REFRESH_SAME_SITE", default="lax", description="SameSite attribute of the refresh cookie."
    )
    refresh_secure: bool = setting(
        "LANGFLOW_REFRESH_SECURE", default=False, description="Send the refresh cookie over HTTPS only."
    )
    refresh_httponly: bool = setting(
        "LANGFLOW_REFRESH_HTTPONLY", default=True, description="Hide the refresh cookie from scripts."
    )
    cookie_domain: str | None = setting(
        "LANGFLOW_COOKIE_DOMAIN", default=None, description="Domain attribute of the cookies."
    )
    disable_api_key_usage_tracking: bool = setting(
        "LANGFLOW_DISABLE_TRACK_APIKEY_USAGE", default=False, description="Do not count the uses of API keys."
    )
    metrics_token: SecretStr | None = setting(
        "HEADRACE_METRICS_TOKEN",
        default=None,
        description="Token with which a collector reads `GET /metrics`, sent as `Authorization: Bearer …`. Superusers can read it "
        "with their own credentials, other users cannot.",
    )
    webhook_auth_enabled: bool = setting(
        "LANGFLOW_WEBHOOK_AUTH_ENABLE",
        default=False,
        description="Require an API key of the flow's owner for webhooks. By default, anyone who knows the URL of a flow with a Webhook component can start it.",
    )
    password_threads: int = setting(
        "HEADRACE_PASSWORD_THREADS",
        default=2,
        ge=1,
        le=64,
        description="Number of passwords that a server process hashes at a time. Each takes 64 MiB of memory.",
    )
    max_waiting_passwords: int = setting(
        "HEADRACE_MAX_WAITING_PASSWORDS",
        default=64,
        ge=1,
        description="Maximum number of passwords that a server process hashes or that wait for it. Further requests "
        "receive status 503.",
    )
    failed_logins_per_address: int = setting(
        "HEADRACE_FAILED_LOGINS_PER_ADDRESS",
        default=30,
        ge=1,
        description="Maximum number of failed logins from one client address per minute and server process.",
    )
    failed_logins_per_account: int = setting(
        "HEADRACE_FAILED_LOGINS_PER_ACCOUNT",
        default=60,
        ge=1,
        description="Maximum number of failed logins of one account per minute and server process. Addresses from which "
        "the user has logged in before are exempt.",
    )

    @field_validator("secret_key")
    @classmethod
    def _check_length(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        length = len(value.get_secret_value().encode()) if value is not None else 0
        if 0 < length < MIN_SECRET_KEY_BYTES and not info.data.get("allow_short_secret_key"):
            raise ValueError(
                f"the key has {length} bytes and needs at least {MIN_SECRET_KEY_BYTES}. Set a random one, or unset it to have "
                "one generated. If secrets are stored with this key, set HEADRACE_ALLOW_SHORT_SECRET_KEY=true"
            )
        return value
