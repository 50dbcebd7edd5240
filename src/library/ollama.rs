//! Ollama's manifests: names of blobs, and which layers belong to a model.
//!
//! After `manifest/*.go` and `types/model/name.go`: `manifests/<host>/<namespace>/<model>/<tag>`
//! names layers by digest, and `blobs/sha256-<digest>` holds them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use walkdir::WalkDir;

use super::Source;
use super::modelfile::Layers;
use super::walk::{Candidate, Found, is_absent};

/// A manifest or a text layer longer than this is not believed.
const LONGEST: u64 = 1 << 20;
const MEDIA: &str = "application/vnd.ollama.image.";

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

/// Every model whose weights are this blob, by name, with its other layers; those of broken manifests
/// are left out.
pub(super) fn models_of(store: &Path, weights: &Path) -> Vec<(String, Layers)> {
    let manifests = store.join("manifests");
    let files = WalkDir::new(&manifests).max_depth(6).sort_by_file_name();
    let named = files.into_iter().filter_map(|entry| {
        let entry = entry.ok().filter(|entry| entry.file_type().is_file())?;
        let name = name(entry.path().strip_prefix(&manifests).ok()?)?;
        let manifest = read(entry.path()).ok()?;
        let is_it = manifest
            .of("model")
            .next()
            .and_then(|digest| blob(store, digest))?
            == weights;
        is_it.then(|| (name, layers(store, &manifest)))
    });
    named.collect()
}

fn layers(models: &Path, manifest: &Manifest) -> Layers {
    let first = |kind| manifest.of(kind).find_map(|digest| blob(models, digest));
    Layers {
        params: first("params"),
        system: first("system"),
        template: first("template"),
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
pub(super) fn text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file.take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    Ok(text)
}

fn candidate(models: &Path, manifest: &Manifest, name: String) -> Option<Candidate> {
    let all = |kind| {
        let digests = manifest.of(kind);
        digests.filter_map(|digest| blob(models, digest)).collect()
    };
    let mut candidate = Candidate {
        source: Some(Source::Ollama),
        name,
        projectors: all("projector"),
        adapters: all("adapter"),
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
}
