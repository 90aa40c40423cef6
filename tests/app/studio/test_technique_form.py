"""The generated form: a widget for each kind of setting, what is idle left out, what is chosen handed on."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from optimizers.registry import techniques


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


def test_choices_are_handed_on() -> None:
    found = run("speculative_decoding", method="draft_model", draft_model="small")
    next(box for box in found.selectbox if box.label == "Draft model").select("other")
    next(box for box in found.number_input if box.label == "Num speculative tokens").set_value(7)
    found.run()
    assert found.session_state["checked"]["draft_model"] == "other"
    assert found.session_state["checked"]["num_speculative_tokens"] == 7


def test_an_empty_number_is_left_to_the_engine() -> None:
    found = run("continuous_batching")
    box = next(box for box in found.number_input if box.label == "Max num seqs")
    assert box.value is None
    box.set_value(16)
    found.run()
    assert found.session_state["checked"]["max_num_seqs"] == 16
