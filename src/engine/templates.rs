//! Which chat template makes a prompt: the model's own, one by name, or one from a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{EngineError, ErrorKind};
use crate::chat::{ChatTemplate, TemplateError, template_like, template_names, template_source};
use crate::params::TemplateParams;

/// Template files are at most this long, in bytes; the longest known have 20,000.
const LONGEST: u64 = 1 << 20;

type Compiled = Result<ChatTemplate, TemplateError>;

/// The templates of a loaded model, compiled once.
#[derive(Debug)]
pub(super) struct Templates {
    own: Compiled,
    /// What the model's own one is like, by name.
    like: &'static str,
    bos: String,
    eos: String,
    /// The one used last in place of the model's own, with its source.
    other: Option<(String, Compiled)>,
}

impl Templates {
    /// `source` is what the model brings; ChatML stands in where it brings none.
    pub(super) fn new(source: Option<&str>, bos: String, eos: String) -> Self {
        let own = match source {
            Some(source) => ChatTemplate::new(source, &bos, &eos),
            None => Ok(ChatTemplate::chatml()),
        };
        Self {
            own,
            like: source.map_or("chatml", template_like),
            bos,
            eos,
            other: None,
        }
    }

    /// Why the model's own template cannot be used.
    pub(super) fn problem(&self) -> Option<&TemplateError> {
        self.own.as_ref().err()
    }

    /// The template that these parameters choose.
    ///
    /// # Errors
    /// [`ErrorKind::BadParameter`] for a name and [`ErrorKind::NoInput`] for a file that there is
    /// not, [`ErrorKind::Template`] for one that does not compile.
    pub(super) fn choose(&mut self, params: &TemplateParams) -> Result<&ChatTemplate, EngineError> {
        let source = if !params.file.is_empty() {
            Some(read(Path::new(&params.file))?)
        } else if !params.source.is_empty() {
            Some(by_name(&params.source)?)
        } else {
            None
        };
        let like = self.like;
        let compiled = match source {
            None => &self.own,
            Some(source) => {
                if !matches!(&self.other, Some((known, _)) if *known == source) {
                    let compiled = ChatTemplate::new(&source, &self.bos, &self.eos);
                    self.other = Some((source, compiled));
                }
                match &self.other {
                    Some((_, compiled)) => compiled,
                    None => &self.own,
                }
            }
        };
        compiled.as_ref().map_err(|error| failed(error, like))
    }

    /// What a template says that refused a conversation.
    pub(super) fn refused(&self, error: &TemplateError) -> EngineError {
        failed(error, self.like)
    }
}

fn failed(error: &TemplateError, like: &'static str) -> EngineError {
    EngineError {
        kind: ErrorKind::Template { like },
        what: "making the prompt".into(),
        why: error.to_string(),
        hint: format!("chat-template {like} uses one of the same kind instead"),
    }
}

fn by_name(name: &str) -> Result<String, EngineError> {
    if name.contains("{%") || name.contains("{{") {
        return Ok(name.to_owned());
    }
    template_source(name)
        .map(str::to_owned)
        .ok_or_else(|| EngineError {
            kind: ErrorKind::BadParameter,
            what: format!("using the chat template '{name}'"),
            why: "there is none of this name".into(),
            hint: format!("there are {}", template_names().join(", ")),
        })
}

fn read(path: &Path) -> Result<String, EngineError> {
    let failure = |why: String| EngineError {
        kind: ErrorKind::NoInput,
        what: format!("reading the chat template {}", path.display()),
        why,
        hint: "chat-template-file takes the path of a Jinja file".into(),
    };
    let mut source = String::new();
    let file = File::open(path).map_err(|error| failure(error.to_string()))?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Err(failure("it is not a file".into()));
    }
    file.take(LONGEST + 1)
        .read_to_string(&mut source)
        .map_err(|error| failure(error.to_string()))?;
    if source.len() as u64 > LONGEST {
        return Err(failure(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(own: Option<&str>) -> Templates {
        Templates::new(own, "<s>".into(), "</s>".into())
    }

    fn by(source: &str, file: &Path) -> TemplateParams {
        TemplateParams {
            source: source.into(),
            file: file.to_string_lossy().into_owned(),
            variables: String::new(),
        }
    }

    #[test]
    fn a_file_goes_before_a_name_and_a_name_before_the_models_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jinja");
        std::fs::write(&file, "from the file").unwrap();
        let mut templates = templates(Some("own"));
        let mut text = |params: &TemplateParams| {
            let template = templates.choose(params).unwrap();
            let segments = template.render(&[], &Default::default()).unwrap();
            segments.into_iter().map(|s| s.text).collect::<String>()
        };
        assert_eq!(text(&TemplateParams::default()), "own");
        assert_eq!(
            text(&by("phi4", Path::new(""))),
            "<|im_start|>assistant<|im_sep|>"
        );
        assert_eq!(text(&by("{{ 1 + 1 }}", Path::new(""))), "2");
        assert_eq!(text(&by("phi4", &file)), "from the file");
        std::fs::write(&file, "changed").unwrap();
        assert_eq!(text(&by("", &file)), "changed");
    }

    #[test]
    fn what_is_wrong_is_told_with_a_way_out() {
        let mut templates = templates(Some("<|start_header_id|>\n{% if %}"));
        let error = templates.choose(&TemplateParams::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Template { like: "llama3" });
        assert!(error.why.contains("line 2"), "{error}");
        let error = templates.choose(&by("chatmk", Path::new(""))).unwrap_err();
        assert!(error.hint.contains("chatml"), "{error}");
        let error = templates
            .choose(&by("", Path::new("/no/such.jinja")))
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoInput);
    }
}
