"""Reports of stored experiments: every form tells the same, nothing in it can act, and a file is whole or not there."""

from __future__ import annotations

import argparse
import csv
import json
import re
import shlex
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import delete

from app.analysis.sweep import Slo
from app.commands.common import add_engine_options, engine_options
from app.engine.plan import EngineOptions
from app.experiment.comparing import find_pairings
from app.experiment.measure import RECORD_FIELDS, load_records
from app.experiment.results import load_ladder, prompts_of
from app.experiment.spec import ExperimentSpec, ladder_rungs
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set, save_starter_sets
from app.reports.html import to_html
from app.reports.markdown import escaped, to_markdown
from app.reports.pdf import parted, to_pdf
from app.reports.repeating import ladder_command
from app.reports.report import Answer, Asked, Report, Table, Texts
from app.reports.reporting import load_comparison, load_report, rendered, rendered_comparison
from app.reports.spreadsheet import prompts_csv, to_csv
from app.whole_file import write_whole
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from store.store import Store
from store.tables import RequestRow
from tests.pages import factory

HOSTILE = "</script><script>alert(1)</script> | `x` =1+1 {{ 7*7 }} Ж 漢 \U0001f600 &amp; \u2028"


@pytest.fixture
def experiment(store: Store) -> int:
    save_starter_sets(store)
    return factory.finished(store)


def find_prompts_of(store: Store, experiment: int) -> tuple[Prompt, ...]:
    asked = prompts_of(store, experiment)
    assert asked is not None
    return asked.prompts


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


@pytest.mark.parametrize("compared", [False, True])
def test_programs_get_paths_and_addresses_in_prompts_as_they_are(store: Store, compared: bool) -> None:
    text = "Is /usr/local/bin/tool or https://ann@host/x meant?"
    prompts = tuple(Prompt(f"p{at}", text=f"{text} {at}", expected="no") for at in range(12))
    save_prompt_set(store, PromptSet("paths", prompts), "paths.jsonl")
    number = factory.finished(store, prompt_set="paths")
    made = (
        rendered_comparison(store, *find_pairings(store, [f"{number}.0", f"{number}.2"]), "json")
        if compared
        else rendered(store, number, "json")
    )
    assert [each["question"] for each in json.loads(made)["prompts"]] == [prompt.text for prompt in prompts]


@pytest.mark.parametrize("compared", [False, True])
def test_programs_and_spreadsheets_get_prompts_and_answers_as_asked_for(
    store: Store, experiment: int, compared: bool
) -> None:
    def made(form: str, texts: Texts) -> bytes:
        keys = [f"{experiment}.{rung}" for rung in range(5)]
        if not compared:
            return rendered(store, experiment, form, texts)
        return rendered_comparison(store, *find_pairings(store, keys), form, texts)

    asked = find_prompts_of(store, experiment)
    full, redacted, none = (json.loads(made("json", texts))["prompts"] for texts in ("full", "redacted", "none"))
    assert [each["question"] for each in full] == [prompt.rendered_messages()[-1]["content"] for prompt in asked]
    assert [each["expected"] for each in full] == [prompt.expected for prompt in asked]
    assert all(len(each["answers"]) == 5 and each["answers"][0]["text"] for each in full)
    assert [each["id"] for each in redacted] == [prompt.id for prompt in asked]
    words = {(each["question"], each["expected"], answer["text"]) for each in redacted for answer in each["answers"]}
    assert words == {(None, None, None)}
    assert none == []

    rows = rows_of(made("prompts.csv", "full"))
    assert len(rows) == 5 * len(asked)
    assert [row["prompt"] for row in rows[::5]] == [prompt.id for prompt in asked]
    assert [row["answer"] for row in rows[::5]] == [each["answers"][0]["text"] for each in full]
    assert [float(row["e2e (ms)"]) for row in rows[::5]] == [each["answers"][0]["ms"] for each in full]
    assert {(row["question"], row["answer"]) for row in rows_of(made("prompts.csv", "redacted"))} == {("", "")}
    assert {row["right"] for row in rows_of(made("prompts.csv", "redacted"))} <= {"0", "1"}
    with pytest.raises(InputError, match="give --texts full or redacted"):
        made("prompts.csv", "none")


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_no_prompt_and_no_answer_can_act_in_a_spreadsheet(lead: str) -> None:
    text = f"{lead}HYPERLINK(1)"
    answers = (Answer("Baseline", text, True, None, -1.5, text), Answer(text, text, False, False, None))
    rows = rows_of(prompts_csv([Asked(text, text, text, answers)]).encode())
    cells = [rows[0][name] for name in ("prompt", "question", "expected", "answer", "error")] + [rows[1]["recipe"]]
    assert cells == ["'" + text] * 6
    assert (rows[0]["e2e (ms)"], rows[0]["right"], rows[0]["same as the baseline"]) == ("-1.5", "1", "")


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


