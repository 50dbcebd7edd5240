//! What a Modelfile says of a model beside its weights: parameters, a system prompt, a template.
//! Ollama keeps each as a layer of its own.

use std::path::{Path, PathBuf};

use super::ollama;
use crate::params::{self, Overrides, Param, Value, spec};

/// The blobs with what a Modelfile says beside the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layers {
    /// A JSON object of parameters.
    pub params: Option<PathBuf>,
    /// A system prompt.
    pub system: Option<PathBuf>,
    /// A template in the language of Go.
    pub template: Option<PathBuf>,
}

/// What the layers of a model ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modelfile {
    /// As Ollama prints it: `llama3.2:3b`.
    pub name: String,
    pub values: Overrides,
    /// What could not be taken over, each with its reason.
    pub left_out: Vec<String>,
    /// Models with the same weights and other layers, whose values these are not.
    pub others: Vec<String>,
}

/// Whether a file lies where Ollama keeps weights; nothing is read.
pub fn is_ollama_blob(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let is_digest = name.is_some_and(|name| name.starts_with("sha256"));
    is_digest
        && path
            .parent()
            .is_some_and(|folder| folder.ends_with("blobs"))
}

impl Modelfile {
    /// Reads what Ollama keeps beside these weights: of the model of that name, else of the first.
    /// `None` for weights that no manifest names.
    pub fn of_blob(weights: &Path, name: Option<&str>) -> Option<Self> {
        let store = weights.parent()?.parent()?;
        let mut models = ollama::models_of(store, weights);
        let is_meant = |model: &(String, Layers)| {
            name.is_some_and(|name| model.0 == name || model.0 == format!("{name}:latest"))
        };
        let at = models.iter().position(is_meant).unwrap_or(0);
        if models.is_empty() {
            return None;
        }
        let (name, layers) = models.swap_remove(at);
        models.retain(|(_, other)| *other != layers);
        let mut modelfile = Self {
            name,
            others: models.into_iter().map(|(name, _)| name).collect(),
            ..Self::default()
        };
        modelfile.take(&layers);
        Some(modelfile)
    }

