"""The studio's entry: page configuration and navigation, nothing else. Started by `python -m app studio`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.studio.access import admit

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "pages"

LOGO = str(ROOT / "app" / "studio" / "logo.svg")

# A Material icon here would make every browser fetch the tab's icon from a host outside.
st.set_page_config(page_title="Rung", page_icon=LOGO, layout="wide")
st.logo(LOGO, size="medium")
somebody = admit()
st.navigation(
    [
        st.Page(
            PAGES / "home.py", title="Home", icon=":material/home:", default=True,
            help="What is running, the latest ladder, and the starter ladder.",
        ),
        st.Page(
            PAGES / "lab.py", title="Lab", icon=":material/experiment:", url_path="lab",
            help="Techniques to turn on, set and preview; what would run; and the button that measures it.",
        ),
        st.Page(
            PAGES / "live.py", title="Live", icon=":material/monitoring:", url_path="live",
            help="What runs now: progress, throughput, queue, KV cache, power and cost.",
        ),
        st.Page(
            PAGES / "ladder.py", title="Ladder", icon=":material/stairs:", url_path="ladder",
            help="What each technique is worth, with the proof that it took effect.",
        ),
        st.Page(
            PAGES / "compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare",
            help="A baseline and its candidates, metric by metric and prompt by prompt.",
        ),
        st.Page(
            PAGES / "what_if.py", title="What-if", icon=":material/query_stats:", url_path="what-if",
            help="Replicas and dollars a month for your traffic, estimated from measured load curves.",
        ),
        st.Page(
            PAGES / "reports.py", title="Reports", icon=":material/description:", url_path="reports",
            help="An experiment or compared runs as HTML, PDF, Markdown, CSV or JSON.",
        ),
        st.Page(
            PAGES / "prompts.py", title="Prompts", icon=":material/chat:", url_path="prompts",
            help="Saved prompt sets: look into them, import and export.",
        ),
        st.Page(
            PAGES / "models.py", title="Models", icon=":material/memory:", url_path="models",
            help="This machine, the models on it, and an engine of your own.",
        ),
        st.Page(
            PAGES / "demo.py", title="Demo", icon=":material/slideshow:", url_path="demo",
            help="One experiment in large type, for a wall or a shared link.",
        ),
        *([st.Page(st.logout, title="Log out", icon=":material/logout:", url_path="log-out")] if somebody else []),
    ],
    position="hidden" if st.query_params.get("kiosk") == "1" else "top",
).run()  # fmt: skip