def test_a_long_label_of_a_bar_is_broken_and_stays_on_the_page(store: Store, experiment: int) -> None:
    report = load_report(store, experiment)
    label = " + ".join(f"technique{number} that is long" for number in range(5))
    section = next(section for section in report.sections if section.charts)
    bars = (replace(section.charts[0].bars[0], label=label),)
    chart = replace(section.charts[0], bars=bars)
    pages = PdfReader(BytesIO(to_pdf(replace(report, sections=(replace(section, charts=(chart,), tables=()),))))).pages
    words: list[tuple[str, float]] = []
    for page in pages:
        page.extract_text(visitor_text=lambda text, _, at, *more: words.append((text.strip(), at[4])))
    drawn = [(text, x) for text, x in words if text and not text.isdigit() and text in label]
    assert " ".join(text for text, _ in drawn) == label
    assert len(drawn) > 1
    assert min(x for _, x in drawn) > 16 / 25.4 * 72 - 1


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


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode(), newline="")))


def test_csv_has_a_row_for_each_rung_with_all_that_it_rests_on(store: Store, experiment: int) -> None:
    rows = rows_of(rendered(store, experiment, "csv"))
    ladder = load_ladder(store, experiment)
    assert [row["label"] for row in rows] == [
        "Baseline", "Baseline again", "'+ Prefix caching", "'+ Continuous batching", "'+ Speculative decoding",
    ]  # fmt: skip
    climbed, found = rows[2], ladder.rungs[2]
    assert float(climbed["relative_cost (x)"]) == found.cost
    assert found.cost_interval is not None
    assert float(climbed["relative_cost low"]) == found.cost_interval.low
    assert climbed["evidence"].startswith("prefix_caching: took effect, ")
    assert climbed["Hardware"].startswith(factory.MACHINE)
    assert climbed["repeat"].startswith("python -m app ladder --model starter")
    assert float(climbed["ttft_ms p95 (ms)"]) == found.metrics["ttft_ms"]["p95"]
    assert rows[0]["against"] == ""


def test_a_cell_that_a_spreadsheet_would_run_is_defused(store: Store, experiment: int) -> None:
    report = load_report(store, experiment)
    taken = replace(report, figures=({"label": "=1+1", "=name": "@x", "value": -1.5, "none": None},))
    assert to_csv(taken) == "label,'=name,value,none\r\n'=1+1,'@x,-1.5,\r\n"


@pytest.fixture
def compared(store: Store, experiment: int) -> list[str]:
    return [f"{experiment}.{rung}" for rung in (0, 2, 3)]


def test_every_form_of_a_comparison_tells_the_same(store: Store, compared: list[str]) -> None:
    report = load_comparison(store, *find_pairings(store, compared))
    sides = find_pairings(store, compared)
    forms = {form: rendered_comparison(store, *sides, form) for form in ("html", "pdf", "md")}
    assert "+ Prefix caching: better; 0." in report.headline
    evidence = next(each for each in report.sections if each.title.startswith("Did each")).tables[0].rows
    assert [row[1] for row in evidence] == ["Prefix caching", "Prefix caching", "Continuous batching"]
    for phrase in (report.headline, *(row[3] for row in evidence), report.sections[2].sentences[-1]):
        assert phrase in forms["html"].decode().replace("&#39;", "'")
        assert " ".join(phrase.split()) in text_of(forms["pdf"])
        assert escaped(phrase) in forms["md"].decode()
    assert [section.title for section in report.sections] == [
        "Metric by metric", "What else was measured", "What it costs, and what it gives up", "Distributions",
        "Did each technique take effect?", "Read with care", "What differs", "The baseline's configuration",
    ]  # fmt: skip


