"""The network of the model "guide": a small Llama, its losses and its optimiser, in JAX.

The lower layers, the reader, learn what a question is about; the upper ones, the speaker,
learn to say the answer. Matrices are kept as (in, out), stacked over the layers. RoPE turns
neighbouring pairs (2i, 2i+1), which is the order llama.cpp uses for the "llama"
architecture: nothing is permuted on the way out.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

READER = 2  # layers that read
LOUD = 10.0  # scale of the embedding
BLOCK = 256  # queries that attention scores at once


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of the network. Every row length is a multiple of 32, as Q8_0 wants."""

    vocab: int = 2560
    width: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 2
    ff: int = 512
    context: int = 1024
    rope_base: float = 10000.0
    eps: float = 1e-5

    @property
    def head(self):
        return self.width // self.heads

    @property
    def kv(self):
        return self.kv_heads * self.head


def init(shape, topics, seed):
    """Fresh weights of what reads and of what speaks.

    They are normal, with the two matrices that write to the residual scaled down. Layer 0 starts
    silent: at first the reader learns without it. Its feed-forward part, which would cost more than
    all the rest of reading, stays silent for good.
    """
    keys = iter(jax.random.split(jax.random.PRNGKey(seed), 32))

    def normal(scale, *sizes):
        return scale * jax.random.normal(next(keys), sizes)

    def stack(n):
        w, f = shape.width, shape.ff
        back = 1 / math.sqrt(2 * shape.layers)
        return {
            "attn_norm": jnp.ones((n, w)),
            "q": normal(1 / math.sqrt(w), n, w, w),
            "k": normal(1 / math.sqrt(w), n, w, shape.kv),
            "v": normal(1 / math.sqrt(w), n, w, shape.kv),
            "o": normal(back / math.sqrt(w), n, w, w),
            "ffn_norm": jnp.ones((n, w)),
            "gate": normal(1 / math.sqrt(w), n, w, f),
            "up": normal(1 / math.sqrt(w), n, w, f),
            "down": normal(back / math.sqrt(f), n, f, w),
        }

    reader = stack(READER)
    reader |= {name: reader[name].at[0].set(0.0) for name in ("o", "down")}
    return {
        "embed": normal(0.02, shape.vocab, shape.width),
        "shared": normal(0.02, shape.vocab, shape.width),
        "reader": reader,
        "topic": normal(0.05, shape.width, topics),
    }, {
        "speaker": stack(shape.layers - READER),
        "norm": jnp.ones(shape.width),
        "output": normal(0.02, shape.vocab, shape.width),
    }


def rms(x, weight, eps):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * weight


