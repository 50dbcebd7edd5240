//! The answers as JSON.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{ExitCode, Failure};
use crate::library::{Known, Model};
use crate::params::{Overrides, spec};
use crate::runtime::Notes;

/// A model in a list.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    /// This one and those it has in other places.
    names: Vec<&'a str>,
    path: String,
    source: &'static str,
    arch: Option<&'a str>,
    quant: Option<&'a str>,
    size_bytes: u64,
    n_params: Option<u64>,
    ctx_train: Option<u32>,
    error: Option<&'a str>,
    measured_tokens_per_second: Option<f64>,
    /// Seconds since 1970.
    last_used: Option<u64>,
    favourite: bool,
}

impl<'a> Row<'a> {
    fn of(model: &'a Model, known: &Known) -> Self {
        let about = model.about.as_ref();
        let given = |text: &'a String| (!text.is_empty()).then_some(text.as_str());
        Self {
            name: &model.name,
            names: model.names().collect(),
            path: model.path.to_string_lossy().into_owned(),
            source: model.source.name(),
            arch: about.and_then(|about| given(&about.arch)),
            quant: about.and_then(|about| given(&about.quant)),
            size_bytes: model.size_bytes,
            n_params: about.map(|about| about.n_params),
            ctx_train: about.map(|about| about.n_ctx_train),
            error: model.error.as_deref(),
            measured_tokens_per_second: known.measured.map(|measured| measured.per_second),
            last_used: known.used,
            favourite: known.favourite,
        }
    }
}

pub(super) fn list(models: &[&Model], notes: &Notes) -> Result<String, Failure> {
    let rows = models.iter();
    let rows: Vec<Row<'_>> = rows
        .map(|model| Row::of(model, &notes.of(model, None)))
        .collect();
    written(&rows)
}

/// All that is known of a model.
pub(super) fn info(model: &Model, known: &Known) -> Result<String, Failure> {
    let about = model.about.as_ref();
    let paths = |paths: &[PathBuf]| -> Vec<String> {
        let paths = paths.iter();
        paths
            .map(|path| path.to_string_lossy().into_owned())
            .collect()
    };
    let places: Vec<Value> = model
        .places
        .iter()
        .map(|place| {
            json!({"source": place.source.name(), "name": place.name,
                   "path": place.path.to_string_lossy()})
        })
        .collect();
    let sampling = about.map(|about| values(&about.recommended()));
    let fit = known.estimate.map(|estimate| {
        json!({"fits": estimate.fits, "n_gpu_layers": estimate.n_gpu_layers,
               "n_layers": estimate.n_layers, "n_ctx": estimate.n_ctx,
               "needs_bytes": estimate.needs, "lacks_bytes": estimate.lacks,
               "tokens_per_second_ceiling": estimate.ceiling})
    });
    let row = serde_json::to_value(Row::of(model, known)).map_err(failed)?;
    let more = json!({
        "title": about.map(|about| &about.title),
        "license": about.and_then(|about| about.license.as_ref()),
        "template_family": about.and_then(|about| about.family).map(|family| family.name()),
        "tools": about.is_some_and(|about| about.speaks.tools),
        "thinking": about.is_some_and(|about| about.speaks.thinking),
        "vision": model.vision,
        "audio": model.audio,
        "recommended_sampling": sampling.unwrap_or_default(),
        "ollama": known.modelfile.as_ref().map(|file| values(&file.values)),
        "models_preset": known.named.as_ref().map(|(name, sets)| {
            json!({"name": name, "sets": values(sets)})
        }),
        "files": paths(&model.files),
        "places": places,
        "mmproj": paths(&model.projectors),
        "adapters": paths(&model.adapters),
        "fit": fit,
    });
    let mut all = serde_json::Map::new();
    for part in [row, more] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    written(&all)
}

fn values(values: &Overrides) -> serde_json::Map<String, Value> {
    let values = values.iter().map(|(param, value)| {
        let row = spec(*param);
        (row.name.to_owned(), row.format(value).into())
    });
    values.collect()
}

/// Where a model's first file lies.
pub(super) fn path(model: &Model, path: &Path) -> Result<String, Failure> {
    written(&json!({"name": model.name, "path": path.to_string_lossy()}))
}

pub(super) fn removed(files: &[PathBuf], freed: u64) -> Result<String, Failure> {
    let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
    written(&json!({"removed": files, "freed_bytes": freed}))
}

fn written(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(failed)?;
    Ok(format!("{text}\n"))
}

fn failed(error: serde_json::Error) -> Failure {
    Failure::new(ExitCode::Software, "writing the answer", error)
}