def test_a_comparison_reads_the_prompts_of_its_sides_once(
    store: Store, compared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = store.prompt_sets.bodies

    def counted(prompt_set_id: int) -> object:
        reads.append(prompt_set_id)
        return read(prompt_set_id)

    monkeypatch.setattr(store.prompt_sets, "bodies", counted)
    report = load_comparison(store, *find_pairings(store, compared))
    assert len(compared) > 1
    assert len(reads) == 1
    assert report.asked


def test_a_comparison_says_how_to_measure_and_compare_it_again(store: Store, compared: list[str]) -> None:
    measure, compare = load_comparison(store, *find_pairings(store, compared)).repeat
    assert measure.startswith("python -m app ladder --model starter --prompts support-desk")
    assert compare == f"python -m app compare {' '.join(compared)}"


def test_a_comparison_as_csv_and_json(store: Store, compared: list[str]) -> None:
    rows = rows_of(rendered_comparison(store, *find_pairings(store, compared), "csv"))
    assert [row["run"] for row in rows] == compared
    assert [row["verdict"] for row in rows] == ["baseline", "better", "better"]
    document = json.loads(rendered_comparison(store, *find_pairings(store, compared), "json"))
    assert document["schema"] == "rung.compare/1"
    assert (document["baseline"], [each["run"] for each in document["candidates"]]) == (compared[0], compared[1:])
    assert [side["label"] for side in document["sides"]] == ["Baseline", "+ Prefix caching", "+ Continuous batching"]
    assert document["sides"][1]["manifest"]["hardware"]["title"] == factory.MACHINE
    assert len(document["candidates"][0]["prompts"]) == 12
    cost = document["candidates"][0]["metrics"]["relative_cost"]
    assert 1 + cost["delta"] == pytest.approx(float(rows[1]["relative_cost (x)"]))
    assert "/home/someone" not in json.dumps(document)


def test_what_happened_in_a_later_repeat_counts_and_the_worst_comes_first(store: Store, compared: list[str]) -> None:
    experiment, rung = (int(part) for part in compared[1].split("."))
    second = [run for run in store.runs.of_experiment(experiment) if run.rung == rung][1]
    rows = [{name: getattr(r, name) for name in RECORD_FIELDS} for _, r in load_records(store, second.id)]
    rows[7] |= {"error": "HTTP 500", "text": ""}
    rows[9]["text"] = "nobody knows"
    with store.runs._session.begin() as session:
        session.execute(delete(RequestRow).where(RequestRow.run_id == second.id))
    store.runs.save_requests(second.id, 0, rows)
    asked = load_comparison(store, *find_pairings(store, compared)).asked
    positions = [int(each.id.rpartition("-")[2]) - 1 for each in asked]
    assert positions[0] == 9
    assert sorted(positions) == list(range(12))
    assert [at for at, each in zip(positions, asked, strict=True) if each.regressed] == [9]
    assert [at for at, each in zip(positions, asked, strict=True) if each.failed] == [7]
    document = json.loads(rendered_comparison(store, *find_pairings(store, compared), "json"))
    assert document["prompts"][9]["over_repeats"] == {"regressed": True, "failed": False}


@pytest.mark.parametrize(
    ("texts", "words", "prompts"), [("full", True, 12), ("redacted", False, 12), ("none", False, 0)]
)
def test_a_comparison_can_leave_texts_out(
    store: Store, compared: list[str], texts: Texts, words: bool, prompts: int
) -> None:
    html = rendered_comparison(store, *find_pairings(store, compared), "html", texts).decode()
    assert ("Question:" in html) is words
    assert html.count('class="asked"') == prompts
    assert len(html.encode()) < 3_000_000


def test_runs_that_cannot_be_compared_have_a_report_that_says_so(store: Store, experiment: int) -> None:
    other = factory.finished(store, prompts=16)
    report = load_comparison(store, *find_pairings(store, [f"{experiment}.0", f"{other}.0"]))
    assert report.sections[0].title == "Not comparable"
    assert rows_of(to_csv(report).encode())[1]["verdict"] == "not comparable"
    assert to_pdf(report)[:5] == b"%PDF-"


@pytest.fixture
def swept(store: Store) -> int:
    save_starter_sets(store)
    return factory.swept(store)


def test_every_form_of_a_sweep_tells_its_loads(store: Store, swept: int) -> None:
    slo = Slo({"ttft_ms": 100_000.0})
    report = load_report(store, swept, slo=slo)
    assert "every load is within the SLO" in report.headline
    for form in ("html", "md", "pdf"):
        made = rendered(store, swept, form, slo=slo)
        text = text_of(made) if form == "pdf" else made.decode()
        for phrase in ("2 in flight", "Goodput", "python -m app sweep"):
            assert phrase in text or escaped(phrase) in text
    rows = rows_of(rendered(store, swept, "csv", slo=slo))
    assert [float(row["offered (in flight)"]) for row in rows] == [1, 2, 4]
    assert float(rows[0]["ttft_ms p50 low"]) <= float(rows[0]["ttft_ms p50 (ms)"])
    document = json.loads(rendered(store, swept, "json", slo=slo))
    assert document["schema"] == "rung.sweep/1"
    assert document["manifest"]["hardware"]["title"] == factory.MACHINE
    assert document["repeat"] == list(report.repeat)
    assert report.repeat[0] == (
        "python -m app sweep --model starter --prompts support-desk --limit 12 --techniques prefix_caching "
        "--concurrencies 1,2,4 --slo ttft_ms=100000 --repeats 2"
    )


def test_a_sweep_that_has_not_begun_has_a_report(store: Store) -> None:
    save_starter_sets(store)
    number = factory.swept(store, measured=False)
    for form in ("html", "pdf", "md", "csv", "json"):
        assert rendered(store, number, form) is not None


def test_the_command_that_repeats_asks_for_the_same_engine() -> None:
    engine = EngineOptions(512, 0.5, "bfloat16", True, ("--seed", "7"))
    spec = ExperimentSpec("ladder", 1, ladder_rungs(["prefix_caching"]), "starter", engine=engine).to_json()
    line = ladder_command(spec, "ladder", "support-desk")
    assert line is not None
    parser = argparse.ArgumentParser()
    add_engine_options(parser)
    assert engine_options(parser.parse_known_args(shlex.split(line))[0]) == engine
