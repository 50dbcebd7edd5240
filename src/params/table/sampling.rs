//! How the next token is drawn. A change takes effect with the next token.

use super::build::row;
use crate::params::{Cost, Group, Param, Spec};

const fn sampling(param: Param, name: &'static str) -> Spec {
    row(Group::Sampling, Cost::Free, param, name)
}

pub(super) const ROWS: &[Spec] = &[
    sampling(Param::Seed, "seed")
        .short(&["s"])
        .aliases(&["sampler_seed"])
        .int((0, 4_294_967_294), 1, &[("random", -1)], -1)
        .cost(Cost::NextReply)
        .help("Start of the random numbers; fix it to draw the same reply again, as long as batch shapes stay the same too."),
    sampling(Param::Samplers, "samplers")
        .aliases(&["sampler-seq", "sampling-seq", "sampler_priority"])
        .text(
            "names with `;` between, or the letters `edskypmxt`",
            "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature",
        )
        .help("Which samplers run, in order. Leaving one out switches it off; top_k early keeps the rest fast on big vocabularies."),
    sampling(Param::Temp, "temp")
        .aliases(&["temperature"])
        .float((0.0, 10.0), 0.05, &[("greedy", 0.0)], 0.8)
        .help("Flattens or sharpens the probabilities: lower repeats itself safely, higher invents; greedy always takes the likeliest token."),
    sampling(Param::DynatempRange, "dynatemp-range")
        .float((0.0, 10.0), 0.05, &[("off", 0.0)], 0.0)
        .help("Lets the temperature move by this much either way: lower where the model is sure, higher where it is not."),
    sampling(Param::DynatempExp, "dynatemp-exp")
        .aliases(&["dynatemp_exponent"])
        .float((0.01, 10.0), 0.1, &[], 1.0)
        .help("How entropy maps to the dynamic temperature; only matters with dynatemp-range."),
    sampling(Param::TopK, "top-k")
        .int((0, 1_000_000), 1, &[("off", 0)], 40)
        .help("Only the k likeliest tokens stay; also what keeps later samplers cheap, off can cost milliseconds a token."),
    sampling(Param::TopP, "top-p")
        .aliases(&["nucleus"])
        .float((0.0, 1.0), 0.01, &[("off", 1.0)], 0.95)
        .help("Keeps the smallest set of tokens that reaches this probability; lower is safer and duller."),
    sampling(Param::MinP, "min-p")
        .float((0.0, 1.0), 0.01, &[("off", 0.0)], 0.05)
        .help("Drops tokens less likely than this part of the likeliest one; holds up better than top-p at high temperature."),
    sampling(Param::Typical, "typical")
        .aliases(&["typical-p", "typ_p", "typ"])
        .float((0.0, 1.0), 0.01, &[("off", 1.0)], 1.0)
        .help("Keeps tokens whose surprise is near the average (locally typical); rarely useful beside min-p."),
    sampling(Param::TopNSigma, "top-n-sigma")
        .aliases(&["nsigma"])
        .float((0.0, 10.0), 0.1, &[("off", -1.0)], -1.0)
        .help("Keeps tokens whose logit is within n standard deviations of the best; 1 stays coherent at any temperature."),
    sampling(Param::XtcProbability, "xtc-probability")
        .float((0.0, 1.0), 0.05, &[("off", 0.0)], 0.0)
        .help("Chance that the likeliest tokens are removed so that a rarer one is taken: for livelier prose, never for code or facts."),
    sampling(Param::XtcThreshold, "xtc-threshold")
        .float((0.0, 0.5), 0.01, &[("off", 1.0)], 0.1)
        .help("XTC removes only tokens above this probability, and always leaves the last of them."),
    sampling(Param::RepeatLastN, "repeat-last-n")
        .aliases(&["penalty_last_n", "rep_pen_range", "repetition_penalty_range"])
        .int((0, 1_048_576), 16, &[("off", 0)], 64)
        .help("How many recent tokens the repeat, frequency and presence penalties look at."),
    sampling(Param::RepeatPenalty, "repeat-penalty")
        .aliases(&["penalty_repeat", "repetition_penalty", "rep_pen"])
        .float((0.01, 10.0), 0.01, &[("off", 1.0)], 1.0)
        .help("Divides the logits of tokens seen recently; above 1.1 it starts to break lists, code and names."),
    sampling(Param::FrequencyPenalty, "frequency-penalty")
        .aliases(&["penalty_freq"])
        .float((-2.0, 2.0), 0.05, &[("off", 0.0)], 0.0)
        .help("Lowers a token by this much for every time it was seen recently; against loops of one word."),
    sampling(Param::PresencePenalty, "presence-penalty")
        .aliases(&["penalty_present"])
        .float((-2.0, 2.0), 0.05, &[("off", 0.0)], 0.0)
        .help("Lowers every token seen recently once; pushes toward new topics, some model cards ask for it against endless thinking."),
    sampling(Param::DryMultiplier, "dry-multiplier")
        .float((0.0, 10.0), 0.05, &[("off", 0.0)], 0.0)
        .help("Strength of DRY, which punishes repeating whole sequences and leaves single words alone; 0.8 is usual."),
    sampling(Param::DryBase, "dry-base")
        .float((1.0, 10.0), 0.05, &[], 1.75)
        .help("How fast DRY's penalty grows with each further token of a repetition."),
    sampling(Param::DryAllowedLength, "dry-allowed-length")
        .int((0, 4096), 1, &[], 2)
        .help("Repetitions up to this many tokens are free; raise it when DRY disturbs names or set phrases."),
    sampling(Param::DryPenaltyLastN, "dry-penalty-last-n")
        .aliases(&["dry_range"])
        .int((0, 1_048_576), 64, &[("off", 0)], 64)
        .help("How many recent tokens DRY searches for repetitions; 64 sees loops only, 1024 and more also repeated paragraphs."),
    sampling(Param::DrySequenceBreaker, "dry-sequence-breaker")
        .aliases(&["dry_sequence_breakers"])
        .text(
            r"strings with commas between; `\n` new line, `\,` comma; `none` for none",
            r#"\n,:,",*"#,
        )
        .help("DRY does not match across these strings, so that names before a colon or list marks may repeat."),
    sampling(Param::AdaptiveTarget, "adaptive-target")
        .float((0.0, 1.0), 0.05, &[("off", -1.0)], -1.0)
        .help("Adaptive-p draws tokens near this probability instead of the likeliest; it acts when adaptive_p ends the samplers."),
    sampling(Param::AdaptiveDecay, "adaptive-decay")
        .float((0.0, 0.99), 0.01, &[], 0.9)
        .help("How slowly adaptive-p follows the probabilities drawn so far; about 1/(1-decay) tokens of history."),
    sampling(Param::Mirostat, "mirostat")
        .aliases(&["mirostat_mode"])
        .int((0, 2), 1, &[("off", 0)], 0)
        .help("Steers surprise to a target instead of cutting the tail; version 1 or 2 replaces top-k, top-p and typical."),
    sampling(Param::MirostatEnt, "mirostat-ent")
        .aliases(&["mirostat_tau"])
        .float((0.0, 20.0), 0.1, &[], 5.0)
        .help("Mirostat's target surprise in bits (tau): lower is more focused, higher more varied."),
    sampling(Param::MirostatLr, "mirostat-lr")
        .aliases(&["mirostat_eta"])
        .float((0.0, 1.0), 0.01, &[], 0.1)
        .help("How fast mirostat corrects itself (eta); higher reacts sooner and swings more."),
    sampling(Param::MinKeep, "min-keep")
        .int((0, 10_000), 1, &[], 0)
        .help("The fewest tokens that top-p, min-p, typical and xtc must leave to choose from."),
    sampling(Param::LogitBias, "logit-bias")
        .short(&["l"])
        .text("token id and signed bias, `15043+1,29871-0.5`; `-inf` forbids a token", "")
        .help("Adds to the logits of chosen tokens: forbids a word or favours one; ids belong to this model's vocabulary only."),
    sampling(Param::IgnoreEos, "ignore-eos")
        .aliases(&["ban_eos_token"])
        .help("Forbids the end of turn, so that a reply only ends at n-predict or a full context; for measuring, not for chatting."),
    sampling(Param::Grammar, "grammar")
        .text("GBNF", "")
        .cost(Cost::NextReply)
        .help("A GBNF grammar that a reply must follow to the letter; slower on big vocabularies, and the model may ramble inside it."),
    sampling(Param::JsonSchema, "json-schema")
        .short(&["j"])
        .aliases(&["structured"])
        .text(r#"a JSON schema, `{"type": "object"}`"#, "")
        .cost(Cost::NextReply)
        .help("A JSON schema that a reply must satisfy, turned into a grammar; say in the prompt what the fields mean."),
    sampling(Param::BackendSampling, "backend-sampling")
        .short(&["bs"])
        .cost(Cost::NewContext)
        .missing("sampling runs on the CPU; llama.cpp's sampling on the GPU is experimental and not connected")
        .help("Samples on the GPU and saves copying the logits back for every token."),
    sampling(Param::NProbs, "n-probs")
        .aliases(&["logprobs", "top_logprobs"])
        .int((0, 1000), 1, &[("off", 0)], 0)
        .help("How many of the likeliest candidates are recorded of each token, and what each sampler did to them; the token view shows them."),
];
