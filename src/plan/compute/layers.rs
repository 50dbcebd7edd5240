//! The operations of a layer, in the order in which llama.cpp's graph has them.

use super::super::memory::{Cells, Run};
use super::arena::{Graph, Id};
use crate::gguf::{Facts, LayerCache};

const F32: u64 = 4;
const I32: u64 = 4;
const I64: u64 = 8;

/// Architectures that compute the whole last layer before they keep the rows asked for.
const LATE: [&str; 10] = [
    "bailingmoe3",
    "cohere2moe",
    "gemma4",
    "gpt-oss",
    "hy_v3",
    "nemotron-h",
    "qwen35",
    "qwen35moe",
    "qwen3next",
    "step35",
];

/// What decides which operations a layer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    mixer: Mixer,
    windowed: bool,
    experts: bool,
    heads: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mixer {
    Attention,
    /// `llm_build_mamba_base::build_mamba_layer`
    Mamba,
    /// `build_mamba2_layer`, and what resembles it.
    Mamba2,
    /// `build_shortconv_block`
    ShortConvolution,
    /// Neither: the layer only feeds forward.
    None,
}

impl Kind {
    pub fn of(facts: &Facts, layer: usize) -> Self {
        let cache = facts.caches.get(layer).copied().unwrap_or_default();
        let heads = facts.n_head.get(layer).copied().unwrap_or(0);
        let mixer = match (cache.state > 0, facts.recurrent.groups > 0) {
            (true, _) if facts.arch.starts_with("lfm2") => Mixer::ShortConvolution,
            (true, true) => Mixer::Mamba2,
            (true, false) => Mixer::Mamba,
            (false, _) if cache.keys > 0 || heads > 0 && !facts.has_states() => Mixer::Attention,
            (false, _) => Mixer::None,
        };
        Self {
            mixer,
            windowed: cache.windowed,
            experts: facts.has_experts(layer),
            heads,
        }
    }
}

/// Sizes of one step of computation.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    tokens: u64,
    outputs: u64,
    sequences: u64,
    cells: Cells,
}

impl Step {
    /// `llama_context::sched_reserve`
    pub fn new(facts: &Facts, run: &Run) -> Self {
        let cells = run.cells(facts.sliding_window);
        let tokens = u64::from(run.n_ubatch).min(cells.total);
        Self {
            tokens,
            outputs: u64::from(run.n_outputs).min(tokens),
            sequences: u64::from(run.n_seq.max(1)),
            cells,
        }
    }

    /// Cells that a token of a sequence is compared with.
    fn keys(&self, windowed: bool) -> u64 {
        if windowed {
            self.cells.window
        } else {
            self.cells.full
        }
    }
}

/// Writes a model's operations into a graph.
pub struct Builder<'a> {
    facts: &'a Facts,
    run: &'a Run,
    step: Step,
    graph: &'a mut Graph,
    /// The residual stream.
    stream: Id,
    /// Its last sum, when that was not made yet.
    pending: Option<(Id, Id)>,
    /// What all layers use, by device: copied once to each.
    shared: Vec<Vec<(Id, Id)>>,
    entered: Vec<bool>,
    masks: [Option<Id>; 2],
    /// Positions and the like; whether only attention needs them.
    indices: Vec<(Id, bool)>,
    /// Copies of these on GPUs.
    copies: Vec<Id>,
    /// Which masks, full and windowed, the layers of each device use.
    masks_of: Vec<[bool; 2]>,
    sinks: bool,
}

fn product(factors: &[u64]) -> u64 {
    factors.iter().fold(1, |all, one| all.saturating_mul(*one))
}

impl<'a> Builder<'a> {
    pub fn new(
        facts: &'a Facts,
        run: &'a Run,
        step: Step,
        graph: &'a mut Graph,
        place: &[usize],
        devices: usize,
    ) -> Self {
        let mut masks_of = vec![[false; 2]; devices];
        for (cache, device) in facts.caches.iter().zip(place) {
            if cache.keys > 0 {
                masks_of[*device][usize::from(cache.windowed)] = true;
            }
        }
        Self {
            facts,
            run,
            step,
            graph,
            stream: 0,
            pending: None,
            shared: vec![Vec::new(); devices],
            entered: vec![false; devices],
            masks: [None; 2],
            indices: Vec::new(),
            copies: Vec::new(),
            masks_of,
            sinks: facts.sinks,
        }
    }

