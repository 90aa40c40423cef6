"""The generated form: a widget for each kind of setting, what is idle left out, what is chosen handed on."""

from __future__ import annotations

from collections.abc import Mapping

from streamlit.testing.v1 import AppTest

from optimizers.registry import techniques
from optimizers.technique import Evidence, Observation, Setting, Technique, Value


class Stranger(Technique):
    """One setting of each plain kind."""

    key = "stranger"
    title = "A stranger"
    attacks = "recomputation"
    summary = claim = off_means = "Comes from another package."
    settings = (
        Setting("size", "int", 3, "How many.", 1, 9, unit="pages"),
        Setting("share", "float", 0.5, "How much.", 0, 1),
        Setting("loud", "bool", True, "Whether."),
        Setting("word", "text", "hello", "What."),
    )

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        return Evidence(self.key, None, "")


def page(key: str, values: dict[str, object]) -> None:
    import streamlit as st

    from app.studio.technique_form import technique_form
    from optimizers.registry import techniques

    technique = techniques().get(key)
    chosen = technique_form(technique, values, ["small", "other"], "form")
    st.session_state["checked"] = technique.check(chosen)


def run(key: str, **values: object) -> AppTest:
    found = AppTest.from_function(page, kwargs={"key": key, "values": values}).run(timeout=30)
    assert not found.exception
    return found


def test_untouched_it_gives_the_defaults_of_every_technique() -> None:
    for technique in techniques().all():
        needs = [setting.name for setting in technique.settings if setting.kind == "model" and not setting.only_with]
        found = run(technique.key, **dict.fromkeys(needs, "small"))
        assert found.session_state["checked"] == technique.check(dict.fromkeys(needs, "small"))


def test_what_is_idle_beside_the_others_has_no_widget() -> None:
    found = run("speculative_decoding")
    labels = [box.label for box in (*found.selectbox, *found.number_input)]
    assert "Prompt lookup min (tokens)" in labels
    assert "Draft model" not in labels
    found = run("speculative_decoding", method="draft_model", draft_model="small")
    labels = [box.label for box in (*found.selectbox, *found.number_input)]
    assert "Prompt lookup min (tokens)" not in labels
    assert "Draft model" in labels


def test_a_strangers_settings_get_widgets_too() -> None:
    techniques.cache_clear()
    techniques().register(Stranger)
    try:
        found = run("stranger")
        assert found.session_state["checked"] == {"size": 3, "share": 0.5, "loud": True, "word": "hello"}
        labels = {box.label for box in (*found.number_input, *found.toggle, *found.text_input)}
        assert labels == {"Size (pages)", "Share", "Loud", "Word"}
        next(box for box in found.number_input if box.label == "Share").set_value(0.25)
        found.run()
        assert found.session_state["checked"]["share"] == 0.25
    finally:
        techniques.cache_clear()


def test_choices_are_handed_on() -> None:
    found = run("speculative_decoding", method="draft_model", draft_model="small")
    next(box for box in found.selectbox if box.label == "Draft model").select("other")
    next(box for box in found.number_input if box.label == "Number of speculative tokens").set_value(7)
    found.run()
    assert found.session_state["checked"]["draft_model"] == "other"
    assert found.session_state["checked"]["num_speculative_tokens"] == 7


def test_an_empty_number_is_left_to_the_engine() -> None:
    found = run("continuous_batching")
    box = next(box for box in found.number_input if box.label == "Max number of sequences")
    assert box.value is None
    box.set_value(16)
    found.run()
    assert found.session_state["checked"]["max_num_seqs"] == 16
