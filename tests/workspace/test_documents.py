"""The documents are true: what they link to, name or tell to type exists, and both READMEs agree."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for pattern in (
        "*.md",
        "docs/**/*.md",
        ".github/**/*.md",
        "crypto/*.md",
        "signaling/*.md",
        "server/*.md",
        "client_sdk/python/*.md",
    )
    for path in REPOSITORY.glob(pattern)
)
each_document = pytest.mark.parametrize("document", DOCUMENTS)

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED_PATH = re.compile(
    r"`((?:tests|examples|tools|benchmarks|docs|crypto|signaling|server|client_sdk|requirements)/[\w./-]*)`"
)
SHELL_LINE = re.compile(r"^ {4}(?:\$ )?((?:make|teduh|\.venv/bin/python) [^#\n]*?)\s*(?:#.*)?$", re.MULTILINE)
INLINE_COMMAND = re.compile(r"`((?:make|teduh) [a-z][^`]*)`")
PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def read(document: str) -> str:
    return (REPOSITORY / document).read_text()


def anchors(document: Path) -> set[str]:
    """The fragments that a document's headings give, as the usual hosts derive them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(document: str) -> set[str]:
    text = read(document)
    return {*SHELL_LINE.findall(text), *INLINE_COMMAND.findall(text)}


def python_blocks(document: str) -> list[str]:
    return PYTHON_BLOCK.findall(read(document))


@each_document
def test_links_lead_somewhere(document: str) -> None:
    for target in LINK.findall(read(document)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, fragment = target.partition("#")
        found = (REPOSITORY / document).parent / path if path else REPOSITORY / document
        assert found.exists(), target
        assert not fragment or fragment in anchors(found), target


@each_document
def test_files_and_folders_that_are_named_exist(document: str) -> None:
    missing = {path for path in NAMED_PATH.findall(read(document)) if not (REPOSITORY / path).exists()}
    assert not missing


@each_document
def test_make_targets_that_are_named_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {command.split()[1] for command in commands(document) if command.startswith("make ")}
    assert named <= targets


@pytest.fixture(scope="module")
def subcommands() -> set[str]:
    """Every `teduh …` that the program offers, two levels deep, as its own help lists them."""
    top = _listed_in_help()
    return {*top, *(f"org {name}" for name in _listed_in_help("org"))}


def _listed_in_help(*command: str) -> set[str]:
    shown = subprocess.run(
        [Path(sys.executable).with_name("teduh"), *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "120", "TERM": "dumb", "PATH": ""},
    ).stdout
    return set(re.findall(r"^[│|\s]+([a-z][a-z-]*)\s{2,}\S", shown, re.MULTILINE))


@each_document
def test_teduh_commands_that_are_named_exist(document: str, subcommands: set[str]) -> None:
    for command in commands(document) if document != "PROTOCOL.md" else ():  # `teduh …` there are labels
        words = [word for word in command.split() if not word.startswith("-")]
        if words[0] != "teduh":
            continue
        named = " ".join(words[1:3]) if words[1:2] == ["org"] else words[1]
        assert named in subcommands, command


def test_both_readmes_name_the_same_commands() -> None:
    assert commands("README.md") == commands("README.id.md")


def test_both_readmes_link_to_the_same_places() -> None:
    each_other = {"README.md", "README.id.md"}
    links = [set(LINK.findall(read(readme))) - each_other for readme in sorted(each_other)]
    assert links[0] == links[1]


@pytest.mark.parametrize("readme", ["README.md", "README.id.md"])
def test_the_readmes_show_the_examples_that_the_tests_run(readme: str) -> None:
    examples = [read("examples/readme_survivor.py"), read("examples/readme_staff.py")]
    assert python_blocks(readme) == examples


def test_the_readme_shows_every_example_that_a_terminal_needs() -> None:
    """What `make run` is followed by is a file that exists, with the sub-commands that it offers."""
    shown = [command.split() for command in commands("README.md") if command.startswith(".venv/bin/python")]
    assert {words[2] for words in shown} == {"survivor", "counselor"}
    assert all((REPOSITORY / words[1]).is_file() for words in shown)


def test_architecture_and_performance_stay_short() -> None:
    """What was decided stands in `docs/decisions/`, and what was measured before in the history."""
    assert len(read("ARCHITECTURE.md").splitlines()) <= 150
    assert len(read("docs/performance.md").splitlines()) <= 120


DECISIONS = sorted(document for document in DOCUMENTS if re.match(r"docs/decisions/\d{3}-", document))


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_is_context_decision_and_consequences(decision: str) -> None:
    text = read(decision)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert 10 <= len(text.splitlines()) <= 30
    assert f"]({Path(decision).name})" in read("docs/decisions/README.md")


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(Path(decision).name[:3]) for decision in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


def test_glossary_has_each_word_once_in_order() -> None:
    words = re.findall(r"^\| (?!word|---)(.+?) \|", read("docs/glossary.md"), re.MULTILINE)
    assert 30 <= len(words) <= 50
    assert words == sorted(words, key=str.lower)
    assert len(set(words)) == len(words)


def test_worked_example_fits_the_code_as_it_is() -> None:
    """Each line that its diffs leave as it was stands in the file that they name."""
    diffs = "".join(re.findall(r"```diff\n(.*?)```", read("docs/development.md"), re.DOTALL))
    parts = re.findall(r"^\+\+\+ (.+)\n((?:(?!\+\+\+ ).*\n)*)", diffs, re.MULTILINE)
    assert len(parts) >= 8
    for file, hunks in parts:
        lines = read(file).splitlines()
        for line in hunks.splitlines():
            assert line[:1] not in (" ", "-") or line[1:] in lines, (file, line)


def test_hosted_workflow_runs_what_the_integration_runs() -> None:
    workflow = yaml.safe_load(read(".github/workflows/tests.yml"))
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert ".ci/run" in commands
    assert workflow["permissions"] == {"contents": "read"}


def test_hooks_before_a_commit_name_programs_of_the_environment() -> None:
    repositories = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    assert {hook["id"] for hook in hooks} == {"ruff", "ruff-format", "mypy", "codespell"}
    for hook in hooks:
        assert "entry" not in hook or (REPOSITORY / hook["entry"].split()[0]).exists()


@pytest.mark.parametrize("form", sorted((REPOSITORY / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml")))
def test_forms_for_issues_are_whole(form: Path) -> None:
    """As the host wants them: a name, a description, and a body of fields with labels."""
    fields = yaml.safe_load(form.read_text("utf-8"))
    assert fields["name"]
    assert fields["description"]
    assert all(field["attributes"].get("label") or field["type"] == "markdown" for field in fields["body"])


def test_every_promise_names_the_tests_that_show_it() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|.*\|(.*)\|$", read("SECURITY.md"), re.MULTILINE)
    assert len(rows) >= 7
    for promise, shown_by in rows:
        assert NAMED_PATH.search(shown_by), promise
