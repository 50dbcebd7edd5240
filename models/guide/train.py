"""One command from the text to `guide.gguf`.

    python train.py [--out FILE.gguf]

Trains the tokenizer on the text, then the network on conversations drawn from it, and
writes the quantised file. Everything is seeded.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import jax
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import gguf_file
import model
from corpus import HERE, PREFIXES, SUFFIXES, SYSTEMS, Corpus, Encoder, Text

SEED = 7
# Batches: conversations, tokens a conversation, share of brief answers, share of question tokens lost.
# First the reader's second layer learns alone, from short conversations; then both its layers learn
# to find the last question in longer ones; then the speaker learns to answer.
READ = [(384, 32, 1.0, 0.08)]
FIND = [(40, 128, 0.7, 0.08), (10, 512, 0.6, 0.08), (40, 128, 0.7, 0.08), (5, 1024, 0.6, 0.08)]
SHORT, MIDDLE, LONG, LONGEST = (48, 64, 0.5, 0.03), (24, 128, 0.5, 0.03), (5, 512, 0.7, 0.03), (2, 1024, 0.7, 0.03)
# For every stage: steps, highest rate, batches that take turns.
STAGES = {
    "read": (1500, 1.0, READ),
    "find": (800, 0.3, FIND),
    "speak": (2400, 1.0, [SHORT, MIDDLE, LONG, SHORT, MIDDLE, LONGEST]),
}
FALL = 0.7  # share of a stage's steps in which the rate falls
WARM_UP = 30
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def train_tokenizer(text, vocab):
    """Byte-level BPE with GPT-2's split, trained on the answers and a sample of questions."""
    corpus = Corpus(text, SEED)
    lines = SYSTEMS + PREFIXES + SUFFIXES
    for answers in text.references().values():
        lines += list(answers) * 4
    for topic in text.topics:
        lines += topic["ask"]
    questions = [corpus.turn()[0] for _ in range(8000)]
    lines += [q for q in questions if not q.isupper()]
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=vocab - len(SPECIAL), show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    # Special tokens go to the end of the vocabulary.
    tok.add_special_tokens(SPECIAL)
    assert tok.get_vocab_size() == vocab, tok.get_vocab_size()
    return tok


def vocabulary(tok):
    """Tokens in order of their id, and the merges as GGUF wants them."""
    tokens = [t for t, _ in sorted(tok.get_vocab().items(), key=lambda kv: kv[1])]
    merges = json.loads(tok.to_str())["model"]["merges"]
    return tokens, [m if isinstance(m, str) else " ".join(m) for m in merges]


def stem(token):
    """What spellings of a word have in common: no space before it, no capitals, no plural s."""
    token = token.lower().lstrip("Ġ")
    return token[:-1] if len(token) > 3 and token.endswith("s") else token


def stems_of(tokens):
    """For every token the number of the first one with the same stem."""
    first = {}
    return np.array([first.setdefault(stem(t), n) for n, t in enumerate(tokens)])


def learn(name, params, loss, conversations, *rest):
    """One stage: train `params` against `loss` on batches of conversations."""
    count, peak, sizes = STAGES[name]
    state = model.optimiser_state(params)
    update = jax.jit(partial(model.step, loss=loss), donate_argnums=(0, 1))
    began, values, hits = time.time(), [], []
    for n in range(count):
        rate = peak * min(1.0, (n + 1) / WARM_UP, (count - n) / (FALL * count))
        batch = conversations(*sizes[n % len(sizes)])
        params, state, value, right = update(params, state, np.float32(rate), batch, *rest)
        values.append(float(value))
        hits.append(float(right))
        if n % 50 == 49:
            print(f"{name} {n + 1}/{count}  loss {np.mean(values[-50:]):.3f}  right {np.mean(hits[-50:]):.3f}  "
                  f"{time.time() - began:.0f} s", flush=True)
    return params, np.mean(values[-50:])


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--out", type=Path, default=HERE.parent / "guide.gguf")
    args = args.parse_args()

    began = time.time()
    text, shape = Text(), model.Shape()
    tok = train_tokenizer(text, shape.vocab)
    tokens, merges = vocabulary(tok)
    stems, abouts = stems_of(tokens), text.abouts()
    corpus, encoder = Corpus(text, SEED + 1), Encoder(tok, SEED + 2, abouts)
    read, speak = model.init(shape, len(abouts), SEED)
    print(f"{len(text.topics)} topics, {sum(len(t['ask']) for t in text.topics)} phrasings, {len(tokens)} tokens", flush=True)

    conversations = partial(encoder.batch, corpus)
    for name in ("read", "find"):
        loss = partial(model.topic_loss, stems=stems, shape=shape, silent=name == "read")
        read, _ = learn(name, read, loss, conversations)
    loss = partial(model.answer_loss, stems=stems, shape=shape)
    speak, last = learn("speak", speak, loss, conversations, read)

    params = jax.device_get(model.whole(read, speak, stems))
    gguf_file.write(args.out, params, shape, tokens, merges)
    print(f"{gguf_file.size(params):,} weights, {args.out.stat().st_size:,} bytes, loss {last:.4f}, {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
