//! A model's vocabulary and chat template without its weights.

use std::path::Path;

use super::file::{check_file, damaged, failure};
use super::logs;
use super::model::Model;
use super::options::ModelOptions;
use crate::chat::Conversation;
use crate::engine::templates::Templates;
use crate::engine::{EngineError, ErrorKind, Prompt, prompt};
use crate::gguf::Header;
use crate::params::ReplyParams;

/// What it takes to make prompts for a model.
#[derive(Debug)]
pub struct Vocabulary {
    model: Model,
    templates: Templates,
    brings_template: bool,
}

impl Vocabulary {
    /// Reads the vocabulary of a GGUF file, which may hold nothing else.
    ///
    /// # Errors
    /// [`ErrorKind::NoInput`] or [`ErrorKind::BadData`].
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        check_file(path)?;
        Header::read(path).map_err(|error| damaged(path, &error))?;
        super::install_logging();
        logs::clear();
        let model = Model::load(path, &ModelOptions::vocabulary(), &mut |_| true);
        let Ok(model) = model else {
            let why = logs::failure_reason();
            let why = why.unwrap_or_else(|| "llama.cpp gave no reason".into());
            return Err(failure(path, ErrorKind::BadData, why, ""));
        };
        let source = model.chat_template();
        let vocab = model.vocab();
        if !vocab.has_tokenizer() {
            let why = "it brings no tokenizer";
            return Err(failure(path, ErrorKind::BadData, why, "give a chat model"));
        }
        let (bos, eos) = (vocab.text(vocab.bos()), vocab.text(vocab.eos()));
        Ok(Self {
            templates: Templates::new(source.as_deref(), bos, eos),
            brings_template: source.is_some(),
            model,
        })
    }

    /// Whether the file brings a chat template; ChatML stands in where it does not.
    pub fn brings_template(&self) -> bool {
        self.brings_template
    }

    /// The prompt that a reply to this conversation would be made from.
    ///
    /// # Errors
    /// [`ErrorKind::Template`] or [`ErrorKind::BadParameter`].
    pub fn prompt(
        &mut self,
        conversation: Conversation,
        reply: &ReplyParams,
    ) -> Result<Prompt, EngineError> {
        let vocab = self.model.vocab();
        let made = prompt::make(conversation, reply, "", &mut self.templates, vocab)?;
        Ok(Prompt::new(made.segments, &made.tokens, vocab))
    }
}