def rope(x, places, shape):
    """Rotate neighbouring pairs of `x` (batch, time, heads, head) by their place (batch or 1, time)."""
    pair = jnp.arange(shape.head) // 2
    angle = (places[..., None] * shape.rope_base ** (-2 * pair / shape.head))[:, :, None]
    quarter = jnp.kron(jnp.eye(shape.head // 2), jnp.array([[0.0, 1.0], [-1.0, 0.0]]))
    turned = (x.reshape(-1, shape.head) @ quarter).reshape(x.shape)
    return x * jnp.cos(angle) + turned * jnp.sin(angle)


def layer(x, p, shape, at=None, ffn=True):
    """One layer: its output at every place, or only at the places `at` (batch, number).

    Without `ffn` it leaves out the feed-forward part.
    """
    batch, time, width = x.shape
    every = jnp.arange(time)[None]

    def times(x, matrix):
        """Matrix product of rows laid end to end, which the compiler runs at twice the speed."""
        return (x.reshape(-1, x.shape[-1]) @ matrix).reshape(*x.shape[:2], -1)

    h = rms(x, p["attn_norm"], shape.eps)
    k = rope(times(h, p["k"]).reshape(batch, time, shape.kv_heads, shape.head), every, shape)
    v = times(h, p["v"]).reshape(batch, time, shape.kv_heads, shape.head)
    if at is None:
        at = every
    else:
        x, h = (jnp.take_along_axis(a, at[..., None], 1) for a in (x, h))
    number = at.shape[1]
    q = rope(times(h, p["q"]).reshape(batch, number, shape.heads, shape.head), at, shape)
    q = q.reshape(batch, number, shape.kv_heads, -1, shape.head)
    mixed = []
    for start in range(0, number, BLOCK):
        some, places = q[:, start:start + BLOCK], at[:, start:start + BLOCK]
        last = time if at is not every else start + some.shape[1]
        score = jnp.einsum("btkgd,bskd->bkgts", some, k[:, :last]) / math.sqrt(shape.head)
        mask = jnp.where(every[:, None, :last] <= places[..., None], 0.0, -1e9)[:, None, None]
        mixed.append(jnp.einsum("bkgts,bskd->btkgd", jax.nn.softmax(score + mask, -1), v[:, :last]))
    mixed = jnp.concatenate(mixed, 1)
    x = x + times(mixed.reshape(batch, number, width), p["o"])
    if not ffn:
        return x
    h = rms(x, p["ffn_norm"], shape.eps)
    return x + times(jax.nn.silu(times(h, p["gate"])) * times(h, p["up"]), p["down"])


def nth(stack, n):
    return jax.tree.map(lambda w: w[n], stack)


def cross_entropy(logits, wanted):
    """Mean over the places where `wanted` is not negative, and the share that is right there."""
    nll = jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, jnp.maximum(wanted, 0)[..., None], -1)[..., 0]
    counts = wanted >= 0
    total = jnp.maximum(jnp.sum(counts), 1)
    return jnp.sum(nll * counts) / total, jnp.sum((jnp.argmax(logits, -1) == wanted) * counts) / total


# Reading: which of the topics is a question about? `asked` and `topics`, both (batch, number), are the
# places where an answer is about to begin and the numbers of the topics, -1 where there is none.


def table(read, stems):
    """The embedding: what a token has in common with its other spellings, and what is its own.

    It is scaled up to hold its own against what the layers add: the speaker has to see the token itself.
    """
    return LOUD * (read["embed"] + read["shared"][stems])


def topic_logits(read, ids, asked, stems, shape, silent):
    """Scores of the topics, read off the second layer. A `silent` first layer costs nothing."""
    x = table(read, stems)[ids]
    if not silent:
        x = layer(x, nth(read["reader"], 0), shape, ffn=False)
    x = layer(x, nth(read["reader"], 1), shape, asked)
    return rms(x, 1.0, shape.eps) @ read["topic"]


def topic_loss(read, batch, stems, shape, silent):
    ids, asked, topics = batch[:3]
    return cross_entropy(topic_logits(read, ids, asked, stems, shape, silent), topics)


# Speaking: `said` are the places before each token of an answer, `tokens` these tokens, -1 where
# there is none. What reads is left as it is, so that the topics it knows cannot be lost.


def answer_loss(speak, batch, read, stems, shape):
    ids, _, _, said, tokens = batch
    x = layer(table(read, stems)[ids], nth(read["reader"], 0), shape, ffn=False)
    x = layer(x, nth(read["reader"], 1), shape)
    layers = shape.layers - READER
    for n in range(layers):
        x = layer(x, nth(speak["speaker"], n), shape, said if n + 1 == layers else None)
    return cross_entropy(rms(x, speak["norm"], shape.eps) @ speak["output"].T, tokens)


# Optimiser: Muon for the matrices inside the layers, Adam for the rest.

STACKS = ("reader", "speaker")
MATRICES = ("q", "k", "v", "o", "gate", "up", "down")


def orthogonal(g):
    """Newton-Schulz: push the singular values of a matrix towards 1."""
    flip = g.shape[0] > g.shape[1]
    x = g.T if flip else g
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if flip else x


def optimiser_state(params):
    return {"m": jax.tree.map(jnp.zeros_like, params), "v": jax.tree.map(jnp.zeros_like, params), "step": jnp.zeros((), jnp.int32)}


def step(params, state, rate, *rest, loss):
    """One update against `loss(params, *rest)`. `rate` runs from 0 to 1 and back; each kind of weight scales it."""
    (value, right), grads = jax.value_and_grad(loss, has_aux=True)(params, *rest)
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(grads)))
    grads = jax.tree.map(lambda g: g * jnp.minimum(1.0, 1.0 / (norm + 1e-6)), grads)
    count = state["step"] + 1

    def muon(p, g, m):
        m = 0.95 * m + g
        turn = jax.vmap(orthogonal)(g + 0.95 * m)
        scale = math.sqrt(max(1.0, p.shape[-1] / p.shape[-2]))
        return p * (1 - rate * 0.001) - rate * 0.02 * scale * turn, m

    def adam(p, g, m, v):
        m = 0.9 * m + 0.1 * g
        v = 0.98 * v + 0.02 * g * g
        mhat, vhat = m / (1 - 0.9**count), v / (1 - 0.98**count)
        return p - rate * 0.003 * mhat / (jnp.sqrt(vhat) + 1e-8), m, v

    def update(path, p, g, m, v):
        if path[0].key in STACKS and path[-1].key in MATRICES:
            return *muon(p, g, m), v
        return adam(p, g, m, v)

    both = jax.tree_util.tree_map_with_path(update, params, grads, state["m"], state["v"])
    params, m, v = jax.tree.transpose(jax.tree.structure(params), jax.tree.structure((0, 0, 0)), both)
    return params, {"m": m, "v": v, "step": count}, value, right


def whole(read, speak, stems):
    """The finished network as it goes into the file."""
    layers = {name: jnp.concatenate([w, speak["speaker"][name]]) for name, w in read["reader"].items()}
    return {"embed": table(read, stems), "norm": speak["norm"], "output": speak["output"], "layers": layers}
