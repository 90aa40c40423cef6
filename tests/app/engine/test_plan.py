"""The launch plan: what is on the command line, which recipes share an engine, what memory allows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.checkpoint import Checkpoint
from app.engine.hardware import Gpu, Hardware
from app.engine.memory_fit import GIB
from app.engine.plan import CPU_KV_SEQUENCES, EngineOptions, EnginePlan, plan_engine
from optimizers.errors import InputError
from optimizers.kv_blocks import block_tokens, whole_blocks
from optimizers.recipe import Recipe
from tests.building import LLAMA

CPU = Hardware("cpu", 2, 8 * GIB)
GPU = Hardware("cpu", 16, 64 * GIB, (Gpu("H100", 80 * GIB, "570"),))
BYTES_PER_TOKEN = 256  # of LLAMA
BLOCK = block_tokens("cpu")


def tiny(chat_template: bool = True, **config: Any) -> Checkpoint:
    return Checkpoint("tiny", Path("/models/tiny"), LLAMA | config, 1000, chat_template, "f")


def plan(*keys: str, hardware: Hardware = CPU, **options: Any) -> EnginePlan:
    return plan_engine(tiny(), Recipe.from_json(list(keys)), hardware, EngineOptions(**options))


def value(found: EnginePlan, flag: str) -> str:
    return found.argv[found.argv.index(flag) + 1]


def test_the_command_line() -> None:
    found = plan("prefix_caching")
    assert value(found, "--model") == "/models/tiny"
    assert value(found, "--served-model-name") == found.served_name == "tiny"
    assert value(found, "--host") == "127.0.0.1"
    assert value(found, "--max-model-len") == "2048"
    assert "--enable-prefix-caching" in found.argv
    assert "--port" not in found.argv
    assert dict(found.environment)["VLLM_SERVER_DEV_MODE"] == "1"
    assert dict(found.environment)["HF_HUB_OFFLINE"] == "1"


def test_code_of_the_checkpoint_is_run_only_when_asked_for() -> None:
    assert "--trust-remote-code" not in plan().argv
    assert "--trust-remote-code" in plan(trust_remote_code=True).argv


def test_a_processor_that_is_slow_in_16_bits_is_given_32_and_the_plan_says_so() -> None:
    old, new = (replace(CPU, cpu_features=features) for features in (("avx2",), ("avx2", "avx512f")))
    assert value(plan(hardware=old), "--dtype") == "float32"
    (note,) = plan(hardware=old).notes
    assert "the engine computes in float32, unless --dtype" in note
    for asked in ("bfloat16", "half"):
        assert value(plan(hardware=old, dtype=asked), "--dtype") == asked
        assert plan(hardware=old, dtype=asked).notes == ()
    for other in (CPU, new, GPU, replace(GPU, cpu_features=("avx2",))):
        assert value(plan(hardware=other), "--dtype") == "auto"
        assert plan(hardware=other).notes == ()


@pytest.mark.parametrize(("method", "dtype"), [("compressed-tensors", "float32"), ("fp8", "auto")])
def test_a_quantized_checkpoint_gets_32_bits_where_vllm_takes_them(method: str, dtype: str) -> None:
    packed = tiny(quantization_config={"quant_method": method})
    assert value(plan_engine(packed, Recipe(), replace(CPU, cpu_features=("avx2",))), "--dtype") == dtype


def test_weights_that_no_kernel_multiplies_by_are_refused_before_an_engine_dies_of_them() -> None:
    groups = {"config_groups": {"group_0": {"weights": {"num_bits": 4}}}}
    packed = tiny(quantization_config={"quant_method": "compressed-tensors", **groups})
    with pytest.raises(InputError, match="the weights of tiny have 4 bits.* AVX-512 only; serve the original"):
        plan_engine(packed, Recipe(), replace(CPU, cpu_features=("avx2",)))
    for hardware in (CPU, replace(CPU, cpu_features=("avx2", "avx512f")), GPU):
        assert plan_engine(packed, Recipe(), hardware).served_name == "tiny"


def test_keys_and_values_of_32_bits_take_twice_the_room() -> None:
    old = replace(CPU, cpu_features=("avx2",))
    narrow, wide = (plan(hardware=hardware, kv_cache_gib=0.01) for hardware in (CPU, old))
    assert narrow.kv_cache_bytes == wide.kv_cache_bytes
    assert narrow.kv_cache_tokens is not None
    assert wide.kv_cache_tokens is not None
    assert wide.kv_cache_tokens + BLOCK == (narrow.kv_cache_tokens + BLOCK) // 2 // BLOCK * BLOCK


def test_only_a_cpu_goes_without_compilation() -> None:
    assert "--enforce-eager" in plan().argv
    assert "--enforce-eager" not in plan(hardware=GPU).argv


def test_further_arguments_come_last() -> None:
    assert plan("prefix_caching", extra_args=("--seed", "7")).argv[-2:] == ("--seed", "7")


@pytest.mark.parametrize(
    "given",
    ["--dtype", "--dtype=half", "--no-enable-prefix-caching", "--enable_prefix_caching", "--port=1", "--served-model"],
)
def test_what_is_said_already_is_not_said_once_more(given: str) -> None:
    with pytest.raises(InputError, match=f"--engine-arg {given}: Rung gives {given.partition('=')[0]} to vLLM itself"):
        plan(extra_args=("--seed", "7", given))


def test_a_part_of_a_setting_is_that_setting() -> None:
    drafted = Recipe.of([("speculative_decoding", {})])
    with pytest.raises(InputError, match="Rung gives --speculative-config.num_speculative_tokens to vLLM itself"):
        plan_engine(tiny(), drafted, CPU, EngineOptions(extra_args=("--speculative-config.num_speculative_tokens=9",)))


def test_compilation_is_left_to_people() -> None:
    assert plan(extra_args=("--no-enforce-eager",)).argv[-1] == "--no-enforce-eager"


def test_recipes_that_differ_only_in_schedule_share_an_engine() -> None:
    assert plan().key == plan("continuous_batching").key
    assert plan("prefix_caching").key == plan("prefix_caching", "continuous_batching").key


def test_recipes_with_other_launch_flags_do_not() -> None:
    batched = Recipe.of([("continuous_batching", {"max_num_seqs": 4})])
    keys = {
        plan().key,
        plan("prefix_caching").key,
        plan("speculative_decoding").key,
        plan("prefix_caching", "speculative_decoding").key,
        plan_engine(tiny(), batched, CPU).key,
    }
    assert len(keys) == 5


TECHNIQUES = st.lists(
    st.sampled_from(["prefix_caching", "continuous_batching", "speculative_decoding"]), unique=True, max_size=3
)


@given(TECHNIQUES, st.randoms(use_true_random=False))
def test_the_order_of_techniques_never_needs_another_engine(keys: list[str], random: Any) -> None:
    shuffled = random.sample(keys, len(keys))
    assert plan(*keys).key == plan(*shuffled).key


@given(TECHNIQUES, TECHNIQUES)
def test_engines_are_shared_exactly_when_the_flags_are_equal(one: list[str], other: list[str]) -> None:
    assert (plan(*one).key == plan(*other).key) == (set(plan(*one).argv) == set(plan(*other).argv))


def test_every_option_makes_another_engine() -> None:
    options: list[dict[str, Any]] = [
        {},
        {"max_model_len": 1024},
        {"kv_cache_gib": 0.5},
        {"dtype": "float32"},
        {"trust_remote_code": True},
        {"extra_args": ("--seed", "7")},
    ]
    assert len({plan(**each).key for each in options}) == len(options)
    for each in options:
        assert EngineOptions.from_json(EngineOptions(**each).to_json()) == EngineOptions(**each)


def test_without_a_chat_template_prompts_go_as_text_and_the_plan_says_so() -> None:
    found = plan_engine(tiny(chat_template=False), Recipe(), CPU)
    assert not found.chat
    assert "no chat template" in " ".join(found.notes)
    assert plan().chat
    assert plan().notes == ()


class TestMemory:
    def test_a_cpu_gets_what_many_sequences_need_and_no_more_than_a_share_of_its_memory(self) -> None:
        assert plan().kv_cache_bytes == (CPU_KV_SEQUENCES * 2048 + BLOCK) * BYTES_PER_TOKEN
        large = tiny(max_position_embeddings=2**20)
        assert plan_engine(large, Recipe(), CPU).kv_cache_bytes == 2 * GIB
        assert plan_engine(large, Recipe(), Hardware("cpu", 2, 64 * GIB)).kv_cache_bytes == 4 * GIB
        assert plan_engine(tiny(num_hidden_layers=None), Recipe(), CPU).kv_cache_bytes == 2 * GIB

    def test_a_gpu_is_left_to_vllm(self) -> None:
        assert plan(hardware=GPU).kv_cache_bytes is None
        assert value(plan(hardware=GPU, kv_cache_gib=1.5), "--kv-cache-memory-bytes") == str(int(1.5 * GIB))

    @pytest.mark.parametrize("gib", [0, -1, math.nan, math.inf])
    def test_a_size_that_is_none_is_refused(self, gib: float) -> None:
        with pytest.raises(InputError, match="give a size above 0"):
            plan(kv_cache_gib=gib)

    def test_more_than_the_machine_has_is_refused(self) -> None:
        message = "no memory for the KV cache: 9 GiB asked, the machine has 8.0 GiB; lower --kv-cache-gib"
        with pytest.raises(InputError, match=message):
            plan(kv_cache_gib=9)

    def test_a_context_that_does_not_fit_is_cut_with_a_note(self) -> None:
        """1,000 tokens are 7 whole blocks of 128, and vLLM holds one of them back."""
        found = plan(kv_cache_gib=1000 * BYTES_PER_TOKEN / GIB)
        assert (found.kv_cache_tokens, found.max_model_len) == (768, 768)
        assert "the context is cut from 2,048 to 768 tokens" in found.notes[0]

    def test_a_context_that_was_asked_for_is_never_cut(self) -> None:
        with pytest.raises(InputError, match=r"KV cache hold a request of 768 tokens of tiny, 1,024 are asked"):
            plan(kv_cache_gib=1000 * BYTES_PER_TOKEN / GIB, max_model_len=1024)
        assert plan(kv_cache_gib=1000 * BYTES_PER_TOKEN / GIB, max_model_len=512).max_model_len == 512

    @pytest.mark.parametrize(("blocks", "starts"), [(8, False), (9, True)])
    def test_a_request_of_eight_blocks_needs_nine(self, blocks: int, starts: bool) -> None:
        """As a vLLM on a CPU does: with 8 it ends with "To serve at least one request", with 9 it serves."""
        gib = blocks * BLOCK * BYTES_PER_TOKEN / GIB
        if starts:
            assert plan(kv_cache_gib=gib, max_model_len=1024).max_model_len == 1024
        else:
            with pytest.raises(InputError, match="no memory for the KV cache"):
                plan(kv_cache_gib=gib, max_model_len=1024)

    def test_what_a_cache_holds_goes_by_block_size_and_data_type(self) -> None:
        gib = 1000 * BYTES_PER_TOKEN / GIB
        small_blocks = Recipe.of([("prefix_caching", {"block_size": 32})])
        halved = Recipe.of([("quantization", {"method": "engine_fp8", "kv_cache_dtype": "fp8"})])
        assert plan_engine(tiny(), small_blocks, CPU, EngineOptions(kv_cache_gib=gib)).max_model_len == 960
        assert plan(kv_cache_gib=gib, dtype="float32").kv_cache_tokens == 256
        assert plan_engine(tiny(), halved, GPU, EngineOptions(kv_cache_gib=gib)).kv_cache_tokens == 2000 - 16
        assert plan(dtype="float32").kv_cache_bytes == 2 * (plan().kv_cache_bytes or 0)

    def test_a_cache_too_small_for_anything_is_one_line(self) -> None:
        with pytest.raises(InputError) as caught:
            plan(kv_cache_gib=100 / GIB)
        assert str(caught.value).startswith("no memory for the KV cache: ")
        assert "--kv-cache-gib" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_context_longer_than_the_models_is_refused(self) -> None:
        with pytest.raises(InputError, match="the context length is 4096, but tiny was made for 2048 tokens"):
            plan(max_model_len=4096)
        with pytest.raises(InputError, match="give a whole number of at least 1"):
            plan(max_model_len=0)

    def test_what_a_config_does_not_say_is_left_to_vllm(self) -> None:
        silent = tiny(max_position_embeddings=None, num_hidden_layers=None)
        found = plan_engine(silent, Recipe(), CPU)
        assert found.max_model_len is None
        assert "--max-model-len" not in found.argv

    @given(st.floats(1e-7, 8), st.one_of(st.none(), st.integers(1, 2048)), st.integers(1, 2**20))
    def test_the_planned_context_always_fits_its_cache(self, gib: float, asked: int | None, own: int) -> None:
        checkpoint = tiny(max_position_embeddings=own)
        try:
            found = plan_engine(checkpoint, Recipe(), CPU, EngineOptions(max_model_len=asked, kv_cache_gib=gib))
        except InputError:
            return
        assert found.max_model_len is not None
        assert found.kv_cache_bytes is not None
        assert 1 <= found.max_model_len <= own
        assert (whole_blocks(found.max_model_len, BLOCK) + BLOCK) * BYTES_PER_TOKEN <= found.kv_cache_bytes
        assert found.max_model_len == (asked or own) or (found.notes and found.max_model_len % BLOCK == 0)

    @given(st.integers(1, 2**20))
    def test_left_to_itself_the_cache_holds_the_planned_context(self, own: int) -> None:
        found = plan_engine(tiny(max_position_embeddings=own), Recipe(), CPU)
        assert found.max_model_len == own
        assert found.kv_cache_bytes is not None
        assert found.kv_cache_bytes <= 2 * GIB


def test_the_stored_plan_is_json_with_its_key() -> None:
    found = plan("prefix_caching")
    stored = found.to_json()
    assert stored["key"] == found.key
    assert stored["argv"] == list(found.argv)
    assert stored["environment"]["DO_NOT_TRACK"] == "1"


def test_what_the_engine_would_refuse_is_refused_before_it_starts() -> None:
    sixteen = Recipe.of([("prefix_caching", {"block_size": 16})])
    with pytest.raises(InputError, match="prefix_caching cannot be used so: block_size is 16, and a cpu engine takes"):
        plan_engine(tiny(), sixteen, CPU)
    assert value(plan_engine(tiny(), sixteen, GPU), "--block-size") == "16"
    mtp = Recipe.of([("speculative_decoding", {"method": "mtp"})])
    with pytest.raises(InputError, match="the model has no MTP layers to draft with"):
        plan_engine(tiny(), mtp, CPU)
    assert "--speculative-config" in plan_engine(tiny(num_nextn_predict_layers=1), mtp, CPU).argv


@pytest.mark.parametrize(
    ("chosen", "flag"), [("engine", None), ("on", "--enable-chunked-prefill"), ("off", "--no-enable-chunked-prefill")]
)
def test_chunked_prefill_is_left_to_the_engine_or_said(chosen: str, flag: str | None) -> None:
    recipe = Recipe.of([("continuous_batching", {"chunked_prefill": chosen})])
    said = [part for part in plan_engine(tiny(), recipe, CPU).argv if "chunked" in part]
    assert said == ([flag] if flag else [])
