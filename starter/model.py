"""The starter models' shape: small Llamas, so that every engine and quantizer knows the architecture."""

from transformers import LlamaConfig, LlamaForCausalLM

from starter.recipe import Shape


def build_model(shape: Shape, vocab_size: int, pad_id: int, end_id: int) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=-(-vocab_size // 64) * 64,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=shape.head_size,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.max_positions,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end_id,
        pad_token_id=pad_id,
    )
    return LlamaForCausalLM(config)