    /// Numbers of each token of the step.
    fn rows(&self, width: u64) -> u64 {
        product(&[self.step.tokens, width, F32])
    }

    fn embd(&self) -> u64 {
        self.facts.n_embd.into()
    }

    /// Tokens, embeddings, positions, masks: `build_inp_embd` and `build_attn_inp_kv` make them all
    /// on the host; `first` is the device of the first layer.
    pub fn inputs(&mut self, first: usize) {
        let tokens = self.step.tokens;
        let wide = self.rows(self.embd());
        let ids = self.graph.input(0, product(&[tokens, I32]));
        // Embeddings may come from outside instead of tokens, or mixed with them. They do not here,
        // and yet they and the mixture have their places to the end.
        self.graph.input(0, wide);
        let mixed = self.graph.input(0, wide);
        let mixed_ids = self.graph.input(0, product(&[tokens, I32]));
        let positions = self.graph.input(0, product(&[tokens, I32]));
        let slots = self.graph.input(0, product(&[tokens, I64]));
        let outputs = self.graph.input(0, product(&[self.step.outputs, I32]));
        self.indices
            .extend([positions, slots, outputs].map(|node| (node, false)));
        for windowed in [false, true] {
            let kept = |cache: &LayerCache| cache.keys > 0 && cache.windowed == windowed;
            let any = self.facts.caches.iter().any(kept);
            if any || self.facts.sliding_window.is_some() && !windowed {
                self.attention_inputs(windowed);
            }
        }
        if self.facts.has_states() {
            let states = self.graph.input(0, product(&[self.step.sequences, I32]));
            self.indices.push((states, false));
        }
        self.stream = self.graph.result(0, wide, &[ids]);
        if first == 0 {
            let mixture = self.graph.result(0, wide, &[mixed]);
            let rows = self.graph.result(0, wide, &[mixed_ids]);
            self.graph.view(mixture);
            self.graph.store(rows);
        } else {
            // Nothing ties the mixing to the host, so it goes where the first layer is.
            let rows = self.graph.result(0, wide, &[mixed_ids]);
            let mixed = self.on(first, mixed);
            let mixture = self.graph.result(first, wide, &[mixed]);
            let rows = self.on(first, rows);
            self.stream = self.on(first, self.stream);
            self.enter(first);
            self.graph.view(mixture);
            self.graph.store(rows);
        }
    }

    /// Copies of everything from outside come to a device before its first operation.
    fn enter(&mut self, device: usize) {
        if device == 0 || self.entered[device] {
            return;
        }
        self.entered[device] = true;
        // What only attention needs stays on the host where that is computed there, or not at all.
        let attends = self.masks_of[device].contains(&true);
        let away = !attends || !self.run.offload_kqv && !self.run.flash_attn;
        for (mask, used) in self.masks.into_iter().zip(self.masks_of[device]) {
            if let Some(mask) = mask.filter(|_| used && !away) {
                self.on(device, mask);
            }
        }
        for (node, attention) in self.indices.clone() {
            if !(attention && away) {
                let copy = self.on(device, node);
                self.copies.push(copy);
            }
        }
    }

    /// `build_input_k_idxs`, `build_input_v_idxs`, `build_attn_inp_kq_mask`
    fn attention_inputs(&mut self, windowed: bool) {
        let Step { tokens, .. } = self.step;
        let keys = self.graph.input(0, product(&[tokens, I64]));
        self.indices.push((keys, true));
        if !self.facts.latent_cache {
            let rows = if self.run.flash_attn {
                1
            } else {
                self.facts.widest_values()
            };
            let values = self.graph.input(0, product(&[tokens, rows, I64]));
            self.indices.push((values, true));
        }
        let number = if self.run.flash_attn { 2 } else { F32 };
        let mask = product(&[self.step.keys(windowed), tokens, number]);
        self.masks[usize::from(windowed)] = Some(self.graph.input(0, mask));
    }

    /// The node on a device: a copy, made once, where it lies elsewhere
    /// (`ggml_backend_sched_split_graph`).
    fn on(&mut self, device: usize, node: Id) -> Id {
        if self.graph.device(node) == device {
            return node;
        }
        let known = self.shared[device].iter().find(|(of, _)| *of == node);
        if let Some((_, copy)) = known {
            return *copy;
        }
        let bytes = self.graph.bytes(node);
        let copy = self.graph.result(device, bytes, &[node]);
        self.shared[device].push((node, copy));
        copy
    }

