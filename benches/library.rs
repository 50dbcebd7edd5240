//! What 500 models cost: the first scan, later ones from the index, whether they fit, a frame of the
//! view. The models are sparse files with the headers of real ones.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use llmdeck::app::{Event, State, update};
use llmdeck::gguf::TensorType;
use llmdeck::gguf::write::HeaderWriter;
use llmdeck::library::{Index, Known, News, Place, Source, scan};
use llmdeck::params::LoadParams;
use llmdeck::runtime::Estimator;
use llmdeck::theme::Theme;
use llmdeck::ui::{self, TranscriptCache};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const MODELS: u32 = 500;
const TOKENS: u32 = 32_000;
const LAYERS: u32 = 32;

/// A model of its own size: no two are taken for copies.
fn write_model(path: &Path, number: u32) -> std::io::Result<()> {
    let mut header = HeaderWriter::default();
    header
        .text("general.architecture", "llama")
        .text("general.name", &format!("Model {number}"))
        .u32("llama.block_count", LAYERS)
        .u32("llama.context_length", 32_768)
        .u32("llama.embedding_length", 4096)
        .u32("llama.feed_forward_length", 14_336)
        .u32("llama.attention.head_count", 32)
        .u32("llama.attention.head_count_kv", 8)
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .text("tokenizer.ggml.model", "gpt2")
        .text("tokenizer.chat_template", "<|im_start|>")
        .texts(
            "tokenizer.ggml.tokens",
            (0..TOKENS).map(|token| format!("token{token}")),
        )
        .i32s("tokenizer.ggml.token_type", (0..TOKENS).map(|_| 1))
        .texts(
            "tokenizer.ggml.merges",
            (0..TOKENS).map(|merge| format!("to ken{merge}")),
        );
    let vocabulary = [4096, u64::from(TOKENS)];
    header.tensor("token_embd.weight", &vocabulary, TensorType::Q8_0);
    header.tensor("output.weight", &vocabulary, TensorType::Q8_0);
    header.tensor("output_norm.weight", &[4096], TensorType::F32);
    let (wide, kv) = (14_336, 1024);
    for layer in 0..LAYERS {
        let tensors: [(&str, &[u64]); 9] = [
            ("attn_q", &[4096, 4096]),
            ("attn_k", &[4096, kv]),
            ("attn_v", &[4096, kv]),
            ("attn_output", &[4096, 4096]),
            ("ffn_up", &[4096, wide]),
            ("ffn_gate", &[4096, wide]),
            ("ffn_down", &[wide, 4096]),
            ("attn_norm", &[4096]),
            ("ffn_norm", &[4096]),
        ];
        for (name, dims) in tensors {
            let kind = match dims.len() {
                1 => TensorType::F32,
                _ => TensorType::Q8_0,
            };
            header.tensor(&format!("blk.{layer}.{name}.weight"), dims, kind);
        }
    }
    let bytes = header.header();
    let mut file = File::create(path)?;
    file.write_all(&bytes)?;
    file.set_len(bytes.len() as u64 + header.data_len() + u64::from(number) * 32)
}

/// A folder of models, in a hundred folders of their own.
fn folder() -> std::io::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for number in 0..MODELS {
        let own = folder.path().join(format!("org-{}", number % 100));
        std::fs::create_dir_all(&own)?;
        write_model(&own.join(format!("model-{number}-Q8_0.gguf")), number)?;
    }
    Ok(folder)
}

fn library(criterion: &mut Criterion) {
    let folder = match folder() {
        Ok(folder) => folder,
        Err(error) => return eprintln!("the models could not be written: {error}"),
    };
    let places = [Place {
        source: Source::Folder,
        folder: folder.path().to_owned(),
    }];
    let mut index = Index::default();
    let listing = scan(&places, &mut index);
    let broken = listing.models.iter().find_map(|model| model.error.clone());
    assert_eq!((listing.models.len(), broken), (MODELS as usize, None));
    let file: PathBuf = folder.path().join("library.json");
    if let Err(error) = index.write(&file) {
        return eprintln!("the index could not be written: {error}");
    }

    let mut group = criterion.benchmark_group("500 models");
    group.sample_size(10);
    group.bench_function("first scan, every header read", |bencher| {
        bencher.iter_batched(
            Index::default,
            |mut index| scan(&places, &mut index),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("later scan, with the index from the disk", |bencher| {
        bencher.iter(|| scan(&places, &mut Index::read(&file)));
    });
    group.bench_function("whether each fits", |bencher| {
        bencher.iter(|| {
            let estimator = Estimator::here(&LoadParams::default(), &[])?;
            let models = listing.models.iter();
            Ok::<_, llmdeck::engine::EngineError>(
                models.filter_map(|model| estimator.model(model)).count(),
            )
        });
    });

    let known = listing.models.iter();
    let known = known.map(|model| (model.path.clone(), Known::default()));
    let known = News::Known(known.collect());
    let mut state = State::new((200, 60));
    let tell = |state: &mut State, news| update(state, Event::Library(news));
    if let Ok(key) = "f9".parse() {
        update(&mut state, Event::Key(key));
    }
    tell(&mut state, News::Found(Arc::new(listing)));
    tell(&mut state, known);
    let theme = Theme::default();
    let mut cache = TranscriptCache::default();
    let mut terminal = match Terminal::new(TestBackend::new(200, 60)) {
        Ok(terminal) => terminal,
        Err(error) => match error {},
    };
    group.bench_function("a frame of the view, 200x60", |bencher| {
        bencher.iter(|| {
            terminal
                .draw(|frame| {
                    ui::draw(frame, &state, &theme, &mut cache);
                })
                .map(|_| ())
        });
    });
    group.finish();
}

criterion_group!(benches, library);
criterion_main!(benches);
