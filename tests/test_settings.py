"""What an operator sets, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import AliasChoices

from headrace.settings import Settings, SettingsError, check_exposure, load_settings

DOCS = Path(__file__).parent.parent / "docs"


def test_a_bad_value_names_its_setting_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGFLOW_PORT", "99999")
    monkeypatch.setenv("LANGFLOW_LOG_LEVEL", "loud")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "LANGFLOW_PORT" in caught.value.message
    assert "less than or equal to 65535" in caught.value.message
    assert "LANGFLOW_LOG_LEVEL" in caught.value.message
    assert "'debug'" in caught.value.message


def test_a_bad_database_url_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
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
    settings = Settings(host=host)
    if starts:
        check_exposure(settings)
        return
    with pytest.raises(SettingsError, match="LANGFLOW_SUPERUSER_PASSWORD"):
        check_exposure(settings)
    check_exposure(Settings(host=host, allow_public_auto_login=True))
    check_exposure(Settings(host=host, auto_login=False))


def test_every_setting_is_documented() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    for field in Settings.model_fields.values():
        assert isinstance(field.validation_alias, AliasChoices)
        assert f"`{field.validation_alias.choices[0]}`" in text
