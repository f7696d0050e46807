"""Settings: sources, precedence, aliases and validation."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.runs.resources import RunResources
from headrace.settings import SETTINGS_GROUPS, SettingsError, load_settings, validate_bind_address
from headrace.settings.declaration import variable_names
from headrace.settings.environment_names import LANGFLOW_ONLY

DOCS = Path(__file__).parent.parent / "docs"


def test_the_error_for_an_invalid_value_names_the_setting_and_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGFLOW_PORT", "99999")
    monkeypatch.setenv("LANGFLOW_LOG_LEVEL", "loud")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "LANGFLOW_PORT" in caught.value.message
    assert "less than or equal to 65535" in caught.value.message
    assert "LANGFLOW_LOG_LEVEL" in caught.value.message
    assert "'debug'" in caught.value.message


def test_the_error_for_an_invalid_database_url_does_not_contain_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGFLOW_DATABASE_URL", "mysql://root:hunter2@host/db")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "LANGFLOW_DATABASE_URL" in caught.value.message
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("host", "starts"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("example.com", False)],
)
def test_auto_login_starts_on_loopback_only(host: str, starts: bool) -> None:
    settings = load_settings(host=host)
    if starts:
        validate_bind_address(settings)
        return
    with pytest.raises(SettingsError, match="LANGFLOW_SUPERUSER_PASSWORD"):
        validate_bind_address(settings)
    validate_bind_address(load_settings(host=host, allow_public_auto_login=True))
    validate_bind_address(load_settings(host=host, auto_login=False))


def test_every_setting_is_documented() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    for group in SETTINGS_GROUPS.values():
        for name in group.model_fields:
            assert f"`{variable_names(group, name)[0]}`" in text


@pytest.mark.parametrize(
    ("variable", "group", "field"),
    [
        ("HEADRACE_RUN_TIMEOUT", "runs", "timeout_seconds"),
        ("LANGFLOW_WORKER_TIMEOUT", "runs", "timeout_seconds"),
        ("HEADRACE_JOB_LEASE", "runs", "job_lease_seconds"),
        ("HEADRACE_CODE_MEMORY", "code", "memory_mib"),
        ("HEADRACE_CODE_SECONDS", "code", "cpu_seconds"),
        ("HEADRACE_CODE_FILE_SIZE", "code", "max_file_mib"),
        ("HEADRACE_CODE_WORKERS", "code", "max_workers"),
        ("HEADRACE_CODE_IDLE", "code", "idle_seconds"),
    ],
)
def test_an_earlier_name_of_a_setting_still_works(
    variable: str, group: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1234")
    assert getattr(getattr(load_settings(), group), field) == 1234
    monkeypatch.setenv(variable_names(SETTINGS_GROUPS[group], field)[0], "2345")
    assert getattr(getattr(load_settings(), group), field) == 2345


def test_overrides_precede_the_environment_and_the_environment_precedes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("HEADRACE_MAX_RUNS=1\nHEADRACE_MAX_JOBS=2\nHEADRACE_RUN_TIMEOUT=3\n", encoding="utf-8")
    monkeypatch.setenv("HEADRACE_MAX_JOBS", "20")
    monkeypatch.setenv("LANGFLOW_WORKER_TIMEOUT", "30")
    runs = load_settings(env_file, run_timeout=300, webhooks_per_minute=None).runs
    assert (runs.max_runs, runs.max_jobs, runs.timeout_seconds, runs.webhooks_per_minute) == (1, 20, 300, 600)


def test_only_the_documented_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "URL", "LEVEL", "CONFIG_DIR", "SUPERUSER"):
        monkeypatch.setenv(name, "1")
    settings = load_settings()
    assert (settings.server.host, settings.server.port, settings.auth.superuser) == ("127.0.0.1", 7860, "langflow")
    assert settings.database.url is None


def test_lists_are_written_with_commas_or_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("a.example, b.example", '["a.example", "b.example"]'):
        monkeypatch.setenv("LANGFLOW_SSRF_ALLOWED_HOSTS", text)
        assert load_settings().network.ssrf_allowed_hosts == ["a.example", "b.example"]
    for name in ("LANGFLOW_OBJECT_STORAGE_TAGS", "LANGFLOW_SSRF_ALLOWED_HOSTS"):
        monkeypatch.setenv(name, "[{")
    with pytest.raises(SettingsError, match=r"(?s)LANGFLOW_OBJECT_STORAGE_TAGS.*LANGFLOW_SSRF_ALLOWED_HOSTS"):
        load_settings()


def test_no_two_settings_share_a_name() -> None:
    names = [
        name.partition("_")[2]
        for group in SETTINGS_GROUPS.values()
        for field in group.model_fields
        for name in variable_names(group, field)
    ]
    assert len(names) == len(set(names))


def test_the_urls_of_searches_come_from_the_env_file_too(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("HEADRACE_WEB_SEARCH_URL=https://search.example/html\nHEADRACE_NEWS_URL=\n")
    resources = RunResources.from_settings(load_settings(env_file))
    assert resources.environment.get("HEADRACE_WEB_SEARCH_URL") == "https://search.example/html"
    assert resources.environment.get("HEADRACE_NEWS_URL") is None


def test_the_url_of_a_search_without_a_scheme_is_refused() -> None:
    with pytest.raises(SettingsError, match="HEADRACE_WEB_SEARCH_URL"):
        load_settings(web_search_url="search.example/html")


def test_no_setting_is_listed_as_one_of_langflow_that_has_no_effect() -> None:
    settings = {
        name
        for group in SETTINGS_GROUPS.values()
        for field in group.model_fields
        for name in variable_names(group, field)
    }
    assert settings & LANGFLOW_ONLY.keys() == set()


@pytest.mark.parametrize("password", ["pass#word", "pass/word", "pass?word", "pass@word"])
def test_the_password_of_a_database_url_may_contain_any_character(password: str) -> None:
    settings = load_settings(database_url=f"postgresql://ann:{password}@db.example:5432/flows?sslmode=require")
    assert settings.database_url == f"postgresql+asyncpg://ann:{password}@db.example:5432/flows?ssl=require"
