"""The network of the model "guide": a small Llama, its loss and its optimiser, in JAX.

Weights are kept as (in, out) matrices, stacked over the layers, so that one `scan` runs
all layers and compiles once. RoPE turns neighbouring pairs (2i, 2i+1), which is the
order llama.cpp uses for the "llama" architecture: nothing is permuted on the way out.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp


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


def init(shape, seed):
    """Fresh weights: normal, with the two matrices that write to the residual scaled down."""
    keys = iter(jax.random.split(jax.random.PRNGKey(seed), 16))

    def matrix(rows, cols, scale=1.0):
        draw = jax.random.normal(next(keys), (shape.layers, rows, cols))
        return draw * (scale / math.sqrt(rows))

    w, f, n = shape.width, shape.ff, shape.layers
    back = 1 / math.sqrt(2 * n)
    return {
        "embed": jax.random.normal(next(keys), (shape.vocab, w)) * 0.02,
        "norm": jnp.ones(w),
        "output": jax.random.normal(next(keys), (shape.vocab, w)) * 0.02,
        "layers": {
            "attn_norm": jnp.ones((n, w)),
            "q": matrix(w, w),
            "k": matrix(w, shape.kv),
            "v": matrix(w, shape.kv),
            "o": matrix(w, w, back),
            "ffn_norm": jnp.ones((n, w)),
            "gate": matrix(w, f),
            "up": matrix(w, f),
            "down": matrix(f, w, back),
        },
    }


def rms(x, weight, eps):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * weight


def rope(x, shape, first=0):
    """Rotate neighbouring pairs of `x` (batch, time, heads, head) by their position."""
    half = shape.head // 2
    angle = (first + jnp.arange(x.shape[1]))[:, None] * shape.rope_base ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angle)[None, :, None, :], jnp.sin(angle)[None, :, None, :]
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def hidden(params, tokens, shape):
    """The last layer's output, normed, for a batch of token rows."""
    batch, time = tokens.shape
    groups = shape.heads // shape.kv_heads
    mask = jnp.where(jnp.tril(jnp.ones((time, time), bool)), 0.0, -1e9)

    def layer(x, p):
        h = rms(x, p["attn_norm"], shape.eps)
        q = rope((h @ p["q"]).reshape(batch, time, shape.heads, shape.head), shape)
        k = rope((h @ p["k"]).reshape(batch, time, shape.kv_heads, shape.head), shape)
        v = (h @ p["v"]).reshape(batch, time, shape.kv_heads, shape.head)
        q = q.reshape(batch, time, shape.kv_heads, groups, shape.head)
        score = jnp.einsum("btkgd,bskd->bkgts", q, k) / math.sqrt(shape.head) + mask
        mixed = jnp.einsum("bkgts,bskd->btkgd", jax.nn.softmax(score, -1), v)
        x = x + mixed.reshape(batch, time, shape.width) @ p["o"]
        h = rms(x, p["ffn_norm"], shape.eps)
        return x + (jax.nn.silu(h @ p["gate"]) * (h @ p["up"])) @ p["down"], None

    x, _ = jax.lax.scan(layer, params["embed"][tokens], params["layers"])
    return rms(x, params["norm"], shape.eps)


def loss(params, tokens, weights, shape):
    """Mean cross entropy of the next token, over the positions whose weight is not 0."""
    x = hidden(params, tokens[:, :-1], shape)
    logits = x @ params["output"].T
    target = tokens[:, 1:]
    picked = jnp.take_along_axis(logits, target[..., None], -1)[..., 0]
    nll = jax.nn.logsumexp(logits, -1) - picked
    w = weights[:, 1:]
    return jnp.sum(nll * w) / jnp.maximum(jnp.sum(w), 1.0)


# The first stage: which answer does a question want? Only the embedding and the first layer take
# part, and only the last position asks, so a question costs a small part of what it costs later.


