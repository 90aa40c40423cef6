"""The engine's KV blocks: how many tokens one holds where nobody says otherwise, and what may be said.

Read from vLLM 0.32: `DEFAULT_BLOCK_SIZE` in vllm/config/cache.py; `check_and_update_config` in vllm/platforms/cpu.py;
`get_supported_kernel_block_sizes` of the attention backends (multiples of 32 on a CPU, of 16 by FlashAttention). A
running engine says its own in `cache_config_info`, and that is what evidence goes by.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_TOKENS: Mapping[str, int] = {"cpu": 128, "cuda": 16}
MULTIPLE_OF: Mapping[str, int] = {"cpu": 32, "cuda": 16}


def block_tokens(device: str, asked: int | None = None) -> int:
    """Tokens of a block on that device, or those that a person asked for."""
    return asked or DEFAULT_TOKENS[device]


def whole_blocks(tokens: int, block: int) -> int:
    """`tokens` rounded up to whole blocks."""
    return -(-tokens // block) * block
