"""Attaching to an endpoint: how its URL may be written, what it serves, and how its prefix cache is emptied."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from app.engine import endpoint as endpoint_module
from app.engine.endpoint import Endpoint, api_key, attach, is_gone, normalise_url, reset_prefix_cache
from optimizers.errors import InputError
from tests.app.serving import fake_vllm_server, server

TWO_MODELS = (200, {"data": [{"id": "first", "max_model_len": 4096}, {"id": "second"}]})


@pytest.mark.parametrize(
    "url", ["http://host:8000", "http://host:8000/", "http://host:8000/v1", "http://host:8000/v1/", "host:8000/v1"]
)
def test_a_base_url_may_be_written_in_several_ways(url: str) -> None:
    assert normalise_url(url) == "http://host:8000"


def test_paths_and_schemes_are_kept() -> None:
    assert normalise_url("https://host/openai/v1") == "https://host/openai"
    assert normalise_url("http://[::1]:8000") == "http://[::1]:8000"


@pytest.mark.parametrize("url", ["", "http://", "ftp://host", "http://host:port", "http://host:99999", "http://[::1"])
def test_nonsense_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=r"is no URL; give it like http://127.0.0.1:8000"):
        normalise_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://u:secret@host/openai/v1", "secret@host:8000", "http://u:secret@[::1]:8000",
        "http://u:secret@host:99999", "http://u:sec/secret@host",
    ],
)  # fmt: skip
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InputError, match="put the key into RUNG_API_KEY|is no URL") as caught:
        normalise_url(url)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url = normalise_url(text)
    except InputError:
        return
    assert url.startswith(("http://", "https://"))
    assert not url.endswith(("/", "/v1"))


async def attach_to(url: str, model: str | None = None) -> Endpoint:
    async with aiohttp.ClientSession() as session:
        return await attach(session, url, model)


async def test_the_name_is_asked_for_where_none_is_given() -> None:
    async with fake_vllm_server("--model", "/folder", "--served-model-name", "tiny", "--max-model-len", "512") as (
        url,
        _,
    ):
        assert await attach_to(f"{url}/v1/") == Endpoint(url, "tiny", 512)
    async with server({"/v1/models": TWO_MODELS}) as url:
        assert await attach_to(url) == Endpoint(url, "first", 4096)
        assert await attach_to(url, "second") == Endpoint(url, "second", None)


async def test_a_model_that_is_not_served_lists_what_is() -> None:
    async with server({"/v1/models": TWO_MODELS}) as url:
        with pytest.raises(InputError, match="does not serve 'third'; it serves: first, second"):
            await attach_to(url, "third")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_missing_key_is_told_with_its_variable(status: int) -> None:
    async with server({"/v1/models": (status, {})}) as url:
        with pytest.raises(InputError, match="wants a key; put it into RUNG_API_KEY"):
            await attach_to(url)


@pytest.mark.parametrize(
    "answer", [(404, {"detail": "Not Found"}), (200, {"data": []}), (200, [1]), (200, {"data": [5]})]
)
async def test_a_server_that_does_not_say_what_it_serves_needs_a_name(answer: tuple[int, Any]) -> None:
    async with server({"/v1/models": answer}) as url:
        with pytest.raises(InputError, match=r"does not say what it serves .* name the model with --model"):
            await attach_to(url)
        assert await attach_to(url, "mine") == Endpoint(url, "mine", None)


async def test_a_page_in_place_of_json_is_no_endpoint() -> None:
    async with server({"/v1/models": "<html>hello</html>"}) as url:
        with pytest.raises(InputError, match="does not answer"):
            await attach_to(url)


async def test_nobody_there() -> None:
    async with server({}) as url:
        pass
    with pytest.raises(InputError, match=r"does not answer .* check the URL and the server") as caught:
        await attach_to(url)
    assert "\n" not in str(caught.value)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNG_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert api_key() is None
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    assert api_key() == "theirs"
    monkeypatch.setenv("RUNG_API_KEY", "ours")
    assert api_key() == "ours"


class TestReset:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(endpoint_module, "RESET_ATTEMPTS", 4)

    async def reset(self, url: str) -> bool:
        async with aiohttp.ClientSession() as session:
            return await reset_prefix_cache(session, url)

    async def test_vllm_empties_its_cache(self) -> None:
        async with fake_vllm_server() as (url, engine):
            engine.cache.store([f"w{at}" for at in range(33)], "")
            assert await self.reset(url)
            assert engine.cache.hit_tokens([f"w{at}" for at in range(33)], "") == 0

    async def test_a_busy_engine_is_asked_again(self) -> None:
        asked: list[str] = []

        async def busy_twice(request: web.Request) -> web.Response:
            asked.append(request.method)
            return web.Response(text=json.dumps({"success": len(asked) > 2}), content_type="application/json")

        async with server({"/reset_prefix_cache": busy_twice}) as url:
            assert await self.reset(url)
        assert asked == ["POST"] * 3

    async def test_an_engine_that_stays_busy_is_not_cold(self) -> None:
        async with server({"/reset_prefix_cache": (200, {"success": False})}) as url:
            assert not await self.reset(url)

    async def test_older_engines_answer_without_a_body(self) -> None:
        async with server({"/reset_prefix_cache": ""}) as url:
            assert await self.reset(url)

    @pytest.mark.parametrize("status", [401, 403, 404, 405])
    async def test_a_server_without_the_door_is_asked_once(self, status: int) -> None:
        async with server({"/reset_prefix_cache": [(status, {}), (200, {"success": True})]}) as url:
            assert not await self.reset(url)


class TestGone:
    async def ask(self, url: str) -> str | None:
        async with aiohttp.ClientSession() as session:
            return await is_gone(session, url)

    @pytest.mark.parametrize(
        "paths",
        [
            {"/health": (200, {})},
            {"/health": (404, {})},
            {"/health": (500, {}), "/v1/models": TWO_MODELS},
            {"/v1/models": (401, {})},
        ],
    )
    async def test_whoever_answers_is_there(self, paths: dict[str, Any]) -> None:
        async with server(paths) as url:
            assert await self.ask(url) is None

    async def test_an_engine_that_reports_itself_dead_is_gone(self) -> None:
        async with server({"/health": (503, {}), "/v1/models": TWO_MODELS}) as url:
            assert await self.ask(url) == "the engine reports that it is dead (/health: HTTP 503)"

    async def test_a_server_with_errors_for_everything_is_gone(self) -> None:
        async with server({"/health": (500, {}), "/v1/models": (502, {})}) as url:
            assert await self.ask(url) == f"the endpoint {url} answers HTTP 502 to everything"

    async def test_nobody_there_is_gone(self) -> None:
        async with server({}) as url:
            pass
        assert "stopped answering" in str(await self.ask(url))
