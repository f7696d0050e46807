"""Check that prose and names use plain technical English.

`python -m tools.check_prose [PATH ...]` prints one line per finding and exits with status 1 if there is any. It reads
docstrings, comments and string literals of Python files, the paragraphs of Markdown files, and the texts of starter flows,
and it checks the names that Python files define. Without a path, it checks every file of the repository.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "benchmarks", "tools", "docs")


@dataclass(frozen=True, slots=True)
class Rule:
    """A phrase or name to avoid, and what to write instead."""

    pattern: re.Pattern[str]
    advice: str


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of prose and the line at which it starts."""

    line: int
    content: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that breaks a rule."""

    path: Path
    line: int
    excerpt: str
    advice: str

    def __str__(self) -> str:
        """Return the finding as `path:line: excerpt: advice`."""
        return f"{self.path}:{self.line}: {self.excerpt!r}: {self.advice}"


def _phrase(pattern: str, advice: str) -> Rule:
    # A phrase can be wrapped over two lines.
    return Rule(re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), advice)


PHRASES = (
    _phrase(r"\b(is|are|was) no (?!longer\b|more\b|way\b|need\b|such\b)\w+", 'write "is not a valid …" or "has no …"'),
    _phrase(r"\bso (many|long|much) (that|as)\b(?! possible)", 'write "as long as", "at most N" or "too many"'),
    _phrase(r"\bwhoever\b", "name the person: the user, the owner, the caller"),
    _phrase(r"\bthat which\b", "name the thing"),
    _phrase(r"\bis no good\b", 'write "is not valid"'),
    _phrase(r"\b(has|have) begun\b", 'write "has started"'),
    _phrase(
        r"\bwhat (was|is|are|were) (said|told|given|kept|asked|meant|wanted|there)\b|\bwhat there (is|was)\b",
        "name the thing: the message, the value, the argument",
    ),
    _phrase(r"\bof its own\b[^.]*\bof its own\b", 'say "own" once'),
    _phrase(r"\bstands? (in|for) the\b", 'write "is in the" or "represents the"'),
    _phrase(r"\bgoes? on\b[^.]*\bgoes? on\b", 'write "continues"'),
    _phrase(r"\b(hangs?|hung|hanging) on\b", 'write "depends on" or "is connected to"'),
    _phrase(r"\b(is|are|was|were|be|been) told\b", 'write "receives", "is reported" or "is logged"'),
    _phrase(r"\b(a|one|another) code (is|that|which|runs?|of)\b", '"code" is not countable: write "code" or "source"'),
    _phrase(r"\bpeople's own\b", 'write "custom"'),
)

_DIALECT = "told|kept|given|said|asked|heard|made|spoken|settle|around|whole|say"
_LIMITS = "MOST|LARGEST|LONGEST|DEEPEST|PATIENCE|KEPT|AT_ONCE"
_METAPHORS = "shelf|lent|surroundings|stranger"
#: Names of functions and classes.
DEFINITIONS = (
    Rule(
        re.compile(rf"_*({_DIALECT})\w*", re.IGNORECASE), "use a noun for a thing and an imperative verb for a function"
    ),
    Rule(re.compile(rf"_*(\w+_)?({_METAPHORS})(_\w+)?|_*({_METAPHORS})\w*", re.IGNORECASE), "use the field's term"),
)
#: Names of constants, attributes, parameters and locals.
VARIABLES = (
    Rule(
        re.compile(r"_*(\w+_)?(told|kept|said|asked|heard|shelf|lent|surroundings|stranger)"), "use a noun for a thing"
    ),
    Rule(re.compile(r"_*(given)"), "name the thing: the value, the argument, the input"),
    Rule(re.compile(rf"_*({_LIMITS})(_\w+)?"), "state limit and unit: MAX_…, …_BYTES, …_SECONDS"),
)

#: Names that follow another API, by file: they cannot change.
ALLOWED: dict[str, frozenset[str]] = {
    # The rules themselves, and the examples that test them.
    "tools/check_prose.py": frozenset({"*"}),
    "tests/tools/test_check_prose.py": frozenset({"*"}),
}


def check_text(path: Path, texts: Iterator[Text]) -> Iterator[Finding]:
    """Yield each phrase to avoid in the texts of a file."""
    for text in texts:
        for rule in PHRASES:
            for match in rule.pattern.finditer(text.content):
                line = text.line + text.content.count("\n", 0, match.start())
                yield Finding(path, line, " ".join(match[0].split()), rule.advice)


def check_names(path: Path, tree: ast.Module, allowed: frozenset[str]) -> Iterator[Finding]:
    """Yield each definition of a name to avoid."""
    for line, name, rules in defined_names(tree):
        for rule in rules:
            if name not in allowed and rule.pattern.fullmatch(name):
                yield Finding(path, line, name, rule.advice)
                break


def defined_names(tree: ast.Module) -> Iterator[tuple[int, str, tuple[Rule, ...]]]:
    """Yield line, name and rules of each definition in a module."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name, DEFINITIONS
            case ast.arg():
                yield node.lineno, node.arg, VARIABLES
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id, VARIABLES
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr, VARIABLES
            case _:
                pass


