"""The check of prose and names finds the private dialect and leaves plain English alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_prose import check_file, main


def findings(folder: Path, name: str, content: str) -> list[str]:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return [f"{f.line}: {f.excerpt}" for f in check_file(path)]


@pytest.mark.parametrize(
    "sentence",
    [
        "This is no flow.",
        "At most so many as fit are stored.",
        "The run ends for whoever started it.",
        "It contains that which was sent.",
        "The token is no good.",
        "The run has begun.",
        "Return what was said before.",
        "Return what is kept.",
        "This stands for the node.",
        "What hangs on the vertex does not run.",
        "The user is told.",
        "Whether a code is approved.",
    ],
)
def test_a_phrase_of_the_dialect_is_found_in_prose(tmp_path: Path, sentence: str) -> None:
    assert findings(tmp_path, "page.md", f"# Title\n\n{sentence}\n")
    assert findings(tmp_path, "comment.py", f"# {sentence}\n")
    assert findings(tmp_path, "docstring.py", f'"""{sentence}"""\n')
    assert findings(tmp_path, "message.py", f'raise ValueError(f"{{1}}: {sentence}")\n')
    assert findings(tmp_path, "flow.json", f'{{"note": "{sentence}"}}\n')


@pytest.mark.parametrize(
    "definition",
    [
        "def told(): ...",
        "def _kept_rows(): ...",
        "async def settle(): ...",
        "class Said: ...",
        "class Shelf: ...",
        "class LentObject: ...",
        "MOST_FLOWS = 3",
        "LONGEST_NAME: int = 3",
        "PATIENCE = 3",
        "def read(given): ...",
        "for asked in []: ...",
        "with open('x') as _stranger: ...",
    ],
)
def test_a_name_of_the_dialect_is_found(tmp_path: Path, definition: str) -> None:
    assert len(findings(tmp_path, "module.py", definition + "\n")) == 1


@pytest.mark.parametrize(
    "sentence",
    [
        "The server is no longer running.",
        "There is no such flow: check its id.",
        "Retry as soon as possible, and wait for as long as the lease lasts.",
        "The token is not valid.",
        "The status code is 404.",
    ],
)
def test_plain_english_passes(tmp_path: Path, sentence: str) -> None:
    assert findings(tmp_path, "page.md", sentence) == []


def test_settings_and_other_ordinary_names_pass(tmp_path: Path) -> None:
    source = "def load_settings(most_recent: int) -> None:\n    maximum = forgiven = most_recent\n"
    assert findings(tmp_path, "module.py", source) == []


def test_a_phrase_that_is_wrapped_over_two_lines_is_found_where_it_starts(tmp_path: Path) -> None:
    assert findings(tmp_path, "module.py", "x = 1\n# The session, and what\n# was said in it.\n") == [
        "2: what was said"
    ]
    assert findings(tmp_path, "page.md", "The session, and what\nwas said in it.\n") == ["1: what was said"]


def test_code_blocks_of_a_page_are_not_prose(tmp_path: Path) -> None:
    assert findings(tmp_path, "page.md", "Text.\n\n```sh\necho 'so many as'\n```\n\nText, whoever reads.\n") == [
        "7: whoever"
    ]


def test_the_command_prints_each_finding_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "page.md"
    path.write_text("For whoever asks.\n", encoding="utf-8")
    assert main([str(path)]) == 1
    assert "page.md:1: 'whoever': name the person" in capsys.readouterr().out
    path.write_text("For the caller.\n", encoding="utf-8")
    assert main([str(path)]) == 0
