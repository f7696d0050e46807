"""The modules with functions and services that component code calls."""

from __future__ import annotations

from headrace.compat.module_map.targets import targets

_LOGGER = targets("headrace.compat.component_logger", "logger")
_RECORDS = targets("headrace.compat.records", "data_to_text", "data_to_text_list", "docs_to_data", "safe_convert")
_SERVICES = "headrace.compat.services"
_SERVER_INFO = "headrace.compat.server_info"

SUPPORT_MODULES: dict[str, dict[str, str]] = {
    "helpers": _RECORDS,
    "helpers.base_model": {"build_model_from_schema": "headrace.models.structured:schema_of"},
    "helpers.data": _RECORDS,
    "log": _LOGGER,
    "log.logger": _LOGGER,
    "logging": _LOGGER,
    "logging.logger": _LOGGER,
    "memory": targets("headrace.compat.memory", "aget_messages", "astore_message", "delete_message"),
    "serialization": targets("headrace.compat.serialization", "serialize"),
    "services.auth.utils": targets("headrace.compat.api_key_encryption", "decrypt_api_key", "encrypt_api_key"),
    "services.cache.utils": targets("headrace.compat.shared_cache", "CACHE_DIR", "CacheMiss"),
    "services.database.models.user.crud": targets(_SERVICES, "get_user_by_id"),
    "services.deps": targets(
        _SERVICES, "get_settings_service", "get_storage_service", "get_variable_service", "session_scope"
    ),
    "utils.async_helpers": targets("headrace.compat.active_run", "run_until_complete"),
    "utils.component_utils": targets(
        "headrace.compat.build_config", "set_current_fields", "set_field_advanced", "set_field_display"
    ),
    "utils.connection_string_parser": targets("headrace.compat.urls", "transform_connection_string"),
    "utils.constants": {
        "MESSAGE_SENDER_AI": "headrace.schema.message:SENDER_AI",
        "MESSAGE_SENDER_USER": "headrace.schema.message:SENDER_USER",
        "MESSAGE_SENDER_NAME_AI": "headrace.schema.message:SENDER_NAME_AI",
        "MESSAGE_SENDER_NAME_USER": "headrace.schema.message:SENDER_NAME_USER",
    },
    "utils.request_utils": targets(_SERVER_INFO, "get_user_agent"),
    "utils.ssrf_protection": targets("headrace.compat.ssrf", "SSRFProtectionError", "validate_url_for_ssrf"),
    "utils.util": {
        **targets("headrace.compat.urls", "transform_localhost_url"),
        **targets("headrace.compat.serialization", "unescape_string"),
    },
    "utils.validate_cloud": targets(
        _SERVER_INFO, "is_astra_cloud_environment", "raise_error_if_astra_cloud_disable_component"
    ),
    "utils.version": targets(_SERVER_INFO, "get_version_info"),
}
