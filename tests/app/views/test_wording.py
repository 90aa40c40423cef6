"""Words and numbers as people read them."""

from __future__ import annotations

import pytest

from app.views.wording import (
    about,
    count_of,
    duration,
    in_sentence,
    listed,
    literal,
    plain,
    to_hand_on,
    told_apart,
    without_folders,
)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "less than a minute"), (59.9, "less than a minute"), (60, "about 1 min"), (61, "about 2 min")],
)
def test_remaining_time_is_never_more_exact_than_it_can_be(seconds: float, said: str) -> None:
    assert about(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(9.4, "9 s"), (59.6, "1 min 00 s"), (384, "6 min 24 s"), (7260, "2 h 01 min")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_password_in_an_address_is_left_out() -> None:
    told = "https://ann:secret@gateway/v1 and postgresql://u:p@db/rung"
    assert without_folders(told) == "https://gateway/v1 and postgresql://db/rung"
    assert to_hand_on("run --endpoint https://secret@gateway") == "run --endpoint https://gateway"
    assert without_folders("mail ann@example.org") == "mail ann@example.org"
    assert without_folders("https://ann:p@ss@host/v1") == "https://host/v1"


def test_experiments_are_told_apart_only_where_they_differ() -> None:
    alike = {1: "Ladder: starter on unique", 2: "Full factorial: starter on unique"}
    assert told_apart(alike) == {1: "", 2: ""}
    assert told_apart({**alike, 3: "Ladder: /models/mine on unique"}) == {
        1: " · starter on unique", 2: " · starter on unique", 3: " · mine on unique",
    }  # fmt: skip
    assert told_apart({1: "nothing", 2: "else"}) == {1: " · nothing", 2: " · else"}


def test_markdown_of_strangers_is_disarmed() -> None:
    assert plain("[a](b) :red[c] $d$ <e> *f*") == r"\[a\]\(b\) \:red\[c\] \$d\$ \<e\> \*f\*"
    assert plain("plain words, 1 and 2") == r"plain words\, 1 and 2"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--model /home/someone/models/starter --port 1", "--model starter --port 1"),
        ('{"model": "/data/draft"}', '{"model": "draft"}'),
        ("Ladder: /data/models/mine on unique", "Ladder: mine on unique"),
        ("http://127.0.0.1:8000/v1/models", "http://127.0.0.1:8000/v1/models"),
        ("organisation/model", "organisation/model"),
        ("sqlite:////srv/team/rung.db is read-only", "sqlite:rung.db is read-only"),
        ("the folder:/srv/a/b", "the folder:b"),
        ("ratio 3/4 and /v1", "ratio 3/4 and /v1"),
    ],
)
def test_folders_are_left_out_and_urls_are_not(text: str, shown: str) -> None:
    assert without_folders(text) == shown


def test_a_command_to_hand_on_says_where_a_folder_belongs() -> None:
    assert (
        to_hand_on("run --model /home/someone/my-model --prompts unique")
        == "run --model FOLDER/my-model --prompts unique"
    )
    assert to_hand_on("run --endpoint http://a:8000/v1/x") == "run --endpoint http://a:8000/v1/x"


def test_what_figures_show_is_letter_by_letter() -> None:
    assert literal('<a href="x">&{y}</a>') == '&lt;a href="x"&gt;&amp;&#123;y}&lt;/a&gt;'


def test_lists_and_counts() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert count_of(1, "run") == "1 run"
    assert count_of(1200, "run") == "1,200 runs"


def test_abbreviations_keep_their_capitals_in_a_sentence() -> None:
    assert in_sentence("Prefix caching") == "prefix caching"
    assert in_sentence("AWQ weights") == "AWQ weights"