def python_texts(source: str) -> Iterator[Text]:
    """Yield the comments and string literals of a Python file; adjacent lines of comments are one text."""
    comment: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT:
            if comment and line != last + 1:
                yield Text(first, "\n".join(comment))
                comment = []
            first = first if comment else line
            comment.append(token.string.lstrip("#: "))
            last = line
        elif token.type in {tokenize.STRING, FSTRING_MIDDLE}:
            yield Text(line, token.string)
    if comment:
        yield Text(first, "\n".join(comment))


#: The text of an f-string is a token of its own since Python 3.12.
FSTRING_MIDDLE: int = getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)


def markdown_texts(source: str) -> Iterator[Text]:
    """Yield the prose of a Markdown file: its paragraphs, without blocks of code."""
    paragraph: list[str] = []
    in_code = False
    for line, content in enumerate([*source.splitlines(), ""], start=1):
        fence = content.lstrip().startswith("```")
        if fence or in_code or not content.strip():
            if paragraph:
                yield Text(line - len(paragraph), "\n".join(paragraph))
            paragraph = []
            in_code = in_code != fence
        else:
            paragraph.append(content)


def flow_texts(source: str) -> Iterator[Text]:
    """Yield the texts of a starter flow, with the line at which each starts in the file."""
    for line, content in enumerate(source.splitlines(), start=1):
        for literal in re.findall(r'"(?:[^"\\]|\\.)*"', content):
            yield Text(line, json.loads(literal).replace("\n", " "))


def check_file(path: Path) -> list[Finding]:
    """Return the findings in one file.

    Args:
        path: A Python, Markdown or JSON file.

    """
    relative = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    allowed = ALLOWED.get(relative.as_posix(), frozenset())
    if "*" in allowed:
        return []
    source = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".py":
            return [
                *check_text(relative, python_texts(source)),
                *check_names(relative, ast.parse(source), allowed),
            ]
        case ".md":
            return list(check_text(relative, markdown_texts(source)))
        case _:
            return list(check_text(relative, flow_texts(source)))


def repository_files() -> Iterator[Path]:
    """Yield each file whose prose and names are checked. Of the JSON files, these are the starter flows."""
    yield from sorted(ROOT.glob("*.md"))
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if "node_modules" in path.parts:
                continue
            if path.suffix in {".py", ".md"} or (path.suffix == ".json" and "starter" in path.parent.as_posix()):
                yield path


def main(arguments: list[str]) -> int:
    """Print the findings in the files, or in the whole repository, and return the exit status."""
    paths = [Path(a).resolve() for a in arguments] or repository_files()
    findings = [finding for path in paths for finding in check_file(path)]
    for finding in sorted(findings, key=lambda f: (f.path, f.line)):
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
