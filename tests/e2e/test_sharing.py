"""A studio that others can reach: who gets in, what a viewer is shown, and the headers that every answer has."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.studio import open_page, pages_only
from tests.fakes.launch import free_port
from tests.fakes.oidc import CLIENT, SECRET, identity_provider

pytestmark = pytest.mark.browser
START = "Start the starter ladder"


def secrets_for(provider: str, studio_port: int, folder: Path) -> Path:
    file = folder / "secrets.toml"
    file.write_text(
        f"""[auth]
redirect_uri = "http://127.0.0.1:{studio_port}/oauth2callback"
cookie_secret = "any long and random text would do here"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""
    )
    return file


def test_only_who_logs_in_sees_the_studio_and_only_editors_can_change_it(browser: Browser, tmp_path: Path) -> None:
    port, person = free_port(), {"email": "ann@example.org", "email_verified": True}
    with identity_provider(person) as provider:
        secrets = secrets_for(provider, port, tmp_path)
        settings = {"STREAMLIT_SECRETS_FILES": str(secrets), "RUNG_EDITORS": "ann@example.org"}
        with pages_only(tmp_path, port, **settings) as url:
            page = browser.new_context().new_page()
            opened = f"{url}/ladder?experiment=1&note=a%26b+c"
            open_page(page, opened)
            expect(page.get_by_text("open to those who log in")).to_be_visible()
            expect(page.get_by_role("link", name="Home")).to_have_count(0)
            log_in(page)
            assert page.url == opened, "who opened a link lands on it after logging in"
            expect(page.get_by_role("heading", name="Ladder", exact=True)).to_be_visible(timeout=60_000)
            page.get_by_role("link", name="Home").click()
            expect(page.get_by_role("button", name=START)).to_be_visible(timeout=60_000)
            page.get_by_role("link", name="Log out").click()
            expect(page.get_by_text("open to those who log in")).to_be_visible(timeout=60_000)

            person["email"] = "viewer@example.org"
            page = browser.new_context().new_page()
            open_page(page, url)
            log_in(page)
            expect(page.get_by_role("heading", name="Starter ladder")).to_be_visible(timeout=60_000)
            expect(page.get_by_role("button", name=START)).to_have_count(0)


def log_in(page: Page) -> None:
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Home").wait_for(timeout=60_000)


def test_every_answer_has_the_headers_and_other_names_are_refused(tmp_path: Path) -> None:
    with pages_only(tmp_path) as url:
        for path in ("/", "/ladder", "/_stcore/health"):
            with urllib.request.urlopen(url + path) as response:
                assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
                assert "'unsafe-eval'" not in response.headers["content-security-policy"]
                assert response.headers["x-content-type-options"] == "nosniff"
        rebound = urllib.request.Request(url, headers={"Host": "elsewhere.example"})
        with pytest.raises(urllib.error.HTTPError, match="421"):
            urllib.request.urlopen(rebound)
