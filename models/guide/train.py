"""One command from the text to `guide.gguf`.

    python train.py                       the full training
    python train.py --resume DIR          the same, saving its state in DIR and going on from there

Trains the tokenizer on the text, then the network on conversations drawn from it, first
short ones, then long ones, and writes the quantised file. Everything is seeded.
"""

import argparse
import json
import pickle
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
# The first stage: steps, questions a step, tokens a question.
CHOICES = [(600, 512, 56), (150, 64, 400)]
# The second stage goes round this list of batches: conversations, tokens a conversation, share of
# brief answers. Near the end the longest ones take the place of the long ones.
SHORT, MIDDLE, LONG, LONGEST = (40, 65, 0.6), (20, 129, 0.4), (5, 513, 0.3), (2, 1025, 0.3)
ROUND = [SHORT, SHORT, MIDDLE, SHORT, LONG, SHORT, SHORT, MIDDLE, SHORT, SHORT]
STEPS = 800
FALL = 0.45  # share of the steps in which the rate falls
WARM_UP = 60
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


def schedule():
    """For every step of the second stage: the learning rate from 0 to 1, and the shape of its batch."""
    for n in range(STEPS):
        batch = ROUND[n % len(ROUND)]
        if batch == LONG and n > 0.7 * STEPS:
            batch = LONGEST
        yield min(1.0, (n + 1) / WARM_UP, (STEPS - n) / (FALL * STEPS)), batch


def learn_choices(params, corpus, encoder, text, shape):
    """The first stage: teach the embedding and the first layer which answer a question wants."""
    answers = {a for name, all_of in text.references().items() if "/" not in name for a in all_of}
    topics = {a: n for n, a in enumerate(sorted(answers))}
    part = {k: w[0] for k, w in params["layers"].items()}
    part["embed"] = params["embed"]
    part["topic"] = 0.05 * jax.random.normal(jax.random.PRNGKey(SEED + 3), (shape.width, len(topics)))
    m, v = jax.tree.map(np.zeros_like, part), jax.tree.map(np.zeros_like, part)
    update = jax.jit(partial(model.topic_step, shape=shape), donate_argnums=(0, 1, 2))
    plan = [batch for steps, *batch in CHOICES for _ in range(steps)]
    steps = len(plan)
    began = time.time()
    values, hits = [], []
    for n, (rows, length) in enumerate(plan):
        batch = [encoder.choice(corpus, length, topics) for _ in range(rows)]
        ids, seen, wanted = (np.array([b[i] for b in batch], np.int32) for i in range(3))
        speed = 0.003 * min(1.0, (n + 1) / 30, 1.5 * (steps - n) / steps)
        part, m, v, value, right = update(part, m, v, np.float32(n + 1), ids, seen > 0, wanted, np.float32(speed))
        values.append(float(value))
        hits.append(float(right))
        if n % 25 == 24:
            print(f"choice {n + 1}/{steps}  loss {np.mean(values[-25:]):.3f}  right {np.mean(hits[-25:]):.3f}  "
                  f"{time.time() - began:.0f} s", flush=True)
    part = jax.device_get(part)
    params["embed"] = jax.numpy.array(part["embed"])
    for name, w in params["layers"].items():
        params["layers"][name] = w.at[0].set(part[name])
    return params


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--out", type=Path, default=HERE.parent / "guide.gguf")
    args.add_argument("--resume", type=Path, help="folder for the state of an unfinished training")
    args.add_argument("--report", type=Path, help="write the figures of the run as JSON")
    args = args.parse_args()

    began = time.time()
    shape = model.Shape()
    text = Text()
    tok = train_tokenizer(text, shape.vocab)
    tokens, merges = vocabulary(tok)
    corpus, encoder = Corpus(text, SEED + 1), Encoder(tok, SEED + 2)
    params = model.init(shape, SEED)
    state = model.optimiser_state(params)
    update = jax.jit(partial(model.step, shape=shape), donate_argnums=(0, 1))
    print(f"{len(text.topics)} topics, {sum(len(t['ask']) for t in text.topics)} phrasings, "
          f"{len(tokens)} tokens, {gguf_file.size(params):,} weights", flush=True)

    plan = list(schedule())
    seen, losses, first, before = 0, [], 0, 0.0
    saved = args.resume / "state.pickle" if args.resume else None

    def keep(done, spent):
        args.resume.mkdir(exist_ok=True)
        whole = (jax.device_get(params), jax.device_get(state), corpus, encoder.rng, seen, losses, done, spent)
        saved.with_suffix(".new").write_bytes(pickle.dumps(whole))
        saved.with_suffix(".new").replace(saved)

    if saved and saved.exists():
        params, state, corpus, encoder.rng, seen, losses, first, before = pickle.loads(saved.read_bytes())
        corpus.text = text
    else:
        params = learn_choices(params, corpus, encoder, text, shape)
        if saved:
            keep(0, time.time() - began)
    for n in range(first, len(plan)):
        speed, (rows, length, brief) = plan[n]
        batch = [encoder.row(corpus, length, brief) for _ in range(rows)]
        ids = np.array([b[0] for b in batch], np.int32)
        weights = np.array([b[1] for b in batch], np.float32)
        seen += ids.size
        params, state, value = update(params, state, ids, weights, np.float32(speed))
        losses.append(float(value))
        spent = before + time.time() - began
        if n % 25 == 24 or n + 1 == len(plan):
            recent = np.mean(losses[-25:])
            print(f"step {n + 1}/{len(plan)}  loss {recent:.4f}  {spent:.0f} s  {seen / spent:.0f} tokens/s", flush=True)
        if saved and n % 50 == 49:
            keep(n + 1, spent)
    gguf_file.write(args.out, jax.device_get(params), shape, tokens, merges)
    figures = {
        "steps": len(plan), "seconds": round(before + time.time() - began), "tokens_seen": seen,
        "loss": round(float(np.mean(losses[-50:])), 4),
        "weights": gguf_file.size(params), "bytes": args.out.stat().st_size,
    }
    print(json.dumps(figures))
    if args.report:
        args.report.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
