//! The answers for a person.

use crate::cli::sanitise;
use crate::library::{self, Estimate, Known, Model};
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
        _ if model.error.is_some() => "cannot be loaded".into(),
        None => "-".into(),
        Some(estimate) => estimate.in_words(),
    }
}

/// What was measured, else what memory allows at most.
fn speed(known: &Known) -> String {
    let ceiling = known.estimate.and_then(|estimate| estimate.ceiling);
    match (known.measured, ceiling) {
        (Some(measured), _) => format!("{:.1}", measured.per_second),
        (None, Some(ceiling)) => format!("<= {ceiling:.1}"),
        (None, None) => "-".into(),
    }
}

/// All that is known, a line each.
pub(super) fn info(model: &Model, known: &Known) -> String {
    let mut out = format!("{}\n", sanitise::line(&model.name));
    for (name, value) in library::sheet(model, known) {
        out.push_str(&format!("  {name:<12} {}\n", sanitise::line(&value)));
    }
    out
}

pub(super) fn removed(model: &Model, freed: u64) -> String {
    let name = sanitise::line(&model.name);
    format!("removed {name}; {} are free again\n", units::bytes(freed))
}