    /// What the user should know of it, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let set: Vec<&str> = self.values.keys().map(|param| spec(*param).name).collect();
        if !set.is_empty() {
            let name = &self.name;
            notes.push(format!("Ollama's {name} sets {}.", set.join(", ")));
        }
        if !self.left_out.is_empty() {
            let left_out = self.left_out.join("; ");
            notes.push(format!("Of Ollama's {}: {left_out}.", self.name));
        }
        if !self.others.is_empty() {
            let others = self.others.join(", ");
            notes.push(format!("The same weights with other values: {others}."));
        }
        notes
    }

    fn take(&mut self, layers: &Layers) {
        if let Some(text) = self.read(layers.params.as_deref()) {
            self.take_params(&text);
        }
        if let Some(text) = self.read(layers.system.as_deref()) {
            let text = text.trim();
            if !text.is_empty() {
                let system = Value::Text(text.to_owned());
                self.values.insert(Param::System, system);
            }
        }
        if let Some(text) = self.read(layers.template.as_deref()) {
            self.take_template(&text);
        }
    }

    fn read(&mut self, path: Option<&Path>) -> Option<String> {
        let path = path?;
        ollama::text(path)
            .map_err(|why| self.left_out.push(format!("{}: {why}", path.display())))
            .ok()
    }

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

    /// A template in another language is not translated: what that came out as would be a guess.
    fn take_template(&mut self, text: &str) {
        if text.contains("{%") {
            let template = Value::Text(text.to_owned());
            self.values.insert(Param::ChatTemplate, template);
        } else if !text.trim().is_empty() {
            self.left_out.push(
                "the template is written in the language of Go, so the one in the model file is used"
                    .to_owned(),
            );
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
    use std::fs;

    use super::*;

    /// A store as Ollama 0.5 leaves it: the same weights under two names.
    struct Store {
        folder: tempfile::TempDir,
    }

    impl Store {
        fn new() -> Self {
            let store = Self {
                folder: tempfile::tempdir().unwrap(),
            };
            store.blob('a', "GGUF");
            store.blob('b', r#"{"num_ctx":8192,"repeat_penalty":1.2,"temperature":0.5,"stop":["<|a,b|>","x"],"mystery":3}"#);
            store.blob('c', "You are brief.\n");
            store.blob('d', "{{ if .System }}{{ .System }}{{ end }}{{ .Prompt }}");
            store.manifest("llama3.2/3b", &[("model", 'a'), ("template", 'd')]);
            let all = [
                ("model", 'a'),
                ("params", 'b'),
                ("system", 'c'),
                ("template", 'd'),
            ];
            store.manifest("mine/latest", &all);
            store
        }

        fn weights(&self) -> PathBuf {
            self.path('a')
        }

        fn path(&self, digit: char) -> PathBuf {
            let blobs = self.folder.path().join("blobs");
            blobs.join(format!("sha256-{}", digit.to_string().repeat(64)))
        }

        fn blob(&self, digit: char, text: &str) {
            let path = self.path(digit);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn manifest(&self, name: &str, layers: &[(&str, char)]) {
            let layers: Vec<String> = layers
                .iter()
                .map(|(kind, digit)| {
                    let digest = digit.to_string().repeat(64);
                    format!(r#"{{"mediaType":"application/vnd.ollama.image.{kind}","digest":"sha256:{digest}","size":4}}"#)
                })
                .collect();
            let manifests = "manifests/registry.ollama.ai/library";
            let path = self.folder.path().join(manifests).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let layers = layers.join(",");
            fs::write(
                path,
                format!(r#"{{"schemaVersion":2,"layers":[{layers}]}}"#),
            )
            .unwrap();
        }
    }

    #[test]
    fn layers_become_values() {
        let store = Store::new();
        let modelfile = Modelfile::of_blob(&store.weights(), Some("mine")).unwrap();
        assert_eq!(modelfile.name, "mine:latest");
        let expected = Overrides::from([
            (Param::Temp, Value::Float(0.5)),
            (Param::CtxSize, Value::Int(8192)),
            (Param::RepeatPenalty, Value::Float(1.2)),
            (Param::Stop, Value::Text(r"<|a\,b|>,x".into())),
            (Param::System, Value::Text("You are brief.".into())),
        ]);
        assert_eq!(modelfile.values, expected);
        assert_eq!(
            modelfile.left_out,
            [
                "unknown parameter 'mystery'",
                "the template is written in the language of Go, so the one in the model file is used",
            ]
        );
        assert_eq!(modelfile.others, ["llama3.2:3b"]);
        let notes = modelfile.notes().join("\n");
        insta::assert_snapshot!(notes);
    }

    #[test]
    fn a_name_chooses_among_models_of_the_same_weights() {
        let store = Store::new();
        let named = |name| Modelfile::of_blob(&store.weights(), name).unwrap().name;
        assert_eq!(named(Some("mine:latest")), "mine:latest");
        assert_eq!(named(Some("llama3.2:3b")), "llama3.2:3b");
        assert_eq!(named(None), "llama3.2:3b");
        assert_eq!(Modelfile::of_blob(&store.path('b'), None), None);
    }

    #[test]
    fn a_jinja_template_is_taken_and_missing_layers_are_told() {
        let store = Store::new();
        store.blob(
            'd',
            "{% for message in messages %}{{ message.content }}{% endfor %}",
        );
        fs::remove_file(store.path('c')).unwrap();
        let modelfile = Modelfile::of_blob(&store.weights(), Some("mine")).unwrap();
        assert!(modelfile.values.contains_key(&Param::ChatTemplate));
        assert!(!modelfile.values.contains_key(&Param::System));
        assert!(
            modelfile.left_out[1].contains("sha256-cccc"),
            "{modelfile:?}"
        );
    }

    #[test]
    fn only_blobs_are_looked_up() {
        let digest = "a".repeat(64);
        let blob = format!("/home/x/.ollama/models/blobs/sha256-{digest}");
        assert!(is_ollama_blob(Path::new(&blob)));
        for other in ["/m/a.gguf", "/m/sha256-aa", "/hub/blobs/0a1b", ""] {
            assert!(!is_ollama_blob(Path::new(other)), "{other}");
        }
    }
}
