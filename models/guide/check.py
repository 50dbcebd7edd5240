"""Ask a finished guide.gguf every held-out question and count the right answers.

    python check.py [FILE.gguf] [--depth] [--show]
    python check.py --ask "a question" [--ask "and the next one"]

Nothing is shared with the training code but the text: the weights, the tokenizer and the
sizes are read from the GGUF, Q8_0 is turned back to numbers, and the forward pass below
decodes greedily. `--depth` asks every question behind 600 to 900 tokens of earlier turns.

An answer counts as on topic when, among the reference answers of all topics, all small
talk and "unknown", the one that shares most words with it (F1 over words) belongs to the
topic asked for, it shares at least half of them, and one of the topic's keywords occurs.
"""

import argparse
import re
from functools import partial
from pathlib import Path

import gguf
import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from corpus import HERE, Corpus, Text, plain, read

NEW = 110  # longest answer, in tokens


class Guide:
    """A llama-architecture GGUF with Q8_0 or F32 tensors, and its tokenizer."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        field = {k: f.contents() for k, f in reader.fields.items()}
        assert field["general.architecture"] == "llama"
        assert field["tokenizer.ggml.model"] == "gpt2" and field["tokenizer.ggml.pre"] == "gpt-2"
        self.field = field
        self.layers = field["llama.block_count"]
        self.heads = field["llama.attention.head_count"]
        self.kv_heads = field["llama.attention.head_count_kv"]
        self.head = field["llama.rope.dimension_count"]
        self.context = field["llama.context_length"]
        self.eps = field["llama.attention.layer_norm_rms_epsilon"]
        self.base = field["llama.rope.freq_base"]
        w = {t.name: gguf.quants.dequantize(t.data, t.tensor_type).reshape(t.shape[::-1]) for t in reader.tensors}

        def stack(name):
            return jnp.stack([w[f"blk.{i}.{name}.weight"] for i in range(self.layers)])

        self.weights = {"embed": jnp.array(w["token_embd.weight"]), "norm": jnp.array(w["output_norm.weight"]),
                        "output": jnp.array(w.get("output.weight", w["token_embd.weight"]))}
        for name in ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output",
                     "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"):
            self.weights[name] = stack(name)

        tokens, kinds = field["tokenizer.ggml.tokens"], field["tokenizer.ggml.token_type"]
        merges = [tuple(m.split(" ")) for m in field["tokenizer.ggml.merges"]]
        self.tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
        self.tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        self.tok.decoder = decoders.ByteLevel()
        self.tok.add_special_tokens([AddedToken(t, special=True) for t, k in zip(tokens, kinds)
                                     if k == gguf.TokenType.CONTROL])
        self.end = field["tokenizer.ggml.eos_token_id"]
        assert tokens[self.end] == "<|im_end|>"
        self.run = jax.jit(partial(forward, self), donate_argnums=(3,))

    def prompt(self, turns, question, system=None):
        text = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
        for asked, said in turns:
            text += f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n{said}<|im_end|>\n"
        text += f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        return self.tok.encode(text, add_special_tokens=False).ids

    def answers(self, prompts, batch=128):
        """Greedy answers, several prompts at once, padded on the left."""
        out = []
        longest = -(-max(map(len, prompts)) // 64) * 64
        for at in range(0, len(prompts), batch):
            part = prompts[at:at + batch]
            part = part + [part[-1]] * (batch - len(part))
            ids = np.zeros((batch, longest), np.int32)
            skip = np.array([longest - len(p) for p in part], np.int32)
            for row, p in zip(ids, part):
                row[longest - len(p):] = p
            shape = (batch, longest + NEW, self.kv_heads, self.head)
            empty = [(jnp.zeros(shape), jnp.zeros(shape)) for _ in range(self.layers)]
            logits, cache = self.run(ids, skip, 0, empty)
            said, done = [], np.zeros(batch, bool)
            for n in range(NEW):
                token = np.asarray(jnp.argmax(logits, -1), np.int32)
                done |= token == self.end
                said.append(np.where(done, self.end, token))
                if done.all() or n + 1 == NEW:
                    break
                logits, cache = self.run(token[:, None], skip, longest + n, cache)
            for row in np.stack(said, 1)[:min(batch, len(prompts) - at)]:
                out.append(self.tok.decode([t for t in row.tolist() if t != self.end]))
        return out


def forward(g, ids, skip, past, cache):
    """Scores of the next token after `ids`, which stand behind `past` cached positions."""
    w, (rows, time) = g.weights, ids.shape
    slots = past + jnp.arange(time)
    turn = (slots[None, :] - skip[:, None]).astype(jnp.float32)
    freq = g.base ** (-jnp.arange(g.head // 2) / (g.head // 2))
    cos, sin = jnp.cos(turn[..., None] * freq)[:, :, None], jnp.sin(turn[..., None] * freq)[:, :, None]
    keys = jnp.arange(cache[0][0].shape[1])
    seen = (keys[None, None] <= slots[None, :, None]) & (keys[None, None] >= skip[:, None, None])

    def norm(x, weight):
        return x / jnp.sqrt(jnp.mean(x * x, -1, keepdims=True) + g.eps) * weight

    def rotate(x):
        a, b = x[..., 0::2], x[..., 1::2]
        return jnp.stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape)

    cache = list(cache)
    x = w["embed"][ids]
    for i in range(g.layers):
        h = norm(x, w["attn_norm"][i])
        q = rotate((h @ w["attn_q"][i].T).reshape(rows, time, g.heads, g.head))
        k = rotate((h @ w["attn_k"][i].T).reshape(rows, time, g.kv_heads, g.head))
        v = (h @ w["attn_v"][i].T).reshape(rows, time, g.kv_heads, g.head)
        kept = [jax.lax.dynamic_update_slice(old, new, (0, past, 0, 0)) for old, new in zip(cache[i], (k, v))]
        cache[i] = tuple(kept)
        q = q.reshape(rows, time, g.kv_heads, -1, g.head)
        score = jnp.einsum("btkgd,bskd->bkgts", q, kept[0]) / np.sqrt(g.head)
        share = jax.nn.softmax(jnp.where(seen[:, None, None], score, -1e9), -1)
        mixed = jnp.einsum("bkgts,bskd->btkgd", share, kept[1]).reshape(rows, time, -1)
        x = x + mixed @ w["attn_output"][i].T
        h = norm(x, w["ffn_norm"][i])
        x = x + (jax.nn.silu(h @ w["ffn_gate"][i].T) * (h @ w["ffn_up"][i].T)) @ w["ffn_down"][i].T
    return norm(x[:, -1], w["norm"]) @ w["output"].T, cache


def words(text):
    return set(re.findall(r"[a-z0-9][a-z0-9.+/_-]*", text.lower()))


def f1(a, b):
    common = len(a & b)
    return 2 * common / (len(a) + len(b)) if common else 0.0


def nearest(answer, references):
    """The id whose reference answer is closest to `answer`, and how close it is."""
    said = words(answer)
    best = max(((f1(said, words(r)), name) for name, all_of in references.items() for r in all_of))
    return best[1], best[0]


def judge(text, references, wanted, answer):
    name, share = nearest(answer, references)
    keywords = text.by_id.get(wanted, {}).get("keywords")
    named = not keywords or any(k.lower() in answer.lower() for k in keywords)
    return name == wanted and share >= 0.5 and named, name, share


def earlier(guide, corpus, tokens):
    """Unrelated turns that fill at least `tokens` tokens."""
    turns, used = [], 0
    while used < tokens:
        asked, said, _ = corpus.turn()
        turns.append((asked, said))
        used += len(guide.prompt([], asked)) + len(guide.tok.encode(said).ids) + 2
    return turns


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("file", nargs="?", type=Path, default=HERE.parent / "guide.gguf")
    args.add_argument("--depth", action="store_true", help="behind 600 to 900 tokens of earlier turns")
    args.add_argument("--questions", default="heldout.toml", help="the file with the questions")
    args.add_argument("--every", type=int, default=1, help="ask only every n-th question")
    args.add_argument("--trained", action="store_true", help="ask trained phrasings instead, one a topic")
    args.add_argument("--show", action="store_true", help="print the wrong answers")
    args.add_argument("--ask", action="append", help="answer this question, several as one conversation, and nothing else")
    args = args.parse_args()

    guide, text = Guide(args.file), Text()
    turns = []
    for asked in args.ask or []:
        turns.append((asked, guide.answers([guide.prompt(turns, asked)], batch=1)[0]))
        print(f"> {asked}\n{turns[-1][1]}\n")
    if turns:
        return

    references = text.references()
    corpus = Corpus(text, 99)
    questions = read(args.questions)
    asked = [(item["id"], q) for item in questions["question"] for q in item["ask"]]
    asked += [(f"{item['id']}/{item['kind']}", q) for item in questions["follow_up"] for q in item["ask"]]
    if args.questions != "dev.toml":
        trained = text.trained()
        known = [q for _, q in asked if plain(q) in trained]
        assert not known, f"held-out questions are trained: {known}"
    if args.trained:
        asked = [(t["id"], corpus.rng.choice(t["ask"])) for t in text.topics + text.small_talk]
    asked = asked[::args.every]
    prompts = []
    for number, (wanted, question) in enumerate(asked):
        turns = earlier(guide, corpus, 600 + number % 4 * 50) if args.depth else []
        if "/" in wanted:
            topic = text.by_id[wanted.split("/")[0]]
            turns.append((topic["ask"][0], topic["answer"]))
        prompts.append(guide.prompt(turns, question))
    if args.depth:
        lengths = sorted(map(len, prompts))
        print(f"prompts of {lengths[0]} to {lengths[-1]} tokens, context {guide.context}")
        assert lengths[-1] + NEW <= guide.context
    said = guide.answers(prompts, batch=24 if args.depth else 128)
    right, parts = 0, {}
    for (wanted, question), answer in zip(asked, said):
        ok, name, share = judge(text, references, wanted, answer)
        right += ok
        part = ("topics" if wanted in text.by_id else "unknown" if wanted == "unknown"
                else "follow-ups" if "/" in wanted else "small talk")
        got = parts.setdefault(part, [0, 0])
        got[0], got[1] = got[0] + ok, got[1] + 1
        if args.show and not ok:
            print(f"[{wanted} -> {name} {share:.2f}] {question}\n    {answer}")
    for part, (good, total) in parts.items():
        print(f"{part}: {good} of {total}")
    print(f"on topic: {right} of {len(asked)} = {100 * right / len(asked):.1f} %")


if __name__ == "__main__":
    main()
