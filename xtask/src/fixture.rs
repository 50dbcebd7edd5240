//! Models of random weights, of any shape: what they say is gibberish, how fast is real.
//!
//! The file is written as a stream, so that its size is no matter of memory. The vocabulary is that
//! of the guide when it is there, and bytes otherwise, filled up with unused tokens.

mod shape;
mod vocab;
mod weights;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use llmdeck::gguf::write::HeaderWriter;

use shape::Shape;
use vocab::Vocab;
use weights::{Fill, Random, Tensor};

const GUIDE: &str = "models/guide.gguf";

/// Writes a model; `arguments` as the usage text says.
///
/// # Errors
/// A line for the person who asked.
pub fn run(arguments: &[&str]) -> Result<String, String> {
    let (shape, path) = Shape::parse(arguments)?;
    let vocab = if Path::new(GUIDE).exists() {
        Vocab::of_model(Path::new(GUIDE))?
    } else {
        Vocab::bytes()
    };
    let vocab = vocab.filled_up(shape.vocab)?;
    // Under another name until it is whole.
    let unfinished = format!("{path}.new");
    let cannot = |error: std::io::Error| format!("cannot write {unfinished}: {error}");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&unfinished).map_err(cannot)?);
    write(&shape, &vocab, &mut out)
        .and_then(|()| out.flush())
        .map_err(cannot)?;
    let bytes = fs::metadata(&unfinished).map_err(cannot)?.len();
    fs::rename(&unfinished, &path)
        .map_err(|error| format!("cannot rename {unfinished} to {path}: {error}"))?;
    let weights: u64 = tensors(&shape, &vocab).iter().map(Tensor::elements).sum();
    Ok(format!("{path}: {} weights, {} MiB", weights, bytes >> 20))
}

/// Writes the whole file.
fn write(shape: &Shape, vocab: &Vocab, out: &mut impl Write) -> std::io::Result<()> {
    let tensors = tensors(shape, vocab);
    let mut header = HeaderWriter::default();
    shape.describe(&mut header);
    vocab.describe(&mut header);
    for tensor in &tensors {
        header.tensor(&tensor.name, &tensor.dims, tensor.kind);
    }
    out.write_all(&header.header())?;
    let mut random = Random::new(shape.seed);
    for tensor in &tensors {
        tensor.write(&mut random, &vocab.spoken, out)?;
    }
    Ok(())
}

