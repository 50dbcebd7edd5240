//! Ollama's manifests: names of blobs, and the layers that say how a model wants to be run.
//!
//! After `manifest/*.go` and `types/model/name.go`: `manifests/<host>/<namespace>/<model>/<tag>`
//! names layers by digest, and `blobs/sha256-<digest>` holds them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use walkdir::WalkDir;

use super::Source;
use super::walk::{Candidate, Found, is_absent};
use crate::params::{self, Overrides, Param, Value};

/// A manifest or a text layer longer than this is not believed.
const LONGEST: u64 = 1 << 20;
const MEDIA: &str = "application/vnd.ollama.image.";

/// The blobs with what a Modelfile says beside the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// A JSON object of parameters.
    pub params: Option<PathBuf>,
    /// A system prompt.
    pub system: Option<PathBuf>,
    /// A template in the language of Go.
    pub template: Option<PathBuf>,
}

/// What the layers of a model ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    pub values: Overrides,
    /// What could not be taken over, each with its reason.
    pub left_out: Vec<String>,
    /// The template's source; the model's own template is used in its place.
    pub template: Option<String>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

impl Manifest {
    fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let layers = self.layers.iter();
        layers
            .filter(move |layer| layer.media_type.strip_prefix(MEDIA) == Some(kind))
            .map(|layer| layer.digest.as_str())
    }
}

/// Takes up every model that the manifests in this folder name.
pub(super) fn walk(found: &mut Found, models: &Path) {
    let manifests = models.join("manifests");
    for entry in WalkDir::new(&manifests).max_depth(6).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(&manifests).to_owned();
                let why = error.io_error().map(ToString::to_string);
                found.report(&path, why.unwrap_or_else(|| error.to_string()));
                continue;
            }
        };
        let inner = entry
            .path()
            .strip_prefix(&manifests)
            .unwrap_or(entry.path());
        let (true, Some(name)) = (entry.file_type().is_file(), name(inner)) else {
            continue;
        };
        match read(entry.path()) {
            Ok(manifest) => found.candidates.extend(candidate(models, &manifest, name)),
            Err(why) => found.report(entry.path(), why),
        }
    }
}

/// `registry.ollama.ai/library/llama3.2/3b` → `llama3.2:3b`
fn name(inner: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = inner.iter().map(|part| part.to_str()).collect();
    let parts = parts?;
    if parts.iter().any(|part| part.starts_with('.')) {
        return None;
    }
    match parts.as_slice() {
        ["registry.ollama.ai", "library", model, tag] => Some(format!("{model}:{tag}")),
        ["registry.ollama.ai", namespace, model, tag] => Some(format!("{namespace}/{model}:{tag}")),
        [host, namespace, model, tag] => Some(format!("{host}/{namespace}/{model}:{tag}")),
        _ => None,
    }
}

fn read(path: &Path) -> Result<Manifest, String> {
    let text = text(path)?;
    serde_json::from_str(&text).map_err(|error| format!("it is no manifest: {error}"))
}

/// The text of a small file.
fn text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file.take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    Ok(text)
}

fn candidate(models: &Path, manifest: &Manifest, name: String) -> Option<Candidate> {
    let first = |kind| manifest.of(kind).find_map(|digest| blob(models, digest));
    let all = |kind| {
        let digests = manifest.of(kind);
        digests.filter_map(|digest| blob(models, digest)).collect()
    };
    let mut candidate = Candidate {
        source: Some(Source::Ollama),
        name,
        projectors: all("projector"),
        adapters: all("adapter"),
        layers: Some(Layers {
            params: first("params"),
            system: first("system"),
            template: first("template"),
        }),
        ..Candidate::default()
    };
    let Some(digest) = manifest.of("model").next() else {
        // Models that run in the cloud have no weights at all.
        manifest.of("tensor").next()?;
        candidate.path = models.join("blobs");
        candidate.broken =
            Some("its weights are no GGUF file but single tensors (safetensors)".into());
        return Some(candidate);
    };
    let path = blob(models, digest)?;
    match fs::metadata(&path) {
        Err(error) if is_absent(&error) => {
            if is_being_pulled(&path) {
                return None;
            }
            candidate.broken = Some("its weights are missing: pull it again with Ollama".into());
        }
        _ => {}
    }
    candidate.path = path;
    Some(candidate)
}