    /// One layer on its device.
    pub fn layer(&mut self, layer: usize, device: usize, last: bool) {
        let kind = Kind::of(self.facts, layer);
        let wide = self.rows(self.embd());
        let before = self.stream_on(device);
        self.enter(device);
        let state = self.convolution_state(device, kind);
        let norm = self.graph.in_place(device, wide, &[before]);
        let norm = self.graph.in_place(device, wide, &[norm]);
        let mixed = match kind.mixer {
            Mixer::Attention if self.facts.latent_cache => self.latent(device, norm),
            Mixer::Attention => self.attention(layer, device, norm, kind),
            Mixer::Mamba => self.mamba(device, norm, state),
            Mixer::Mamba2 => self.mamba2(device, norm, state),
            Mixer::ShortConvolution => self.short_convolution(device, norm, state),
            Mixer::None => norm,
        };
        let last = last && !LATE.contains(&self.facts.arch.as_str());
        let (mixed, before, wide) = if last {
            let few = product(&[self.step.outputs, self.embd(), F32]);
            let mixed = self.graph.result(device, few, &[mixed]);
            let before = self.graph.result(device, few, &[before]);
            (mixed, before, few)
        } else {
            (mixed, before, wide)
        };
        let sum = self.graph.in_place(device, wide, &[mixed, before]);
        self.stream = if self.facts.feeds_forward() {
            let norm = self.graph.in_place(device, wide, &[sum]);
            let norm = self.graph.in_place(device, wide, &[norm]);
            let tokens = if last {
                self.step.outputs
            } else {
                self.step.tokens
            };
            let out = if kind.experts {
                self.experts(device, norm, tokens)
            } else {
                let width = u64::from(self.facts.n_ff_dense);
                self.feed_forward(device, norm, tokens, width)
            };
            self.pending = Some((out, sum));
            out
        } else {
            self.pending = None;
            sum
        };
    }

    /// The residual stream as a device needs it. Nothing ties the sum that ends a layer to the
    /// host, so a GPU that comes next makes it, of copies of both parts.
    fn stream_on(&mut self, device: usize) -> Id {
        let Some((out, sum)) = self.pending.take() else {
            return self.on(device, self.stream);
        };
        let place = match self.graph.device(out) {
            0 => device,
            there => there,
        };
        let wide = self.graph.bytes(sum);
        let (out, sum) = (self.on(place, out), self.on(place, sum));
        let stream = self.graph.in_place(place, wide, &[out, sum]);
        self.on(device, stream)
    }

    /// The last norm and the logits, which stay to the end.
    pub fn output(&mut self, device: usize) {
        let Step { outputs, .. } = self.step;
        let few = product(&[outputs, self.embd(), F32]);
        let mut stream = self.stream_on(device);
        self.enter(device);
        if self.graph.bytes(stream) > few {
            stream = self.graph.result(device, few, &[stream]);
        }
        let norm = self.graph.in_place(device, few, &[stream]);
        let norm = self.graph.in_place(device, few, &[norm]);
        let logits = product(&[outputs, self.facts.n_vocab.into(), F32]);
        self.graph.result(device, logits, &[norm]);
        // Positions and the like are needed up to the last layer.
        let indices = self.indices.iter().map(|(node, _)| *node);
        let last: Vec<Id> = indices.chain(self.copies.iter().copied()).collect();
        for node in last {
            self.graph.store(node);
        }
    }

    /// `build_qkv`, `build_attn` and `build_attn_mha`.
    fn attention(&mut self, layer: usize, device: usize, norm: Id, kind: Kind) -> Id {
        let cache = self.facts.caches.get(layer).copied().unwrap_or_default();
        let heads = u64::from(kind.heads);
        let (head_k, head_v) = self.facts.head_lengths(kind.windowed);
        let (queries, keys, values) = (heads * head_k, cache.keys, cache.values);
        let parts = if self.facts.fused_qkv {
            let all = self.graph.result(
                device,
                self.rows(queries.saturating_add(keys).saturating_add(values)),
                &[norm],
            );
            let [q, k, v] = [0; 3].map(|_| self.graph.view(all));
            // Turned by position, they leave the common row.
            let q = self.graph.result(device, self.rows(queries), &[q]);
            let k = self.graph.result(device, self.rows(keys), &[k]);
            [q, v, k]
        } else {
            [queries, values, keys].map(|width| {
                let made = self.graph.result(device, self.rows(width), &[norm]);
                self.graph.in_place(device, self.rows(width), &[made])
            })
        };
        let [q, v, k] = parts;
        let cache = self.cache_device(device);
        for node in [k, v] {
            let there = self.on(cache, node);
            self.graph.store(there);
        }
        let q = self.on(cache, q);
        let scored = self.scores(cache, q, kind.windowed, heads, head_v);
        let all = self.rows(heads * head_v);
        let joined = if self.run.flash_attn {
            scored
        } else {
            self.graph.result(cache, all, &[scored])
        };
        let joined = self.on(device, joined);
        self.graph.result(device, self.rows(self.embd()), &[joined])
    }

