//! The answers for a person.

use super::here::Known;
use crate::cli::sanitise;
use crate::library::{Estimate, Model};
use crate::params::spec;
use crate::ui::text::units;

/// A table, a line a model, and below it what cannot be loaded.
pub(super) fn list(models: &[&Model], known: &[Known]) -> String {
    let head = [
        "NAME", "SOURCE", "ARCH", "PARAMS", "QUANT", "SIZE", "CONTEXT", "FITS", "TOK/S",
    ];
    let mut rows: Vec<[String; 9]> = vec![head.map(str::to_owned)];
    for (model, known) in models.iter().zip(known) {
        let about = model.about.as_ref();
        let of = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let star = if known.favourite { "* " } else { "" };
        rows.push([
            format!("{star}{}", sanitise::line(&model.name)),
            model.source.name().to_owned(),
            of(about.map(|about| sanitise::line(&about.arch))),
            of(about.map(|about| units::parameters(about.n_params))),
            of(about.map(|about| about.quant.clone())),
            units::bytes(model.size_bytes),
            of(about.map(|about| about.n_ctx_train.to_string())),
            fits(model, known.estimate),
            speed(known),
        ]);
    }
    let mut widths = [0; 9];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    let broken = models
        .iter()
        .filter_map(|model| Some((model, model.error.as_ref()?)));
    for (model, error) in broken {
        let name = sanitise::line(&model.name);
        out.push_str(&format!("! {name}: {}\n", sanitise::line(error)));
    }
    out
}

fn fits(model: &Model, estimate: Option<Estimate>) -> String {
    match estimate {
        _ if model.error.is_some() => "cannot load".into(),
        None => "-".into(),
        Some(estimate) if !estimate.fits => format!("{} short", units::bytes(estimate.lacks)),
        Some(estimate) => layers(estimate),
    }
}

fn layers(estimate: Estimate) -> String {
    let Estimate {
        n_gpu_layers,
        n_layers,
        n_ctx,
        ..
    } = estimate;
    match n_gpu_layers {
        0 => format!("yes, ctx {n_ctx}"),
        all if all >= n_layers => format!("all on GPU, ctx {n_ctx}"),
        some => format!("{some}/{n_layers} on GPU, ctx {n_ctx}"),
    }
}

/// What was measured, else what memory allows at most.
fn speed(known: &Known) -> String {
    let ceiling = known.estimate.and_then(|estimate| estimate.ceiling);
    match (known.measured, ceiling) {
        (Some(measured), _) => format!("{measured:.1}"),
        (None, Some(ceiling)) => format!("<= {ceiling:.1}"),
        (None, None) => "-".into(),
    }
}

/// All that is known, a line each.
pub(super) fn info(model: &Model, known: &Known) -> String {
    let mut out = format!("{}\n", sanitise::line(&model.name));
    let mut row = |name: &str, value: &str| {
        out.push_str(&format!("  {name:<12} {}\n", sanitise::line(value)));
    };
    if let Some(error) = &model.error {
        row("error", error);
    }
    if let Some(about) = &model.about {
        if !about.title.is_empty() {
            row("title", &about.title);
        }
        row("arch", &about.arch);
        row("parameters", &units::parameters(about.n_params));
        row("quant", &about.quant);
        row("ctx-train", &about.n_ctx_train.to_string());
        let family = about.family.map_or("none", |family| family.name());
        row("template", family);
        let abilities = [
            (about.speaks.tools, "tools"),
            (about.speaks.thinking, "thinking"),
            (model.vision, "vision"),
            (model.audio, "audio"),
        ];
        let able: Vec<_> = abilities
            .iter()
            .filter(|(can, _)| *can)
            .map(|(_, what)| *what)
            .collect();
        let able = if able.is_empty() {
            "none told".into()
        } else {
            able.join(", ")
        };
        row("abilities", &able);
        row("license", about.license.as_deref().unwrap_or("not told"));
        for (param, value) in about.recommended() {
            let spec = spec(param);
            row(
                "recommends",
                &format!("{} {}", spec.name, spec.format(&value)),
            );
        }
    }
    for (param, value) in known.modelfile.iter().flat_map(|file| &file.values) {
        let spec = spec(*param);
        row("ollama", &format!("{} {}", spec.name, spec.format(value)));
    }
    for reason in known.modelfile.iter().flat_map(|file| &file.left_out) {
        row("left out", reason);
    }
    row("size", &units::bytes(model.size_bytes));
    if let Some(estimate) = known.estimate {
        let needs = units::bytes(estimate.needs);
        let answer = match estimate.fits {
            true => format!("{}; needs {needs}", layers(estimate)),
            false => format!(
                "no: needs {needs}, {} are missing",
                units::bytes(estimate.lacks)
            ),
        };
        row("fits here", &answer);
        row(
            "ceiling",
            &match estimate.ceiling {
                Some(ceiling) => format!("{ceiling:.1} tokens per second (bandwidth / bytes read)"),
                None => "not known: the bandwidth was not measured yet".into(),
            },
        );
    }
    row(
        "measured",
        &match known.measured {
            Some(measured) => format!("{measured:.1} tokens per second (llmdeck bench)"),
            None => "not yet: llmdeck bench measures".into(),
        },
    );
    let used = known.used.and_then(|seconds| i64::try_from(seconds).ok());
    let used = used.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    row(
        "last used",
        &used.map_or("not yet".into(), |used| used.to_string()),
    );
    for place in &model.places {
        let shown = format!(
            "{} ({}, {})",
            place.path.display(),
            place.source.name(),
            place.name
        );
        row("place", &shown);
    }
    for path in &model.projectors {
        row("mmproj", &path.display().to_string());
    }
    for path in &model.adapters {
        row("adapter", &path.display().to_string());
    }
    out
}

pub(super) fn removed(model: &Model, freed: u64) -> String {
    let name = sanitise::line(&model.name);
    format!("removed {name}; {} are free again\n", units::bytes(freed))
}
