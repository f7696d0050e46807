"""Settings of servers that attacks of several files share. Each limit is reached quickly and does not disturb the other attacks."""

from __future__ import annotations

from tests.support.server_pool import FromFixture

#: Limits on the size of values, builds, results and anonymous requests, and on parsing.
SMALL_VALUES = {
    "HEADRACE_MAX_VALUE_BYTES": "16000000",
    "HEADRACE_MAX_RUN_BYTES": "48000000",
    "HEADRACE_MAX_BUILD_BYTES": "1000000",
    "HEADRACE_RESULT_CACHE_BYTES": "20000000",
    # An operator may allow anonymous callers larger bodies.
    "HEADRACE_MAX_ANONYMOUS_REQUEST_BYTES": "1000000",
    "HEADRACE_PARSING_CPU_SECONDS": "0.5",
    "HEADRACE_REGEX_CPU_SECONDS": "0.5",
    "HEADRACE_PARSING_MEMORY_MIB": "96",
}
#: Limits on what a user may store and have in transit.
SMALL_QUOTAS = {
    "HEADRACE_MAX_FLOWS": "3",
    "HEADRACE_MAX_PROJECTS": "3",
    "HEADRACE_MAX_VARIABLES": "3",
    "HEADRACE_MAX_API_KEYS": "3",
    "HEADRACE_MAX_FILES": "3",
    "HEADRACE_MAX_USER_STORAGE_MIB": "1",
    "HEADRACE_MAX_COMPONENT_EXECUTIONS": "100",
    "HEADRACE_MAX_BODY_BYTES_IN_FLIGHT": "2000000",
    # Without the variables that each user gets from the environment.
    "LANGFLOW_STORE_ENVIRONMENT_VARIABLES": "false",
}
#: A short time limit, and the component `Sleeper`.
SHORT_RUNS = {
    "HEADRACE_RUN_TIMEOUT_SECONDS": "3",
    "LANGFLOW_COMPONENTS_PATH": FromFixture("components_path"),
}
#: One job at a time in each process.
ONE_JOB = {"HEADRACE_MAX_JOBS": "1", "HEADRACE_MAX_WAITING_JOB_BYTES": "1000000"}
AUTO_LOGIN = {"LANGFLOW_AUTO_LOGIN": "true"}
FAILED_LOGINS_PER_ADDRESS = 10
FAILED_LOGINS_PER_ACCOUNT = 20
#: A log of all requests, one run at a time, and few failed logins. The tests are the proxy, so that they can log in from any address.
BEHIND_PROXY = {
    "LANGFLOW_LOG_LEVEL": "debug",
    "LANGFLOW_LOG_RETRIEVER_BUFFER_SIZE": "1000",
    "HEADRACE_MAX_RUNS": "1",
    "HEADRACE_TRUSTED_PROXIES": "127.0.0.0/8",
    "HEADRACE_FAILED_LOGINS_PER_ADDRESS": str(FAILED_LOGINS_PER_ADDRESS),
    "HEADRACE_FAILED_LOGINS_PER_ACCOUNT": str(FAILED_LOGINS_PER_ACCOUNT),
    "HEADRACE_MAX_WAITING_PASSWORDS": "8",
}
