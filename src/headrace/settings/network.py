"""Settings of outbound requests."""

from __future__ import annotations

from headrace.settings.declaration import SettingsGroup, StringList, setting

#: The start of the URL of a web server. An empty value means that there is none.
HTTP_URL = "^(https?://[^/]|$)"


class NetworkSettings(SettingsGroup):
    """Addresses that components may reach."""

    ssrf_protection_enabled: bool = setting(
        "LANGFLOW_SSRF_PROTECTION_ENABLED",
        default=True,
        description="Block requests of components to private, loopback and link-local addresses.",
    )
    ssrf_allowed_hosts: StringList = setting(
        "LANGFLOW_SSRF_ALLOWED_HOSTS",
        default=[],
        description="Hosts, addresses and networks that components may reach despite the protection.",
    )
    max_name_lookups: int = setting(
        "HEADRACE_MAX_NAME_LOOKUPS",
        default=32,
        ge=2,
        description="Maximum number of host names that a server process resolves at the same time, divided among users.",
    )
    name_lookup_seconds: float = setting(
        "HEADRACE_NAME_LOOKUP_SECONDS",
        default=10,
        gt=0,
        description="Time limit for resolving a host name, in seconds.",
    )
    max_connections: int = setting(
        "HEADRACE_MAX_OUTBOUND_CONNECTIONS",
        default=512,
        ge=2,
        description="Maximum number of outbound requests in progress in a server process, divided among users.",
    )
    max_connections_per_host: int = setting(
        "HEADRACE_MAX_OUTBOUND_CONNECTIONS_PER_HOST",
        default=256,
        ge=2,
        description="Maximum number of outbound requests in progress to one host, divided among users.",
    )
    request_seconds: float = setting(
        "HEADRACE_OUTBOUND_REQUEST_SECONDS",
        default=900,
        gt=0,
        description="Time limit of an outbound request, from its start to the end of the response, in seconds.",
    )
    max_response_mib: int = setting(
        "HEADRACE_MAX_OUTBOUND_RESPONSE_MIB",
        default=32,
        ge=1,
        description="Maximum size of the response to an outbound request after decompression, in MiB.",
    )
    web_search_url: str | None = setting(
        "HEADRACE_WEB_SEARCH_URL",
        default=None,
        pattern=HTTP_URL,
        description="URL of the search page that *Web Search* sends queries to, with the HTML of DuckDuckGo's. Runs may reach its "
        "server despite the protection. By default, DuckDuckGo's page.",
    )
    news_url: str | None = setting(
        "HEADRACE_NEWS_URL",
        default=None,
        pattern=HTTP_URL,
        description="URL of the news feed that *Web Search* reads for news, with the RSS of Google News. Runs may reach its "
        "server despite the protection. By default, Google News.",
    )

    @property
    def endpoint_urls(self) -> dict[str, str]:
        """Return the configured URLs of search pages by the names of their variables."""
        urls = {"HEADRACE_WEB_SEARCH_URL": self.web_search_url, "HEADRACE_NEWS_URL": self.news_url}
        return {name: url for name, url in urls.items() if url}
