"""Secrets in query strings do not appear in the log."""

from __future__ import annotations

import pytest

from tests.security.shared_settings import BEHIND_PROXY
from tests.support.probe import AttackedServer
from tests.support.waiting import until

pytestmark = pytest.mark.any_database

PARAMETERS = ("x-api-key", "api_key", "token", "access_token", "client_secret", "password", "code", "X%2DAPI%2DKEY")


@pytest.mark.server(**BEHIND_PROXY)
def test_the_access_log_hides_secrets_in_query_strings(server: AttackedServer) -> None:
    for client in server.clients_of_each_process(server.admin):
        for i, name in enumerate(PARAMETERS):
            client.get(f"/api/v1/flows/?page=1&{name}=sk-hidden{i}&last=1")
        client.get("/api/v1/version?marker=end")
        buffered = client.get("/logs?lines_before=1000&timestamp=9999999999999").text
        assert "marker=end" in buffered
        assert "sk-hidden" not in buffered
    until(lambda: server.log.count("marker=end") >= server.processes)
    lines = server.log
    assert "page=1" in lines
    assert lines.count("[redacted]") >= len(PARAMETERS) * server.processes
    assert "sk-hidden" not in lines