    /// Where attention is computed: at the cache, but where sinks, which are weights, draw it to the
    /// layer.
    fn cache_device(&self, device: usize) -> usize {
        if self.run.offload_kqv || self.sinks && !self.run.flash_attn {
            device
        } else {
            0
        }
    }

    /// Queries against keys, and what comes out of the values, a row for each token and head.
    fn scores(&mut self, device: usize, q: Id, windowed: bool, heads: u64, value: u64) -> Id {
        let out = self.rows(heads * value);
        let mask = self.masks[usize::from(windowed)];
        let mask = mask.map(|mask| self.on(device, mask));
        let with = |node: Id| mask.map_or(vec![node], |mask| vec![node, mask]);
        if self.run.flash_attn {
            return self.graph.result(device, out, &with(q));
        }
        let keys = self.step.keys(windowed);
        let all = product(&[self.step.tokens, keys, heads, F32]);
        let scores = self.graph.result(device, all, &[q]);
        let scores = self.graph.in_place(device, all, &with(scores));
        self.graph.result(device, out, &[scores])
    }

    /// `llama_model_deepseek2::graph` with absorbed keys.
    fn latent(&mut self, device: usize, norm: Id) -> Id {
        let heads = u64::from(self.facts.n_head.iter().copied().max().unwrap_or(0));
        let row = u64::from(self.facts.key_length);
        let rank = u64::from(self.facts.value_length);
        let turned = row.saturating_sub(rank);
        let [head_k, head_v] = self.facts.latent_heads.map(u64::from);
        let down = self
            .graph
            .result(device, self.rows(self.facts.q_rank.into()), &[norm]);
        let down = self.graph.in_place(device, self.graph.bytes(down), &[down]);
        let q = self
            .graph
            .result(device, self.rows(heads * head_k), &[down]);
        let kv = self.graph.result(device, self.rows(row), &[norm]);
        let [q_rest, q_turned] = [0; 2].map(|_| self.graph.view(q));
        let [kv_rest, kv_turned] = [0; 2].map(|_| self.graph.view(kv));
        let absorbed = self
            .graph
            .result(device, self.rows(heads * rank), &[q_rest]);
        let q_turned = self
            .graph
            .result(device, self.rows(heads * turned), &[q_turned]);
        let q = self
            .graph
            .result(device, self.rows(heads * row), &[absorbed, q_turned]);
        let rest = self.graph.result(device, self.rows(rank), &[kv_rest]);
        let kv_turned = self.graph.result(device, self.rows(turned), &[kv_turned]);
        let k = self
            .graph
            .result(device, self.rows(row), &[rest, kv_turned]);
        self.graph.store(k);
        let scored = if self.run.flash_attn {
            self.scores(device, q, false, heads, rank)
        } else {
            self.latent_scores(device, q, heads, rank)
        };
        let out = self
            .graph
            .result(device, self.rows(heads * head_v), &[scored]);
        let out = self.graph.result(device, self.rows(heads * head_v), &[out]);
        self.graph.result(device, self.rows(self.embd()), &[out])
    }

    /// As [`Self::scores`], with the values turned out of the cache of keys first.
    fn latent_scores(&mut self, device: usize, q: Id, heads: u64, rank: u64) -> Id {
        let keys = self.step.keys(false);
        let all = product(&[self.step.tokens, keys, heads, F32]);
        let scores = self.graph.result(device, all, &[q]);
        let mask = self.masks[0].map(|mask| self.on(device, mask));
        let scores = match mask {
            Some(mask) => self.graph.in_place(device, all, &[scores, mask]),
            None => scores,
        };
        let streams = self.step.cells.streams;
        let values = self
            .run
            .type_k
            .bytes_for(rank)
            .saturating_mul(keys * streams);
        let values = self.graph.result(device, values, &[]);
        self.graph
            .result(device, self.rows(heads * rank), &[values, scores])
    }

