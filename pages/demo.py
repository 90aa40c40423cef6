"""Demo: a walk through one experiment in large type, for a wall or a shared link. Nothing here changes anything."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any

import streamlit as st

from app.experiment.results import first_manifest, prompts_of, rung_data
from app.studio import demo, large, parts
from app.studio.demo_link import LATEST, PACE_S, Link, read_link, shown
from app.studio.demo_view import show_slide
from app.studio.session import ladder_of, ladder_version, open_studio
from app.studio.watching import LOOK_S, stand_still
from app.views.ladder_view import best_rung, top_rung
from app.views.wording import choice_of, plain, recorded_badge, without_folders
from store.tables import ExperimentRow

TURN_AT, SHOWN = "demo_turn_at", "demo_shown"
store, _ = open_studio()


def here() -> Link:
    return read_link(st.query_params.to_dict())


def go(link: Link) -> None:
    """Makes that the page's link; the next slide comes a whole turn later."""
    st.query_params.from_dict(link.query())
    st.session_state[TURN_AT] = monotonic() + (link.play_s or 0)


def leap(link: Link) -> None:
    """As `go`, and draws the whole page anew, its menu and its timer as well."""
    go(link)
    st.rerun()


def found(link: Link, fit: list[ExperimentRow]) -> ExperimentRow | None:
    if link.experiment is None:
        return fit[0] if fit else None
    # One that is named may be older than those that are listed.
    row = store.experiments.find(link.experiment)
    return next(iter(shown([row] if row is not None else [])), None)


@st.cache_data(show_spinner=False, max_entries=16)
def prompt_of(url: str, experiment_id: int, version: str, best: int) -> demo.OnePrompt | None:
    """Cached, for it reads all requests of two rungs; `version` changes whenever a run's state does."""
    asked = prompts_of(store, experiment_id)
    if asked is None:
        return None
    runs = [run for run in store.runs.of_experiment(experiment_id) if run.status == "done"]
    sides = [[run for run in runs if run.rung == rung] for rung in (0, best)]
    if not all(sides):
        return None
    return demo.one_prompt(
        asked,
        [
            (
                side[0].label.removeprefix("+ "),
                (side[0].manifest or {}).get("schedule", ""),
                rung_data(store, side, asked),
            )
            for side in sides
        ],
    )


def show_running(waiting: list[ExperimentRow]) -> None:
    """What is measured now, above what was measured; the page is drawn anew when that ends or something new begins."""
    stand_still()
    ids = [row.id for row in waiting]

    @st.fragment(run_every=LOOK_S)
    def watch() -> None:
        live = parts.running_now(store, ids)
        st.markdown(f"**Measuring now:** {plain(live.title)} · {plain(live.phase or 'waiting for its turn')}")
        parts.progress_bar(live)

    watch()


def show_empty(link: Link, waiting: list[ExperimentRow]) -> None:
    if waiting:
        st.html(large.heading("The first measurement is running"))
        st.html(large.line("Its slides come by themselves when it has finished."))
        return
    parts.page_title("Demo", "A walk through one experiment in large type, for a wall or a shared link.")
    if link.experiment is None:
        st.info("Nothing has been measured yet that could be shown.", icon=":material/info:")
    else:
        st.error(
            f"Experiment {link.experiment} cannot be shown: it is not there, has not finished, or has no rungs.",
            icon=":material/error:",
        )
        link_button("Show the latest one", "slideshow", Link())
    st.page_link("../pages/home.py", label="Open Home", icon=":material/home:")


def link_button(label: str, icon: str, link: Link) -> None:
    """A button and no page link: of a link to the page itself the browser keeps what the address had before."""
    st.button(label, icon=f":material/{icon}:", type="tertiary", on_click=leap, args=(link,), key=f"demo_{icon}")


