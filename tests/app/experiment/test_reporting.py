"""Reports of stored experiments: every form tells the same, nothing in it can act, and a file is whole or not there."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from app.experiment.reporting import load_report, rendered
from app.prompts.saved import save_starter_sets
from app.reports.html import to_html
from app.reports.markdown import escaped, to_markdown
from app.reports.pdf import parted, to_pdf
from app.reports.report import Answer, Asked, Report, Table
from app.whole_file import write_whole
from optimizers.errors import InputError
from store.store import Store
from tests.pages import factory

HOSTILE = "</script><script>alert(1)</script> | `x` =1+1 {{ 7*7 }} Ж 漢 \U0001f600 &amp; \u2028"


@pytest.fixture
def experiment(store: Store) -> int:
    save_starter_sets(store)
    return factory.finished(store)


def text_of(pdf: bytes) -> str:
    pages = PdfReader(BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_every_form_tells_the_headline_each_rung_and_the_evidence(store: Store, experiment: int) -> None:
    report = load_report(store, experiment)
    html, pdf, markdown = (rendered(store, experiment, form) for form in ("html", "pdf", "md"))
    evidence = report.sections[3].tables[0].rows
    assert len(evidence) == 3
    told = [report.headline, "+ Speculative decoding", "Noise floor", *(row[2] for row in evidence)]
    for phrase in told:
        assert phrase in html.decode().replace("&#39;", "'")
        assert " ".join(phrase.split()) in text_of(pdf)
        assert escaped(phrase) in markdown.decode()
    assert [section.title for section in report.sections] == [
        "The ladder", "Cost, step by step", "Latency, tokens and quality", "Did each technique take effect?",
        "Read with care", "Configuration",
    ]  # fmt: skip


def test_json_is_the_documented_document(store: Store, experiment: int) -> None:
    document = json.loads(rendered(store, experiment, "json"))
    assert document["schema"] == "rung.experiment/1"
    assert document["experiment_id"] == experiment


def test_it_says_how_to_measure_it_again(store: Store, experiment: int) -> None:
    (line,) = load_report(store, experiment).repeat
    assert line.startswith("python -m app ladder --model starter --prompts support-desk --limit 12 --techniques ")
    assert "prefix_caching,continuous_batching,speculative_decoding" in line
    assert line.endswith("--repeats 2 --concurrency 4")


def test_another_kind_and_another_setting_are_part_of_it(store: Store) -> None:
    save_starter_sets(store)
    number = factory.finished(store, kind="leave_one_out", keys=("prefix_caching", "continuous_batching"))
    report = load_report(store, number)
    assert "--kind leave-one-out" in report.repeat[0]
    (part,) = [section for section in report.sections if section.title == "Everything without each technique"]
    assert [bar.label for bar in part.charts[0].bars] == [
        "Without prefix caching", "Without continuous batching",
    ]  # fmt: skip
    assert b"%PDF" in rendered(store, number, "pdf")[:8]


@pytest.mark.parametrize(
    ("texts", "words", "prompts"), [("full", True, 12), ("redacted", False, 12), ("none", False, 0)]
)
def test_prompts_and_answers_can_be_left_out(
    store: Store, experiment: int, texts: str, words: bool, prompts: int
) -> None:
    report = load_report(store, experiment, texts)  # type: ignore[arg-type]
    assert len(report.asked) == prompts
    html = rendered(store, experiment, "html", texts).decode()  # type: ignore[arg-type]
    assert ("Question:" in html) is words
    assert html.count('class="asked"') == prompts


def test_no_folder_is_told(store: Store, experiment: int) -> None:
    run = store.runs.of_experiment(experiment)[0]
    store.runs.start(run.id, (run.manifest or {}) | {"engine": {"argv": ["--model", "/home/someone/models/m"]}})
    store.runs.finish(run.id, "done")
    for form in ("html", "md"):
        said = rendered(store, experiment, form).decode()
        assert "someone" not in said
        assert "--model m" in said


def hostile(store: Store, experiment: int) -> Report:
    answers = (Answer("Baseline", HOSTILE, True, None, 1.0), Answer(HOSTILE, HOSTILE, False, False, None, HOSTILE))
    report = load_report(store, experiment)
    return replace(report, title=HOSTILE, headline=HOSTILE, asked=(Asked(HOSTILE, HOSTILE, HOSTILE, answers),))


def test_what_prompts_and_models_say_is_only_shown(store: Store, experiment: int) -> None:
    report = hostile(store, experiment)
    html = to_html(report)
    assert "alert(1)</script>" not in html
    assert "{{ 7*7 }}" in html
    scripts = re.findall(r"<script\b([^>]*)>", html)
    assert len(scripts) == len([s for s in scripts if "type=" in s]) + 1
    markdown = to_markdown(report)
    (row,) = [line for line in markdown.splitlines() if line.startswith("| \\</script")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert to_pdf(report)[:5] == b"%PDF-"


def test_nothing_in_the_page_is_fetched(store: Store, experiment: int) -> None:
    html = rendered(store, experiment, "html").decode()
    assert "default-src 'none'" in html
    shell = re.sub(r'<script type="application/octet-stream".*?</script>', "", html, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", shell)
    assert len(html.encode()) < 3_000_000


def test_an_experiment_that_has_not_begun_has_a_report(store: Store) -> None:
    save_starter_sets(store)
    number = factory.queued(store)
    for form in ("html", "pdf", "md", "json"):
        assert rendered(store, number, form)
    assert "Nothing has been measured yet." in load_report(store, number).basis


def test_wide_tables_are_parted_with_their_first_column() -> None:
    titles = tuple(f"c{at}" for at in range(20))
    parts = parted(Table("t", titles, (titles,), frozenset({1, 19})))
    assert [part.titles[0] for part in parts] == ["c0", "c0"]
    assert sum(len(part.titles) - 1 for part in parts) == 19
    assert [sorted(part.right) for part in parts] == [[1], [len(parts[1].titles) - 1]]


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "r.md", b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["r.md"]
    with pytest.raises(InputError, match=r"cannot be written"):
        write_whole(tmp_path / "none" / "r.md", b"one")


def test_an_unknown_form_is_refused(store: Store, experiment: int) -> None:
    with pytest.raises(InputError, match="no report of the form 'doc'"):
        rendered(store, experiment, "doc")
