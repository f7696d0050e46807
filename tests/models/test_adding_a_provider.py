"""Adding a provider: one row in a module of `models/providers/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.app import create_app
from headrace.models import providers as package
from headrace.models.provider import providers
from tests.conftest import settings_for
from tests.models.test_providers import language_model_flow, run_flow
from tests.support.model_server import KEY
from tests.support.server import serving

MODULE = """
from headrace.models.openai_provider import OpenAIProtocolProvider

PROVIDERS = (
    OpenAIProtocolProvider(
        name="Acme",
        icon="cpu",
        base_url="https://api.acme.example/v1",
        key_variable="ACME_API_KEY",
        base_url_variables=("ACME_BASE_URL",),
        models=("acme-1",),
    ),
)
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add a module with one provider to the package."""
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "acme_provider.py").write_text(MODULE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    providers.cache_clear()
    yield
    providers.cache_clear()


@pytest.mark.usefixtures("acme")
def test_a_provider_defined_by_one_row_works_in_a_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_url: str
) -> None:
    monkeypatch.setenv("ACME_BASE_URL", model_url)
    with serving(create_app(settings_for(tmp_path, ssrf_allowed_hosts=[]))) as base:
        answer = run_flow(base, language_model_flow("Acme", model_name="acme-1", api_key=KEY))
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputs"][0]["outputs"][0]["artifacts"]["message"] == "[Be brief.] Hi"
        assert (
            "Acme needs an API key" in run_flow(base, language_model_flow("Acme", model_name="acme-1", api_key="")).text
        )
