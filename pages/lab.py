"""Lab: techniques by the cost they attack, what they are measured on, the plan, and the button that queues it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from app.engine.hub import find_model
from app.studio import lab_notes, lab_plan, lab_session, parts
from app.studio.access import may_change, told
from app.studio.lab_form import choose_measured
from app.studio.lab_preview import show_preview
from app.studio.lab_techniques import choose_techniques, tell
from app.studio.model_view import model_places
from app.studio.new_experiment import NewExperiment, There, first_choice, offered, put_together, start
from app.studio.session import attempt, hardware, look_at, open_studio, read_prompts, worker_notice
from app.views.wording import count_of, plain
from optimizers.errors import InputError

CATALOGUE_WIDTH, PLAN_WIDTH, GAP = 820, 410, 30
FORETELL = "Foretell what the prefix cache will serve of the changed prompts"
FORETELL_HELP = (
    "Changes the prompts now, which can take as long as the techniques do; the experiment finds them done. Untick to "
    "stop."
)
store, settings = open_studio()


def queue(new: NewExperiment) -> None:
    """Puts it into the queue and goes where it can be watched."""
    queued: list[int] = []
    if attempt(lambda: queued.append(start(store, new))):
        st.switch_page("../pages/ladder.py", query_params={"experiment": str(queued[0])})


def plan() -> tuple[NewExperiment | None, str]:
    """What is chosen as an experiment, or what is in its way."""
    put = partial(put_together, store, settings, hardware(), choice)
    try:
        new = put()
        if new.can_foretell and may_change() and st.checkbox(FORETELL, key="lab_foretell", help=FORETELL_HELP):
            bar = st.progress(0.0, "Changing the prompts")

            def tell(done: int, total: int) -> None:
                """Whoever unticks the box meanwhile ends the work: Streamlit leaves a script where it draws."""
                bar.progress(min(done / max(total, 1), 1.0), f"{done:,} of {count_of(total, 'prompt')} changed")

            new = put(foretell=tell)
            bar.empty()
    except InputError as error:
        return None, told(str(error))
    return new, ""


parts.page_title(
    "Lab",
    "Choose techniques, set them, see what would run, and measure it. The address of this page holds all of it.",
)
worker_notice(store)
models = [model.name for model in look_at(model_places(store, settings)) if model.checkpoint]
sets = {row.name: row for row in store.prompt_sets.all()}
if not models or not sets:
    st.info("There is no usable model yet: add one on the Models page.", icon=":material/memory:")
    st.page_link("../pages/models.py", label="Go to Models", icon=":material/memory:")
    st.stop()

there = There(models, {name: row.size for name, row in sets.items()})
opened = lab_session.open_link(partial(first_choice, store, settings, hardware(), there), there)
for text in opened.problems:
    parts.link_problem(told(lab_notes.sentence(text)))
with st.container(border=True, width=CATALOGUE_WIDTH + GAP + PLAN_WIDTH):
    choice = choose_measured(opened.base, opened.key, there)
try:
    checkpoint = find_model(store, settings, choice.model)
except InputError as error:
    # The list of models is up to a minute old.
    st.error(plain(told(str(error))), icon=":material/error:")
    st.stop()
surroundings = hardware().surroundings(checkpoint.config)
prompts = read_prompts(store, sets[choice.prompts].id, choice.limit).prompts

with st.container(horizontal=True, gap="medium"):
    left, right = st.container(width=CATALOGUE_WIDTH), st.container(width=PLAN_WIDTH)
with left:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Techniques", anchor=False, width="content")
        turn_on = st.button("All that work here", key="lab_all", type="tertiary", icon=":material/done_all:")
        turn_off = st.button("None", key="lab_none", type="tertiary", icon=":material/remove_done:")
    choice, drawn = choose_techniques(opened.base, choice, opened.key, surroundings, models)
if turn_on:
    offer = offered(store, settings, hardware(), choice.model, choice.prompts)
    lab_session.go_to(replace(choice, techniques=offer.chosen, settings=None))
if turn_off:
    lab_session.go_to(replace(choice, techniques=(), settings=None))
lab_session.remember(choice)

with right:
    with st.container(border=True):
        st.header("Plan", anchor=False)
        sentence, foretell = st.container(), st.container()
        with foretell:
            new, problem = plan()
        with sentence:
            lab_plan.say_plan(new, problem, choice)
            if may_change():
                lab_plan.measure_button(new, queue)
            else:
                st.caption(lab_plan.VIEWER)
        if len(choice.techniques) > 1:
            st.subheader("Order", anchor=False)
            lab_plan.show_order(choice)
        if new is not None:
            lab_plan.show_rungs(new)
            lab_plan.show_notes(lab_notes.of_none(new.cautions))
    with st.container(border=True):
        st.header("Recipe", anchor=False)
        lab_plan.keep_recipes(store, choice, opened.key, may_change())
tell(drawn, lab_notes.standings(choice, surroundings, checkpoint, prompts, problem), lab_notes.by_technique(new))

with st.container(width=CATALOGUE_WIDTH):
    st.header("What one prompt becomes", anchor=False)
    show_preview(store, settings, choice, prompts)
