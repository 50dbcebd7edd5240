//! What the answer of `llmdeck fit` costs, from the file to the figures: well under 50 ms for any.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use llmdeck::gguf::Header;
use llmdeck::plan::{self, Capacity, Limits, Room, Run};

const GIB: u64 = 1 << 30;

fn room(host: u64, gpus: &[u64]) -> Room {
    let free = |gib: u64| Capacity {
        free: gib * GIB,
        total: gib * GIB,
    };
    Room {
        host: free(host),
        gpus: gpus.iter().copied().map(free).collect(),
        ..Room::default()
    }
}

const AUTOMATIC: Limits = Limits {
    n_ctx: 0,
    n_gpu_layers: None,
    fit_ctx: 4096,
    fit_target: GIB,
};

fn answers(criterion: &mut Criterion) {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/guide.gguf");
    criterion.bench_function("fit of the built-in model, with its header", |bencher| {
        bencher.iter(|| {
            let facts = Header::read(&guide).map(|header| header.facts());
            facts.map(|facts| plan::judge(&facts, &room(16, &[]), &Run::default(), &AUTOMATIC))
        });
    });
    let large = plan::typical(405_000_000_000, "Q4_K_M", None);
    let Some((facts, _)) = large else {
        return;
    };
    criterion.bench_function("fit of 405B over four cards", |bencher| {
        let room = room(256, &[24, 24, 48, 48]);
        bencher.iter(|| plan::judge(&facts, &room, &Run::default(), &AUTOMATIC));
    });
    criterion.bench_function(
        "one placement, as the editor asks for on a key press",
        |bencher| {
            let run = Run {
                n_gpu_layers: 60,
                ..Run::default()
            };
            bencher.iter(|| plan::place(&facts, &run, &[24 * GIB, 48 * GIB]));
        },
    );
}

criterion_group!(benches, answers);
criterion_main!(benches);