/// All tensors of a model, with the names that llama.cpp looks for.
fn tensors(shape: &Shape, vocab: &Vocab) -> Vec<Tensor> {
    let Shape {
        embd, ff, layers, ..
    } = *shape;
    let tokens = vocab.spoken.len() as u64;
    let kv = shape.kv_heads * shape.head();
    let matrix = |name: String, dims: &[u64], scale: f32| {
        Tensor::new(name, dims, shape.kind, Fill::Random { scale })
    };
    let ones = |name: String, size: u64| {
        Tensor::new(name, &[size], llmdeck::gguf::TensorType::F32, Fill::Ones)
    };
    // What adds to the residual stream is scaled down, or it would grow with the layers.
    let back = 1.0 / (2.0 * layers as f32).sqrt();
    // Tied, the embedding makes the logits too: their deviation is 3, and 4 otherwise, so that some
    // tokens are clearly likelier than others and the unused ones hardly come up.
    let spoken = |name: &str, scale| {
        Tensor::new(
            name.into(),
            &[embd, tokens],
            shape.kind,
            Fill::Spoken { scale },
        )
    };
    let mut out = vec![spoken("token_embd.weight", 3.0)];
    for i in 0..layers {
        let name = |part: &str| format!("blk.{i}.{part}.weight");
        out.push(ones(name("attn_norm"), embd));
        out.push(matrix(name("attn_q"), &[embd, embd], 1.0));
        out.push(matrix(name("attn_k"), &[embd, kv], 1.0));
        out.push(matrix(name("attn_v"), &[embd, kv], 1.0));
        out.push(matrix(name("attn_output"), &[embd, embd], back));
        if shape.arch == "qwen3" {
            out.push(ones(name("attn_q_norm"), shape.head()));
            out.push(ones(name("attn_k_norm"), shape.head()));
        }
        out.push(ones(name("ffn_norm"), embd));
        if shape.experts == 0 {
            out.push(matrix(name("ffn_gate"), &[embd, ff], 1.0));
            out.push(matrix(name("ffn_up"), &[embd, ff], 1.0));
            out.push(matrix(name("ffn_down"), &[ff, embd], back));
        } else {
            let router = Fill::Random { scale: 1.0 };
            out.push(Tensor::new(
                name("ffn_gate_inp"),
                &[embd, shape.experts],
                llmdeck::gguf::TensorType::F32,
                router,
            ));
            out.push(matrix(
                name("ffn_gate_exps"),
                &[embd, ff, shape.experts],
                1.0,
            ));
            out.push(matrix(name("ffn_up_exps"), &[embd, ff, shape.experts], 1.0));
            out.push(matrix(
                name("ffn_down_exps"),
                &[ff, embd, shape.experts],
                back,
            ));
        }
    }
    out.push(ones("output_norm.weight".into(), embd));
    if !shape.tied {
        out.push(spoken("output.weight", 4.0));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmdeck::gguf::Header;

    fn parsed(arguments: &[&str]) -> Header {
        let (shape, _) = Shape::parse(arguments).expect("arguments");
        let vocab = Vocab::bytes().filled_up(shape.vocab).expect("vocabulary");
        let mut bytes = Vec::new();
        write(&shape, &vocab, &mut bytes).expect("written");
        let header = Header::parse(bytes.as_slice(), bytes.len() as u64).expect("valid");
        let last = header.tensors.last().expect("tensors");
        assert_eq!(
            (last.offset + last.bytes).next_multiple_of(32),
            bytes.len() as u64
        );
        header
    }

    #[test]
    fn the_file_is_of_the_shape_asked_for() {
        for kind in ["q8_0", "f16", "f32"] {
            let header = parsed(&[
                "--layers",
                "3",
                "--embd",
                "64",
                "--heads",
                "4",
                "--kv-heads",
                "2",
                "--ff",
                "96",
                "--vocab",
                "300",
                "--type",
                kind,
                "x",
            ]);
            let facts = header.facts();
            assert_eq!(
                (facts.n_layer, facts.n_embd, facts.n_ff, facts.n_vocab),
                (3, 64, 96, 300)
            );
            assert_eq!(
                (facts.n_head, facts.n_head_kv, facts.key_length),
                (vec![4; 3], vec![2; 3], 16)
            );
            assert_eq!(facts.quant.to_lowercase(), kind);
            assert!(facts.chat_template && !facts.tied);
        }
    }

    #[test]
    fn experts_and_tied_outputs_are_possible() {
        let header = parsed(&[
            "--layers",
            "1",
            "--experts",
            "4",
            "--experts-used",
            "2",
            "--tied",
            "x",
        ]);
        let facts = header.facts();
        assert_eq!(
            (facts.n_expert, facts.n_expert_used, facts.tied),
            (4, 2, true)
        );
        assert!(
            header
                .tensors
                .iter()
                .any(|t| t.name == "blk.0.ffn_down_exps.weight" && t.dims[2] == 4)
        );
    }

    #[test]
    fn impossible_shapes_are_refused() {
        for (arguments, reason) in [
            (&["--embd", "100", "x"][..], "multiple of 32"),
            (
                &["--heads", "6", "--kv-heads", "4", "--embd", "192", "x"],
                "divide",
            ),
            (&["--type", "q4_K", "x"], "q8_0, f16 or f32"),
            (&["--layers", "none", "x"], "--layers"),
            (&["--depth", "3", "x"], "--depth"),
            (&["--layers", "3"], "OUT.gguf"),
        ] {
            let error = Shape::parse(arguments).expect_err("refused");
            assert!(error.contains(reason), "{error}");
        }
    }
}
