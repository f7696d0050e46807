"""The operator's folders of components."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from headrace.app import create_app
from tests.clients import signed_in
from tests.compat.test_people_code import SHOUT, ran, saved, text_of, with_code
from tests.conftest import settings_for
from tests.waiting import until


def test_a_file_in_a_folder_is_a_component_and_follows_its_changes(tmp_path: Path) -> None:
    folder = tmp_path / "components"
    (folder / "loud").mkdir(parents=True)
    file = folder / "loud" / "shout.py"
    file.write_text(SHOUT)
    settings = settings_for(tmp_path, components_path=[folder], custom_code="nobody")
    with signed_in(create_app(settings)) as client:
        catalogue = client.get("/api/v1/all")
        node = catalogue.json()["loud"]["Shout"]
        assert (node["display_name"], node["template"]["code"]["value"]) == ("Shout", SHOUT)
        data = with_code(SHOUT)
        flow = saved(client, data)
        # It runs although nobody may run code: the folder is trusted, and the flow's own copy is not looked at.
        assert "QUIETQUIET" in text_of(ran(client, flow["id"]))
        file.write_text(SHOUT.replace(".upper()", ".title()"))
        until(lambda: client.get("/api/v1/all").headers["etag"] != catalogue.headers["etag"])
        assert "QuietQuiet" in text_of(ran(client, flow["id"]))
        file.unlink()
        until(lambda: "loud" not in client.get("/api/v1/all").json())
        assert ran(client, flow["id"]).status_code == 400


def test_a_file_that_cannot_be_loaded_is_told_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "components" / "loud"
    folder.mkdir(parents=True)
    (folder / "shout.py").write_text(SHOUT)
    (folder / "broken.py").write_text("\n1 / 0\n")
    (folder / "_not_one.py").write_text("raise SystemExit")
    with (
        caplog.at_level(logging.ERROR),
        signed_in(create_app(settings_for(tmp_path, components_path=[folder.parent]))) as client,
    ):
        assert list(client.get("/api/v1/all").json()["loud"]) == ["Shout"]
    assert "broken.py cannot be loaded: line 2: ZeroDivisionError" in caplog.text
