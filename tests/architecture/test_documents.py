"""Documents cannot lie: settings, errors, commands and links are compared with the code."""

import json
import re
from pathlib import Path

import pytest

from app import cli
from app.settings import Settings
from tests.architecture.errors_page import PAGE, errors_page
from tests.architecture.repository import ROOT, tracked_files

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
STATEMENT = "Research use only. Not a release criterion."


def default_of(name: str) -> str:
    default = Settings.model_fields[name].default
    if default is None:
        return "unset"
    return f"`{int(default) if isinstance(default, bool) else default}`"


def test_every_setting_is_documented_with_its_default_and_no_other() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `PLIANT_(\w+)` \| (\S+) \| ", text, flags=re.MULTILINE))
    assert documented == {name.upper(): default_of(name) for name in Settings.model_fields}


def test_every_make_target_that_a_document_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = {
        target
        for page in tracked_files("*.md", ".ci/run")
        for target in re.findall(
            r"(?:^|`)(?:PLIANT_\w+=\S+ )?make ([a-z-]+)",
            page.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    }
    assert {"run", "test", "check"} <= named
    assert named <= targets


def test_every_phony_target_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    explained = set(re.findall(r"^([a-z-]+):.*## \S", makefile, flags=re.MULTILINE))
    assert set(phony.split()) - explained == {"browser"}


@pytest.mark.parametrize(
    "page", tracked_files("*.md"), ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_resolves(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    local = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [target for target in local if target and not (page.parent / target).exists()] == []


def test_every_decision_is_listed_and_has_its_three_parts() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(folder.glob("[0-9]*.md"))
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert pages
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert page.name in index
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))


def test_the_page_of_errors_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == errors_page(), "make docs writes it anew"


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md", "docs/operations.md"])
def test_a_page_about_the_product_says_what_it_is_not_for(page: str) -> None:
    assert STATEMENT in (ROOT / page).read_text(encoding="utf-8")


def test_every_call_that_a_document_shows_is_published() -> None:
    published = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    known = {re.sub(r"\{\w+\}", "ID", path) for path in published}
    shown = {
        re.sub(r"\$?\b(?:SAMPLE|WELL|SHA256|ANALYSIS|WEBHOOK|DELIVERY)\b", "ID", path)
        for page in tracked_files("*.md")
        for path in re.findall(
            r"(?<!app)/api/v1/(?!openapi\.json)[\w/$-]*\w(?:\.pdf)?",
            page.read_text(encoding="utf-8"),
        )
    }
    assert {"/api/v1/training-runs", "/api/v1/model-versions/ID/activate"} <= shown
    assert shown <= known


def test_every_command_that_a_document_shows_exists() -> None:
    known = {
        command.name or (command.callback.__name__ if command.callback else "")
        for command in cli.pliant.registered_commands
    }
    known |= {group.name or "" for group in cli.pliant.registered_groups}
    shown = {
        command
        for page in tracked_files("*.md")
        for command in re.findall(
            r"(?:\.venv/bin/|`)pliant ([a-z][a-z-]+)", page.read_text(encoding="utf-8")
        )
    }
    assert {"import-frdr", "api-key"} <= shown
    assert shown <= known


def test_every_test_that_a_document_names_exists() -> None:
    """With or without its folder, and as a test or as a step of one."""
    told = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "CONTRIBUTING.md").read_text())
    files = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(told) > 10
    assert [name for name in told if f"def {name[1]}(" not in files[Path(name[0]).name]] == []