def topic_loss(part, ids, seen, topic, shape):
    """Cross entropy of the topic, read off the first layer at the last position of each row."""
    rows, time = ids.shape
    x = part["embed"][ids]
    h = rms(x, part["attn_norm"], shape.eps)
    k = rope((h @ part["k"]).reshape(rows, time, shape.kv_heads, shape.head), shape)
    v = (h @ part["v"]).reshape(rows, time, shape.kv_heads, shape.head)
    q = rope((h[:, -1:] @ part["q"]).reshape(rows, 1, shape.heads, shape.head), shape, time - 1)
    q = q.reshape(rows, shape.kv_heads, -1, shape.head)
    score = jnp.einsum("bkgd,bskd->bkgs", q, k) / math.sqrt(shape.head)
    share = jax.nn.softmax(jnp.where(seen[:, None, None], score, -1e9), -1)
    x = x[:, -1] + jnp.einsum("bkgs,bskd->bkgd", share, v).reshape(rows, shape.width) @ part["o"]
    h = rms(x, part["ffn_norm"], shape.eps)
    x = x + (jax.nn.silu(h @ part["gate"]) * (h @ part["up"])) @ part["down"]
    logits = rms(x, 1.0, shape.eps) @ part["topic"]
    nll = jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, topic[:, None], -1)[:, 0]
    return jnp.mean(nll), jnp.mean(jnp.argmax(logits, -1) == topic)


def topic_step(part, m, v, count, ids, seen, topic, rate, shape):
    """One step of Adam for the first stage."""
    (value, right), grads = jax.value_and_grad(topic_loss, has_aux=True)(part, ids, seen, topic, shape)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.98 * v + 0.02 * g * g, v, grads)
    part = jax.tree.map(
        lambda p, m, v: p - rate * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.98**count)) + 1e-8), part, m, v)
    return part, m, v, value, right


# Optimiser: Muon for the matrices inside the layers, Adam for the rest. What the first stage has
# taught, the embedding and the first layer, moves at a fraction of the rate.

SLOW = 0.1
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


def step(params, state, tokens, weights, rate, shape):
    """One update. `rate` runs from 0 to 1 and back to 0; each kind of weight scales it."""
    value, grads = jax.value_and_grad(loss)(params, tokens, weights, shape)
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(grads)))
    grads = jax.tree.map(lambda g: g * jnp.minimum(1.0, 1.0 / (norm + 1e-6)), grads)
    count = state["step"] + 1

    def muon(p, g, m):
        m = 0.95 * m + g
        turn = jax.vmap(orthogonal)(g + 0.95 * m)
        scale = math.sqrt(max(1.0, p.shape[-1] / p.shape[-2]))
        each = jnp.where(jnp.arange(p.shape[0]) == 0, SLOW, 1.0)[:, None, None] * rate * 0.02
        return p * (1 - each * 0.05) - each * scale * turn, m

    def adam(p, g, m, v, lr):
        m = 0.9 * m + 0.1 * g
        v = 0.98 * v + 0.02 * g * g
        mhat, vhat = m / (1 - 0.9**count), v / (1 - 0.98**count)
        return p - rate * lr * mhat / (jnp.sqrt(vhat) + 1e-8), m, v

    m, v = state["m"], state["v"]
    out, om, ov = {"layers": {}}, {"layers": {}}, {"layers": {}}
    for name, lr in (("embed", 0.003 * SLOW), ("norm", 0.003), ("output", 0.003)):
        out[name], om[name], ov[name] = adam(params[name], grads[name], m[name], v[name], lr)
    for name, p in params["layers"].items():
        g, mm, vv = grads["layers"][name], m["layers"][name], v["layers"][name]
        if name in MATRICES:
            out["layers"][name], om["layers"][name] = muon(p, g, mm)
            ov["layers"][name] = vv
        else:
            out["layers"][name], om["layers"][name], ov["layers"][name] = adam(p, g, mm, vv, 0.003)
    return out, {"m": om, "v": ov, "step": count}, value
