"""Bad input to any command: exit code 2, one line on stderr that says what and where, nothing queued."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from store.settings import Settings
from store.store import Store
from tests.app.commands.conftest import Rung, check
from tests.building import LLAMA, checkpoint_folder


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "COMMAND"),
        ("fly", "invalid choice: 'fly'"),
        ("ladder --model m", "the following arguments are required: --prompts"),
        ("run --model m --prompts p --concurrency many", "invalid int value: 'many'"),
        ("run --model m --prompts p --concurrency 2 --static-batch 2", "not allowed with argument"),
        ("compare", "the following arguments are required: RUN"),
        ("prompts", "ACTION"),
        ("resume seven", "invalid int value: 'seven'"),
    ],
)
def test_wrong_usage_names_the_commands_help(rung: Rung, line: str, says: str) -> None:
    check(rung(*line.split()), says, "see: python -m app")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--concurrency 0", "the concurrency is 0; give a whole number from 1 to 4096"),
        ("--static-batch 5000", "the concurrency is 5000"),
        ("--rate 0", "the rate is 0.0 requests a second; give more than 0"),
        ("--rate nan", "--rate is nan"),
        ("--as-recorded", "has no recorded time, so it cannot be sent as recorded"),
        ("--as-recorded 0", "the speed is 0.0"),
        ("--repeats 0", "0 repeats were asked for"),
        ("--limit 0", "--limit is 0; give at least 1"),
        ("--max-tokens 0", "--max-tokens is 0; give at least 1"),
        ("--warm-up -1", "--warm-up is -1; give 0 or more"),
        ("--temperature nan", "--temperature is nan; give 0 or more"),
        ("--temperature -1", "--temperature is -1.0"),
        ("--price-per-hour -2", "the price is -2.0 dollars an hour"),
        ("--price-per-hour inf", "the price is inf dollars an hour"),
        ("--idle-timeout 0", "the idle time-out is 0.0 s; give more than 0"),
        ("--kv-cache-gib 1000000", "no memory for the KV cache: 1e+06 GiB asked, the machine has"),
        ("--kv-cache-gib 0.000000001", "no memory for the KV cache: "),
        ("--kv-cache-gib nan", "the KV cache is nan GiB; give a size above 0"),
        ("--max-model-len 4096", "the context length is 4096, but tiny-model was made for 2048 tokens"),
        ("--max-model-len 0", "the context length is 0"),
        ("--dtype nonsense", "argument --dtype: invalid choice: 'nonsense'"),
        ("--engine-arg=--dtype=half", "--engine-arg --dtype=half: Rung gives --dtype to vLLM itself; leave it out"),
    ],
)
def test_numbers_that_cannot_be(rung: Rung, store: Store, model: Path, prompts: Path, options: str, says: str) -> None:
    check(rung("run", "--model", model, "--prompts", prompts, *options.split()), says)
    assert store.experiments.recent() == []


class TestModels:
    def test_none_at_all(self, rung: Rung, prompts: Path) -> None:
        check(rung("ladder", "--prompts", prompts), "neither a model nor an endpoint was given")

    def test_a_path_that_is_not_there(self, rung: Rung, prompts: Path) -> None:
        check(
            rung("ladder", "--model", "/no/such", "--prompts", prompts), "'/no/such': no such folder", "saved: starter"
        )

    def test_a_folder_that_is_no_model(self, rung: Rung, prompts: Path, tmp_path: Path) -> None:
        check(rung("run", "--model", tmp_path, "--prompts", prompts), "it has no config.json", str(tmp_path))

    def test_a_starter_that_a_partial_clone_left_out(self, rung: Rung, prompts: Path) -> None:
        said = rung("ladder", "--model", "starter", "--prompts", prompts)
        check(said, "target is missing; restore it with: git checkout -- starter/models")

    @pytest.mark.parametrize("name", ["starter", "starter-draft"])
    def test_adding_one_under_a_built_in_name(self, rung: Rung, model: Path, name: str) -> None:
        check(rung("models", "add", model, "--name", name), f"the name '{name}' is a built-in model's")

    def test_adding_what_is_no_model(self, rung: Rung, tmp_path: Path) -> None:
        check(rung("models", "add", tmp_path), "no config.json")
        check(rung("models", "add", "/no/such/folder"), "there is no such folder")
        check(rung("models", "add", "~nobody-here/m"), "there is no such folder")

    def test_adding_a_name_twice(self, rung: Rung, tmp_path: Path) -> None:
        first, second = checkpoint_folder(tmp_path / "a"), checkpoint_folder(tmp_path / "b")
        assert rung("models", "add", first, "--name", "mine").code == 0
        check(rung("models", "add", second, "--name", "mine"), "exists at another place")

    def test_an_endpoint_that_is_none(self, rung: Rung, prompts: Path) -> None:
        check(rung("run", "--endpoint", "http://[::1", "--prompts", prompts), "is no URL")
        check(rung("run", "--endpoint", "127.0.0.1:9", "--prompts", prompts), "http://127.0.0.1:9 does not answer")


class TestPrompts:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "is empty"),
            (b'{"prompt": "na\xefve"}\n', "line 1: byte 0xef at column 15 is not UTF-8"),
            (b'{"prompt": "x"}\n{"prompt": "y', "line 2: cut off"),
            (b'{"prompt": "x"}\n{"name": "y"}\n', "line 2: the row has no text"),
            (b'{"id": 1, "prompt": "x"}\n{"id": 1, "prompt": "y"}\n', "the id '1' was used at line 1"),
        ],
    )
    @pytest.mark.parametrize("command", ["import", "run"])
    def test_a_file_that_cannot_be_used(
        self, rung: Rung, store: Store, model: Path, tmp_path: Path, content: bytes, says: str, command: str
    ) -> None:
        path = tmp_path / "bad.jsonl"
        path.write_bytes(content)
        line = ["prompts", "import", path] if command == "import" else ["run", "--model", model, "--prompts", path]
        check(rung(*line), says, "bad.jsonl")
        assert store.prompt_sets.all() == []
        assert store.experiments.recent() == []

    def test_a_set_that_is_not_there(self, rung: Rung, model: Path) -> None:
        said = rung("run", "--model", model, "--prompts", "nothing")
        check(said, "no prompt set or file 'nothing'; saved sets: extraction, few-")
        check(rung("prompts", "export", "nothing"), "no prompt set or file 'nothing'")
        check(rung("prompts", "remove", "nothing"), "there is no prompt set named 'nothing'")
        check(rung("prompts", "import", "/no/such.jsonl"), "/no/such.jsonl: cannot be read")

    def test_a_folder(self, rung: Rung, tmp_path: Path) -> None:
        check(rung("prompts", "import", tmp_path), "is a folder; name a .jsonl")

    def test_a_name_that_is_none(self, rung: Rung, prompts: Path) -> None:
        check(rung("prompts", "import", prompts, "--name", "!!"), "'!!' is no usable name")

    def test_a_name_that_is_taken(self, rung: Rung, prompts: Path, tmp_path: Path) -> None:
        assert rung("prompts", "import", prompts).code == 0
        (tmp_path / "other.jsonl").write_text('{"prompt": "other"}\n')
        check(rung("prompts", "import", tmp_path / "other.jsonl", "--name", "questions"), "exists with other prompts")


class TestRecipes:
    @pytest.mark.parametrize(
        ("recipe", "says"),
        [
            ("", "is not JSON"),
            ('["nothing"]', "there is no technique 'nothing'; known techniques: quantization"),
            ('["prefix_caching", "prefix_caching"]', "names prefix_caching twice"),
            ('[{"technique": "continuous_batching", "settings": {"max_num_seqs": 0}}]', "max_num_seqs is 0"),
            ('{"recipe": 5}', "must be a list"),
        ],
    )
    def test_a_file_that_holds_none(
        self, rung: Rung, model: Path, prompts: Path, tmp_path: Path, recipe: str, says: str
    ) -> None:
        path = tmp_path / "recipe.json"
        path.write_text(recipe)
        check(rung("run", "--model", model, "--prompts", prompts, "--recipe", path), says)

    def test_a_file_that_cannot_be_read(self, rung: Rung, model: Path, prompts: Path, tmp_path: Path) -> None:
        (tmp_path / "latin.json").write_bytes(b'["na\xefve"]')
        for path in (tmp_path, tmp_path / "latin.json"):
            check(rung("run", "--model", model, "--prompts", prompts, "--recipe", path), "cannot be read", str(path))

    def test_a_name_that_is_neither_saved_nor_a_file(self, rung: Rung, model: Path, prompts: Path) -> None:
        line = ("run", "--model", model, "--prompts", prompts, "--recipe", "qiuck")
        check(rung(*line), "there is no saved recipe and no file named 'qiuck'", "save one in the Lab")

    @pytest.mark.parametrize(
        ("listed", "says"),
        [
            ("nothing", "no technique 'nothing'"),
            ("", "at least one technique"),
            ("prefix_caching,prefix_caching", "twice"),
        ],
    )
    def test_a_ladder_of_nothing(self, rung: Rung, model: Path, prompts: Path, listed: str, says: str) -> None:
        check(rung("ladder", "--model", model, "--prompts", prompts, "--techniques", listed), says)


class TestPlaces:
    def test_an_out_that_cannot_be_written_is_told_before_measuring(
        self, rung: Rung, store: Store, model: Path, prompts: Path, tmp_path: Path
    ) -> None:
        for out in (prompts / "deeper" / "run.json", tmp_path):
            check(rung("run", "--model", model, "--prompts", prompts, "--out", out), f"--out {out} cannot be written")
        assert store.experiments.recent() == []
        check(rung("prompts", "export", "unique", "--out", tmp_path), "cannot be written")

    def test_a_database_that_cannot_be_used(self, rung: Rung, tmp_path: Path, empty_database: Path) -> None:
        junk = tmp_path / "junk.db"
        junk.write_text("not a database " * 100)
        check(rung("prompts", "list", "--database", junk), "is not a SQLite database")
        check(rung("prompts", "list", "--database", tmp_path), "cannot be opened")
        check(rung("prompts", "list", "--database", "nonsense://x"), "the database URL")

    def test_a_read_only_database_is_told_and_stays_as_it_is(
        self, rung: Rung, prompts: Path, tmp_path: Path, empty_database: Path
    ) -> None:
        path = tmp_path / "shared.db"
        path.write_bytes(empty_database.read_bytes())
        said = rung("prompts", "import", prompts, "--database", f"sqlite:///file:{path}?mode=ro&uri=true")
        assert said.code == 3
        assert said.err.startswith("rung: the database is read-only; allow writing")
        assert said.err.count("\n") == 1
        assert path.read_bytes() == empty_database.read_bytes()

    def test_an_experiment_that_is_not_there(self, rung: Rung) -> None:
        check(rung("resume", 7), "there is no experiment with the number 7")

    def test_a_port_in_use(self, rung: Rung) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            check(rung("studio", "--port", port, "--no-browser"), f"port {port} on 127.0.0.1 cannot be used", "--port")

    @pytest.mark.parametrize("port", [0, -1, 65536])
    def test_a_port_that_is_none(self, rung: Rung, port: int) -> None:
        check(rung("studio", f"--port={port}", "--no-browser"), f"the port is {port}; give one from 1 to 65535")

    def test_a_host_that_is_none(self, rung: Rung) -> None:
        check(
            rung("studio", "--host", "no.such.host.invalid", "--no-browser"), "on no.such.host.invalid cannot be used"
        )


def test_a_checkpoint_with_code_of_its_own_is_not_run_by_default(
    rung: Rung, store: Store, settings: Settings, prompts: Path, tmp_path: Path, fake_vllm: object, quick: None
) -> None:
    brings_code = checkpoint_folder(tmp_path / "m", LLAMA | {"auto_map": {"AutoModel": "evil.Model"}})
    assert rung("run", "--model", brings_code, "--prompts", prompts, "--json").code == 0
    (run,) = store.runs.of_experiment(1)
    argv = (run.manifest or {})["engine"]["argv"]
    assert "--trust-remote-code" not in argv
    assert json.dumps(argv)
