"""A server process, flows with a model, and the clients that call them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.clients.runs import ScriptRuns
from tests.support.clients import log_in
from tests.support.flows import create_flow
from tests.support.model_flows import flow_of
from tests.support.process import running
from tests.support.recording_model import RecordingModel
from tests.support.sample_files import PNG
from tests.support.server import serving

#: Component types by the name of the capability.
KINDS = {"openai": "OpenAIModel", "language_model": "LanguageModelComponent", "agent": "Agent"}


@pytest.fixture(scope="session")
def script_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptRuns]:
    folder = tmp_path_factory.mktemp("clients")
    image = folder / "mill.png"
    image.write_bytes(PNG)
    model = RecordingModel()
    with serving(model.app) as address, running(folder / "server", LANGFLOW_SSRF_ALLOWED_HOSTS="127.0.0.1") as (url, _):
        with httpx2.Client(base_url=url, headers=log_in(url), timeout=120) as client:
            key = client.post("/api/v1/api_key/", json={"name": "clients"}).json()["api_key"]
            models = {name: f"flow-{name.replace('_', '-')}" for name in KINDS}
            flows = {
                name: create_flow(client, flow_of(kind, f"{address}/v1"), endpoint_name=models[name])
                for name, kind in KINDS.items()
            }
            agent = flow_of("Agent", f"{address}/v1", add_current_date_tool=True)
            create_flow(client, agent, endpoint_name="flow-tool-agent")
        target = {"url": url, "key": key, "models": models, "flows": flows, "tool_agent": "flow-tool-agent"}
        target["image"] = str(image)
        yield ScriptRuns(target, folder, model)
