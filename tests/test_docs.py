"""What can be chosen or read is documented: techniques with their settings, metrics, commands, pages, documents."""

from __future__ import annotations

import argparse
import re

import pytest

from app.__main__ import parser
from app.analysis.metric import METRICS
from optimizers.registry import techniques
from optimizers.technique import Technique
from store.settings import ROOT

README = (ROOT / "README.md").read_text()
TECHNIQUES = (ROOT / "docs" / "techniques.md").read_text()
METRIC_TEXT = (ROOT / "docs" / "metrics.md").read_text()
DOCUMENTS = (ROOT / "docs" / "documents.md").read_text()


@pytest.mark.parametrize("technique", techniques().all(), ids=lambda technique: technique.key)
def test_each_technique_has_a_section_with_its_settings(technique: Technique) -> None:
    _, _, rest = TECHNIQUES.partition(f"\n## {technique.key}\n")
    section = rest.partition("\n## ")[0]
    assert "Evidence:" in section
    assert "The article:" in section
    assert [setting.name for setting in technique.settings if f"`{setting.name}`" not in section] == []


def test_each_metric_has_a_row() -> None:
    assert [metric.tag for metric in METRICS if f"\n| `{metric.tag}` |" not in METRIC_TEXT] == []


def test_each_command_is_in_the_readme() -> None:
    actions = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    table = README.partition("| command | does |")[2].partition("\n\n")[0]
    assert [name for name in actions[0].choices if not re.search(rf"`{name}\b", table)] == []


def test_each_part_of_the_tree_is_in_the_readme() -> None:
    tree = README.partition("## Where things are")[2]
    folders = sorted(
        path.name for path in (ROOT / "app").iterdir() if path.is_dir() and (path / "__init__.py").exists()
    )
    assert [name for name in folders if f"{name}/" not in tree] == []


def test_each_schema_is_documented() -> None:
    written = {
        schema
        for path in (ROOT / "app").rglob("*.py")
        for schema in re.findall(r'"(rung\.[a-z_]+/\d)"', path.read_text())
    }
    internal = {"rung.spec/1", "rung.import/1", "rung.prompts/1"}
    assert sorted(schema for schema in written - internal if f"`{schema}`" not in DOCUMENTS) == []