    /// `build_ffn`: the gate and the other half are made beside each other, then joined.
    fn feed_forward(&mut self, device: usize, norm: Id, tokens: u64, width: u64) -> Id {
        let wide = product(&[tokens, width, F32]);
        let joined = if self.facts.gated {
            let gate = self.graph.result(device, wide, &[norm]);
            let up = self.graph.result(device, wide, &[norm]);
            self.graph.result(device, wide, &[gate, up])
        } else {
            let up = self.graph.result(device, wide, &[norm]);
            self.graph.in_place(device, wide, &[up])
        };
        let out = product(&[tokens, self.embd(), F32]);
        self.graph.result(device, out, &[joined])
    }

    /// `build_moe_ffn`, and what every token uses beside the experts.
    fn experts(&mut self, device: usize, norm: Id, tokens: u64) -> Id {
        let all = u64::from(self.facts.n_expert);
        let used = u64::from(self.facts.n_expert_used);
        let width = u64::from(self.facts.n_ff_exp);
        let numbers = |width: u64| product(&[tokens, width, F32]);
        let logits = self.graph.result(device, numbers(all), &[norm]);
        let probabilities = self.graph.in_place(device, numbers(all), &[logits]);
        let order = self.graph.result(device, numbers(all), &[probabilities]);
        let chosen = self.graph.view(order);
        let weights = self
            .graph
            .result(device, numbers(used), &[probabilities, chosen]);
        let wide = numbers(used.saturating_mul(width));
        let up = self.graph.result(device, wide, &[norm, chosen]);
        let gate = self.graph.result(device, wide, &[norm, chosen]);
        let joined = self.graph.result(device, wide, &[gate, up]);
        let each = numbers(used.saturating_mul(self.embd()));
        let each_out = self.graph.result(device, each, &[joined, chosen]);
        let weighted = self.graph.in_place(device, each, &[each_out, weights]);
        let out = numbers(self.embd());
        let views: Vec<Id> = (0..used.min(64))
            .map(|_| self.graph.view(weighted))
            .collect();
        let mut sum = views.first().copied().unwrap_or(weighted);
        for (index, view) in views.iter().enumerate().skip(1) {
            sum = match index {
                1 => self.graph.result(device, out, &[sum, *view]),
                _ => self.graph.in_place(device, out, &[sum, *view]),
            };
        }
        if views.len() < 2 {
            sum = self.graph.result(device, out, &[sum]);
        }
        if self.facts.n_ff_shared > 0 {
            let shared = self.feed_forward(device, norm, tokens, self.facts.n_ff_shared.into());
            sum = self.graph.in_place(device, out, &[sum, shared]);
        }
        sum
    }

    /// The rows of a recurrent state of all sequences.
    fn states(&self, width: u64) -> u64 {
        product(&[self.step.sequences, width, F32])
    }

    /// `llm_build_mamba_base::build_mamba_layer`
    fn mamba(&mut self, device: usize, norm: Id, state: Id) -> Id {
        let widths = self.facts.recurrent;
        let (inner, size) = (u64::from(widths.inner), u64::from(widths.state));
        let rank = u64::from(widths.rank);
        let both = self.graph.result(device, self.rows(2 * inner), &[norm]);
        let [x, z] = [0; 2].map(|_| self.graph.view(both));
        let seen = self.convolved(device, inner, state, x);
        let x = self.graph.result(device, self.rows(inner), &[seen]);
        let x = self.graph.in_place(device, self.rows(inner), &[x]);
        let rows = self.graph.result(device, self.rows(rank + 2 * size), &[x]);
        let [dt, b, c] = [0; 3].map(|_| self.graph.view(rows));
        let dt = self.graph.result(device, self.rows(rank), &[dt]);
        let dt = self.graph.result(device, self.rows(inner), &[dt]);
        let dt = self.graph.in_place(device, self.rows(inner), &[dt]);
        let seen = self.graph.view(x);
        let y = self.scan(device, inner, product(&[inner, size]), &[seen, dt, b, c]);
        let z = self.graph.result(device, self.rows(inner), &[z]);
        let skipped = self.graph.in_place(device, self.rows(inner), &[x]);
        let y = self.graph.in_place(device, self.rows(inner), &[y, skipped]);
        self.gated_out(device, z, y, inner)
    }