/// Where a layer lies; `None` for what is no digest.
fn blob(models: &Path, digest: &str) -> Option<PathBuf> {
    let hex = digest
        .strip_prefix("sha256")
        .and_then(|rest| rest.strip_prefix([':', '-']))?;
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let blobs = models.join("blobs");
    let old = blobs.join(format!("sha256:{hex}"));
    let usual = blobs.join(format!("sha256-{hex}"));
    Some(if !usual.exists() && old.exists() {
        old
    } else {
        usual
    })
}

fn is_being_pulled(blob: &Path) -> bool {
    let mut partial = blob.as_os_str().to_owned();
    partial.push("-partial");
    Path::new(&partial).exists()
}

impl Layers {
    /// Reads what the layers ask for.
    pub fn wishes(&self) -> Wishes {
        let mut wishes = Wishes::default();
        let read = |path: &Option<PathBuf>, wishes: &mut Wishes| {
            let path = path.as_ref()?;
            text(path)
                .map_err(|why| wishes.left_out.push(format!("{}: {why}", path.display())))
                .ok()
        };
        if let Some(text) = read(&self.params, &mut wishes) {
            wishes.take_params(&text);
        }
        if let Some(text) = read(&self.system, &mut wishes) {
            let text = text.trim();
            if !text.is_empty() {
                wishes
                    .values
                    .insert(Param::System, Value::Text(text.to_owned()));
            }
        }
        wishes.template = read(&self.template, &mut wishes);
        wishes
    }
}

impl Wishes {
    fn take_params(&mut self, text: &str) {
        let object: serde_json::Map<String, serde_json::Value> = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => return self.left_out.push(format!("the parameters: {error}")),
        };
        for (name, value) in object {
            let Some(text) = written(&value) else {
                self.left_out.push(format!("{name}: it is no single value"));
                continue;
            };
            match params::assign(&name, &text) {
                Ok(values) => self.values.extend(values),
                Err(error) => self.left_out.push(error.to_string()),
            }
        }
    }
}

/// A JSON value as a user would type it.
fn written(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(on) => Some(on.to_string()),
        Json::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
            Some(params::join_list(&items?))
        }
        Json::Null | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_ollama_prints_them() {
        for (inner, expected) in [
            (
                "registry.ollama.ai/library/llama3.2/3b",
                Some("llama3.2:3b"),
            ),
            (
                "registry.ollama.ai/ada/mine/latest",
                Some("ada/mine:latest"),
            ),
            ("hf.co/org/repo/Q4_K_M", Some("hf.co/org/repo:Q4_K_M")),
            ("registry.ollama.ai/library/.tmp/x", None),
            ("stray", None),
        ] {
            assert_eq!(name(Path::new(inner)).as_deref(), expected, "{inner}");
        }
    }

    #[test]
    fn digests_lead_only_to_blobs() {
        let models = Path::new("/m");
        let hex = "a".repeat(64);
        let path = PathBuf::from(format!("/m/blobs/sha256-{hex}"));
        assert_eq!(blob(models, &format!("sha256:{hex}")), Some(path));
        for wrong in [
            "",
            "sha256:../../etc/passwd",
            "md5:aa",
            &format!("sha256:{hex}a"),
        ] {
            assert_eq!(blob(models, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn layers_become_values() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            Some(path)
        };
        let layers = Layers {
            params: file(
                "params",
                r#"{"temperature": 0.5, "num_ctx": 8192, "stop": ["<|a,b|>", "x"], "mystery": 3}"#,
            ),
            system: file("system", "You are brief.\n"),
            template: file("template", "{{ .Prompt }}"),
        };
        let wishes = layers.wishes();
        assert_eq!(wishes.values[&Param::Temp], Value::Float(0.5));
        assert_eq!(wishes.values[&Param::CtxSize], Value::Int(8192));
        assert_eq!(
            wishes.values[&Param::Stop],
            Value::Text(r"<|a\,b|>,x".into())
        );
        assert_eq!(
            wishes.values[&Param::System],
            Value::Text("You are brief.".into())
        );
        assert_eq!(wishes.left_out, ["unknown parameter 'mystery'"]);
        assert_eq!(wishes.template.as_deref(), Some("{{ .Prompt }}"));
    }
}