def show_controls(
    link: Link, step: int, deck: tuple[demo.Slide, ...], experiment: ExperimentRow, fit: list[ExperimentRow]
) -> None:
    last = len(deck)
    turns = {"back": replace(link, step=(step - 2) % last + 1), "next": replace(link, step=step % last + 1)}
    with st.container(horizontal=True, vertical_alignment="center"):
        name = f"{plain(without_folders(experiment.title))} {recorded_badge(experiment)}"
        st.markdown(name, width="stretch")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.button(
                "Back", icon=":material/arrow_back:", shortcut="Left", on_click=go, args=(turns["back"],),
                key="demo_back",
            )  # fmt: skip
            st.markdown(f"{step} of {last}", width="content")
            st.button(
                "Next", icon=":material/arrow_forward:", shortcut="Right", on_click=go, args=(turns["next"],),
                key="demo_next",
            )  # fmt: skip
            playing = link.play_s is not None
            play = replace(link, step=step, play_s=None if playing else PACE_S)
            st.button(
                "Pause" if playing else "Play", icon=f":material/{'pause' if playing else 'play_arrow'}:",
                on_click=leap, args=(play,), key="demo_play",
            )  # fmt: skip
            if link.kiosk:
                link_button("Show menu", "menu", replace(link, kiosk=False, step=step, play_s=None))
            else:
                show_choice(link, step, experiment, fit)


def show_choice(link: Link, step: int, experiment: ExperimentRow, fit: list[ExperimentRow]) -> None:
    with st.popover("Show", icon=":material/tune:"):
        options: dict[str, Any] = {LATEST: "The latest, whatever it is"}
        options |= {str(row.id): choice_of(row) for row in fit}
        chosen = LATEST if link.experiment is None else str(link.experiment)
        picked = st.selectbox("Experiment", list(options), list(options).index(chosen), options.__getitem__)
        if picked != chosen:
            go(Link(None if picked == LATEST else int(picked), play_s=link.play_s, texts=link.texts))
            st.rerun()
        if link.texts:
            link_button("Without prompts and answers", "visibility_off", replace(link, step=1, texts=False))
        else:
            link_button("With a prompt and its answers", "visibility", replace(link, step=1, texts=True))
        link_button("This slide as a link", "link", Link(experiment.id, step, texts=link.texts))
        link_button("Endless, for a wall", "tv", Link(None, play_s=PACE_S, kiosk=True, texts=link.texts))
        st.caption(
            "On a wall the menu is gone, slides turn by themselves, and a newly finished experiment takes over. Who "
            "may change things still may: for strangers start the studio with --read-only."
        )


def turned(link: Link, experiment: ExperimentRow, last: int) -> int:
    """The slide that is due, from 1: the next one when its time has come, the first one of another experiment."""
    state, now = st.session_state, monotonic()
    step = link.step if link.step <= last else 1
    if state.get(SHOWN, experiment.id) != experiment.id:
        step = 1
    elif link.play_s is not None and now > state.get(TURN_AT, now + link.play_s) - link.play_s / 2:
        step = step % last + 1
    elif TURN_AT in state:
        return step
    state[SHOWN], state[TURN_AT] = experiment.id, now + (link.play_s or 0)
    if step != link.step:
        st.query_params.from_dict(replace(link, step=step).query())
    return step


waiting = store.experiments.unfinished()
if waiting:
    show_running(waiting)


@st.fragment(run_every=here().play_s)
def walk() -> None:
    link = here()
    if not waiting and link.play_s is not None and store.experiments.unfinished():
        st.rerun()
    fit = shown(store.experiments.recent())
    experiment = found(link, fit)
    if experiment is not None and experiment.id not in {row.id for row in fit}:
        fit.append(experiment)
    if link.problem:
        parts.link_problem(f"The link could not be read whole: {link.problem}.")
    if experiment is None:
        show_empty(link, waiting)
        return
    version = ladder_version(store, experiment.id)
    ladder = ladder_of(store, store.url, experiment.id, version)
    best = best_rung(ladder) or top_rung(ladder)
    prompt = None if best is None or not link.texts else prompt_of(store.url, experiment.id, version, best.rung)
    deck = demo.slides(ladder, prompt is not None)
    step = turned(link, experiment, len(deck))
    show_controls(replace(link, step=step), step, deck, experiment, fit)
    manifest = first_manifest(store.runs.of_experiment(experiment.id))
    show_slide(deck[step - 1], ladder, prompt, manifest, experiment.spec)


walk()
