//! A model in words: what it is, whether it fits, how fast it is, where it lies.

use super::{Estimate, Known, Model};
use crate::params::spec;
use crate::units;

/// All that is known, a name and what stands behind it a row.
pub fn sheet(model: &Model, known: &Known) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(error) = &model.error {
        rows.push(("error", error.clone()));
    }
    if let Some((name, values)) = &known.named {
        rows.push(("preset", format!("{name}, of the models preset")));
        rows.extend(values.iter().map(|(param, value)| {
            let spec = spec(*param);
            ("sets", format!("{} {}", spec.name, spec.format(value)))
        }));
    }
    rows.extend(says(model));
    let modelfile = known.modelfile.as_ref();
    rows.extend(modelfile.into_iter().flat_map(|file| {
        let values = file.values.iter().map(|(param, value)| {
            let spec = spec(*param);
            ("ollama", format!("{} {}", spec.name, spec.format(value)))
        });
        let left_out = file.left_out.iter().map(|why| ("left out", why.clone()));
        values.chain(left_out).collect::<Vec<_>>()
    }));
    rows.push(("size", units::bytes(model.size_bytes)));
    if let Some(estimate) = known.estimate {
        rows.push(("fits here", fits_and_needs(estimate)));
        let ceiling = match estimate.ceiling {
            Some(ceiling) => format!(
                "{} at most (estimate: bandwidth / bytes read)",
                units::rate(ceiling)
            ),
            None => "not known: the bandwidth was not measured yet".to_owned(),
        };
        rows.push(("ceiling", ceiling));
    }
    let measured = match known.measured {
        Some(measured) => format!(
            "{} {}",
            units::rate(measured.per_second),
            measured.by.name()
        ),
        None => "not yet: llmdeck bench measures, and replies do".to_owned(),
    };
    rows.push(("measured", measured));
    let used = known.used.and_then(date);
    rows.push(("last used", used.unwrap_or_else(|| "not yet".to_owned())));
    for place in &model.places {
        let path = place.path.display();
        let shown = format!("{path} ({}, {})", place.source.name(), place.name);
        rows.push(("place", shown));
    }
    let beside = |name, path: &std::path::PathBuf| (name, path.display().to_string());
    rows.extend(model.projectors.iter().map(|path| beside("mmproj", path)));
    rows.extend(model.adapters.iter().map(|path| beside("adapter", path)));
    rows
}

/// What the header says.
fn says(model: &Model) -> Vec<(&'static str, String)> {
    let Some(about) = &model.about else {
        return vec![];
    };
    let mut rows = vec![];
    if !about.title.is_empty() {
        rows.push(("title", about.title.clone()));
    }
    let family = about.family.map_or("none", |family| family.name());
    let able = abilities(model);
    let able = if able.is_empty() {
        "none told".to_owned()
    } else {
        able.join(", ")
    };
    let license = about.license.as_deref().unwrap_or("not told");
    rows.extend([
        ("arch", about.arch.clone()),
        ("parameters", units::parameters(about.n_params)),
        ("quant", about.quant.clone()),
        ("ctx-train", about.n_ctx_train.to_string()),
        ("template", family.to_owned()),
        ("abilities", able),
        ("license", license.to_owned()),
    ]);
    for (param, value) in about.recommended() {
        let spec = spec(param);
        let recommended = format!("{} {}", spec.name, spec.format(&value));
        rows.push(("recommends", recommended));
    }
    rows
}

/// What a model can do beside writing.
pub fn abilities(model: &Model) -> Vec<&'static str> {
    let speaks = model.about.as_ref().map(|about| about.speaks);
    let speaks = speaks.unwrap_or_default();
    let all = [
        (speaks.tools, "tools"),
        (speaks.thinking, "thinking"),
        (model.vision, "vision"),
        (model.audio, "audio"),
    ];
    let able = all.iter().filter(|(can, _)| *can);
    able.map(|(_, what)| *what).collect()
}

/// The day of a time in seconds since 1970, UTC.
pub fn date(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok()?;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.strftime("%Y-%m-%d").to_string())
}

impl Estimate {
    /// Whether a load would fit, in a few words.
    pub fn in_words(&self) -> String {
        let Self {
            n_gpu_layers,
            n_layers,
            n_ctx,
            ..
        } = *self;
        if !self.fits {
            return format!("no, {} short", units::bytes(self.lacks));
        }
        match n_gpu_layers {
            0 => format!("yes, ctx {n_ctx}"),
            all if all >= n_layers => format!("on GPU, ctx {n_ctx}"),
            some => format!("{some}/{n_layers} GPU, ctx {n_ctx}"),
        }
    }
}

fn fits_and_needs(estimate: Estimate) -> String {
    let needs = units::bytes(estimate.needs);
    format!("{}; needs {needs}", estimate.in_words())
}