    /// `llm_build_mamba_base::build_mamba2_layer`
    fn mamba2(&mut self, device: usize, norm: Id, state: Id) -> Id {
        let widths = self.facts.recurrent;
        let (inner, size) = (u64::from(widths.inner), u64::from(widths.state));
        let heads = u64::from(widths.rank);
        let wide = self.convolved_width();
        let all = self.graph.result(
            device,
            self.rows((inner + heads).saturating_add(wide)),
            &[norm],
        );
        let [z, x, dt] = [0; 3].map(|_| self.graph.view(all));
        let seen = self.convolved(device, wide, state, x);
        let mixed = self.graph.result(device, self.rows(wide), &[seen]);
        let mixed = self.graph.in_place(device, self.rows(wide), &[mixed]);
        let [x, b, c] = [0; 3].map(|_| self.graph.view(mixed));
        let dt = self.graph.result(device, self.rows(heads), &[dt]);
        let dt = self.graph.in_place(device, self.rows(heads), &[dt]);
        let y = self.scan(device, inner, product(&[inner, size]), &[x, dt, b, c]);
        let z = self.graph.result(device, self.rows(inner), &[z]);
        let skipped = self.graph.result(device, self.rows(inner), &[x]);
        let y = self.graph.in_place(device, self.rows(inner), &[y, skipped]);
        self.gated_out(device, z, y, inner)
    }

    /// Rows that a convolution sees of the tokens before the step (`build_rs`), taken before
    /// anything else of the layer.
    fn convolution_state(&mut self, device: usize, kind: Kind) -> Id {
        let widths = self.facts.recurrent;
        let inner = u64::from(widths.inner);
        let width = match kind.mixer {
            Mixer::Mamba => inner,
            Mixer::Mamba2 => self.convolved_width(),
            Mixer::ShortConvolution => self.embd(),
            Mixer::Attention | Mixer::None => return self.stream,
        };
        let steps = u64::from(widths.kernel).saturating_sub(1);
        let bytes = self.states(steps.saturating_mul(width));
        self.graph.result(device, bytes, &[])
    }

    /// Elements of a token that Mamba 2 convolves.
    fn convolved_width(&self) -> u64 {
        let widths = self.facts.recurrent;
        let groups = product(&[2, widths.groups.into(), widths.state.into()]);
        groups.saturating_add(widths.inner.into())
    }

    /// The tokens before the step and those of it, one behind the other.
    fn convolved(&mut self, device: usize, width: u64, state: Id, x: Id) -> Id {
        let rows = self.rows(width).saturating_add(self.graph.bytes(state));
        let seen = self.graph.result(device, rows, &[state, x]);
        let tail = self.graph.view(seen);
        self.graph.store(tail);
        seen
    }

    /// `ggml_ssm_scan`: a row for each token and behind them the states; then those of the other
    /// sequences are copied.
    fn scan(&mut self, device: usize, width: u64, state: u64, sources: &[Id]) -> Id {
        let rows = self.rows(width).saturating_add(self.states(state));
        let scanned = self.graph.result(device, rows, sources);
        let others = product(&[self.step.sequences - 1, state, F32]);
        let others = self.graph.result(device, others, &[]);
        self.graph.store(others);
        let states = self.graph.view(scanned);
        self.graph.store(states);
        self.graph.view(scanned)
    }

    fn gated_out(&mut self, device: usize, z: Id, y: Id, inner: u64) -> Id {
        let gated = self.graph.result(device, self.rows(inner), &[z, y]);
        self.graph.result(device, self.rows(self.embd()), &[gated])
    }

    /// `llama_model_lfm2::graph::build_shortconv_block`
    fn short_convolution(&mut self, device: usize, norm: Id, state: Id) -> Id {
        let wide = self.embd();
        let all = self.graph.result(device, self.rows(3 * wide), &[norm]);
        let [b, c, x] = [0; 3].map(|_| self.graph.view(all));
        let bx = self.graph.result(device, self.rows(wide), &[b, x]);
        let seen = self.convolved(device, wide, state, bx);
        let out = self.graph.result(device, self.rows(wide), &[seen]);
        let out = self.graph.in_place(device, self.rows(wide), &[out, c]);
        self.graph.result(device, self.rows(wide), &[out])
    }
}
