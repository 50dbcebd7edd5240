"""Writing the trained weights as a GGUF file that llama.cpp loads."""

import os

import gguf
import numpy as np

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\\n' -}}"
    "{%- endif -%}"
)

DESCRIPTION = (
    "A very small model that explains llmdeck and local language models. It knows only what its "
    "training text says; load a larger model for everything else."
)


def write(path, params, shape, tokens, merges):
    """Quantise to Q8_0 (norms stay F32) and write the file under a temporary name first."""
    temp = f"{path}.new"
    out = gguf.GGUFWriter(temp, "llama")
    out.add_type(gguf.GGUFType.MODEL)
    out.add_name("guide")
    out.add_description(DESCRIPTION)
    out.add_license("MIT OR Apache-2.0")
    out.add_size_label(f"{size(params) / 1e6:.1f}M")
    out.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    out.add_quantization_version(gguf.GGML_QUANT_VERSION)
    out.add_float32("general.sampling.temp", 0.3)
    out.add_int32("general.sampling.top_k", 20)
    out.add_float32("general.sampling.top_p", 0.9)

    out.add_vocab_size(shape.vocab)
    out.add_context_length(shape.context)
    out.add_embedding_length(shape.width)
    out.add_block_count(shape.layers)
    out.add_feed_forward_length(shape.ff)
    out.add_head_count(shape.heads)
    out.add_head_count_kv(shape.kv_heads)
    out.add_layer_norm_rms_eps(shape.eps)
    out.add_rope_dimension_count(shape.head)
    out.add_rope_freq_base(shape.rope_base)

    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    ids = {name: tokens.index(name) for name in special}
    kinds = [gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL for t in tokens]
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(tokens)
    out.add_token_types(kinds)
    out.add_token_merges(merges)
    out.add_bos_token_id(ids["<|endoftext|>"])
    out.add_eos_token_id(ids["<|im_end|>"])
    out.add_eot_token_id(ids["<|im_end|>"])
    out.add_pad_token_id(ids["<|endoftext|>"])
    out.add_add_bos_token(False)
    out.add_add_eos_token(False)
    out.add_chat_template(CHAT_TEMPLATE)

    def matrix(name, w):
        kind = gguf.GGMLQuantizationType.Q8_0
        out.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(w, np.float32), kind), raw_dtype=kind)

    layers = {k: np.asarray(v, np.float32) for k, v in params["layers"].items()}
    matrix("token_embd.weight", np.asarray(params["embed"], np.float32))
    matrix("output.weight", np.asarray(params["output"], np.float32))
    out.add_tensor("output_norm.weight", np.asarray(params["norm"], np.float32))
    names = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output",
             "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
    for i in range(shape.layers):
        out.add_tensor(f"blk.{i}.attn_norm.weight", layers["attn_norm"][i])
        out.add_tensor(f"blk.{i}.ffn_norm.weight", layers["ffn_norm"][i])
        for key, name in names.items():
            matrix(f"blk.{i}.{name}.weight", layers[key][i].T)

    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    os.replace(temp, path)


def size(params):
    """How many weights there are."""
    return (params["embed"].size + params["output"].size + params["norm"].size
            + sum(w.size for w in params["layers"].values()))
