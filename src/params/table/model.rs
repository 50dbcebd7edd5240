//! How the model file is loaded and where its weights live. A change loads it again.

use super::build::row;
use crate::params::{Cost, Group, Param, Spec};

const SPECULATION: &str =
    "speculative decoding needs a draft beside the model, which the engine does not run yet";
const IMAGES: &str = "the engine reads text only; images need llama.cpp's multimodal library";

const fn model(param: Param, name: &'static str) -> Spec {
    row(Group::Model, Cost::Reload, param, name)
}

pub(super) const ROWS: &[Spec] = &[
    model(Param::NGpuLayers, "n-gpu-layers")
        .short(&["ngl"])
        .aliases(&["gpu-layers", "num_gpu"])
        .int((0, 9999), 1, &[("auto", -1), ("all", -2)], -1)
        .help("Layers kept in GPU memory; auto takes what fits. Every layer left on the CPU costs speed, lower it only when memory runs out."),
    model(Param::SplitMode, "split-mode")
        .short(&["sm"])
        .choice(&["none", "layer", "row", "tensor"], "layer")
        .help("How several GPUs share the model: whole layers in turn, or rows and tensors in parallel, which only pays over a fast link."),
    model(Param::TensorSplit, "tensor-split")
        .short(&["ts"])
        .text("one share a device, `3,1`; empty: by free memory", "")
        .help("Share of the model that each GPU takes; set it when one GPU has less memory or drives the screen."),
    model(Param::MainGpu, "main-gpu")
        .short(&["mg"])
        .int((0, 127), 1, &[], 0)
        .help("The GPU that holds the whole model with split-mode none, or intermediate results with row."),
    model(Param::Device, "device")
        .short(&["dev"])
        .aliases(&["devices"])
        .text("names as llama.cpp lists them, `CUDA0,CUDA1`; `none`: CPU only; empty: all", "")
        .help("The devices that may hold layers; name some to leave a GPU to other work."),
    model(Param::OverrideTensor, "override-tensor")
        .short(&["ot"])
        .text("`pattern=buffer type,...`: `ffn_.*_exps=CPU`", "")
        .help("Puts the tensors whose names match a pattern into a chosen memory; the fine tool for models a little too large."),
    model(Param::CpuMoe, "cpu-moe")
        .short(&["cmoe"])
        .help("Keeps all expert weights of a mixture-of-experts model in main memory: much GPU memory saved, decode then reads experts at RAM speed."),
    model(Param::NCpuMoe, "n-cpu-moe")
        .short(&["ncmoe"])
        .aliases(&["moecpu"])
        .int((0, 9999), 1, &[("off", 0)], 0)
        .help("Keeps the experts of the first N layers in main memory; raise it until the rest fits the GPU."),
    model(Param::NCpuFfn, "n-cpu-ffn")
        .short(&["ncffn"])
        .int((0, 9999), 1, &[("off", 0)], 0)
        .help("Keeps the feed-forward weights of the first N dense layers in main memory, so that attention and KV cache can stay on the GPU."),
    model(Param::LoadMode, "load-mode")
        .short(&["lm"])
        .choice(&["auto", "none", "mmap", "mlock", "mmap+mlock", "dio"], "auto")
        .help("How the file is read: mmap starts fast and shares pages, mlock keeps it from being swapped out, dio bypasses the page cache."),
    model(Param::LazyMode, "lazy-mode")
        .short(&["lzm"])
        .choice(&["off", "auto", "on"], "auto")
        .help("Reads rows of very large embedding tensors from disk when needed: saves memory, needs a fast disk; auto does it above 4 GiB."),
    model(Param::Fit, "fit")
        .on()
        .help("Lowers what you left automatic (layers on the GPU, context size) until the model fits memory; off loads exactly what is set."),
    model(Param::FitTarget, "fit-target")
        .short(&["fitt"])
        .int((0, 1_048_576), 256, &[], 1024)
        .help("MiB that fitting leaves free on each device; raise it when other programs or a desktop share the GPU."),
    model(Param::FitCtx, "fit-ctx")
        .short(&["fitc"])
        .int((256, 16_777_216), 0, &[], 4096)
        .help("The smallest context, in tokens, that fitting may choose before it moves layers to the CPU instead."),
    model(Param::ModelsMax, "models-max")
        .aliases(&["max_loaded_models", "ollama_max_loaded_models"])
        .int((1, 2), 1, &[], 2)
        .cost(Cost::Free)
        .help("Models in memory at once: with 2 the one from before is held with its KV caches, where memory allows, so that going back reads nothing."),
    model(Param::Mmproj, "mmproj")
        .short(&["mm"])
        .text("path of the projector file", "")
        .missing(IMAGES)
        .help("The multimodal projector that belongs to a vision model."),
    model(Param::ImageMinTokens, "image-min-tokens")
        .int((0, 65_536), 64, &[("model", -1)], -1)
        .missing(IMAGES)
        .help("The fewest tokens an image may take, for models with a variable image size."),
    model(Param::ImageMaxTokens, "image-max-tokens")
        .int((0, 65_536), 64, &[("model", -1)], -1)
        .missing(IMAGES)
        .help("The most tokens an image may take, for models with a variable image size."),
    model(Param::SpecType, "spec-type")
        .choice(
            &[
                "none", "draft-simple", "draft-eagle3", "draft-mtp", "draft-dflash", "draft-dspark", "ngram-simple",
                "ngram-map-k", "ngram-map-k4v", "ngram-mod", "ngram-cache",
            ],
            "none",
        )
        .missing(SPECULATION)
        .help("How tokens are guessed ahead: by a draft model or from n-grams already seen."),
    model(Param::SpecDraftNMax, "spec-draft-n-max")
        .aliases(&["draft", "draft-n", "draft-max", "draft_num_predict"])
        .int((0, 256), 1, &[], 3)
        .cost(Cost::NextReply)
        .missing(SPECULATION)
        .help("The most tokens guessed ahead in one step; more pays only where guesses are often right."),
    model(Param::SpecDraftNMin, "spec-draft-n-min")
        .aliases(&["draft-min", "draft-n-min"])
        .int((0, 256), 1, &[], 0)
        .cost(Cost::NextReply)
        .missing(SPECULATION)
        .help("Guesses shorter than this are not verified at all."),
    model(Param::SpecDraftPMin, "spec-draft-p-min")
        .aliases(&["draft-p-min"])
        .float((0.0, 1.0), 0.05, &[], 0.0)
        .cost(Cost::NextReply)
        .missing(SPECULATION)
        .help("The draft stops guessing when its own probability falls below this."),
];
