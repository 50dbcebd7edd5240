//! What a file's header says of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::family::{Family, Speaks};
use crate::gguf::{self, Facts, GgufError, Header, Value};
use crate::params::{Overrides, recommended};

/// A license or name longer than this is cut.
const LONGEST_TEXT: usize = 200;
/// The keys of recommended sampling begin like this.
const SAMPLING: &str = "general.sampling.";

/// What kind of GGUF file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Model,
    /// The part of a model that sees or hears (mmproj).
    Projector,
    /// A LoRA adapter.
    Adapter,
    /// An importance matrix.
    Imatrix,
}

/// What is known of a GGUF file without loading it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub kind: Kind,
    /// Why it cannot be loaded, with the byte at which the header goes wrong.
    pub problem: Option<String>,
    /// `general.name`
    pub title: String,
    pub arch: String,
    /// As in file names where the tensors bear it out (`Q4_K_M`), else the type that most bytes
    /// are in (`Q4_K`).
    pub quant: String,
    pub n_params: u64,
    pub n_ctx_train: u32,
    pub license: Option<String>,
    /// `None` without a chat template.
    pub family: Option<Family>,
    pub speaks: Speaks,
    /// What a projector gives a model.
    pub senses: Senses,
    /// `general.sampling.*`, as text.
    pub sampling: BTreeMap<String, String>,
    /// For plans; `None` of what is no model.
    pub facts: Option<Box<Facts>>,
}

/// What a projector is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Senses {
    pub vision: bool,
    pub audio: bool,
    /// Width of what it gives; that of the model it belongs to.
    pub width: Option<u32>,
}

impl About {
    /// Reads the headers of a model's files, the first one first.
    ///
    /// # Errors
    /// When a file cannot be read or is no GGUF file; a model that cannot be loaded has a problem.
    pub fn read(files: &[impl AsRef<Path>]) -> Result<Self, GgufError> {
        let mut files = files.iter();
        let first = files.next().map(AsRef::as_ref).unwrap_or(Path::new(""));
        let mut header = Header::survey(first)?;
        for file in files {
            header.append(Header::read_part(file.as_ref())?);
        }
        Ok(Self::of(&header))
    }

    /// What a header says.
    pub fn of(header: &Header) -> Self {
        let kind = kind(header);
        let problem = match kind {
            Kind::Model => header.check().err().map(|error| error.to_string()),
            _ => None,
        };
        let facts = header.facts();
        let text = |key: &str| header.str(key).map(short).filter(|text| !text.is_empty());
        let template = header.str("tokenizer.chat_template");
        let mut about = Self {
            kind,
            problem,
            title: text("general.name").unwrap_or_default(),
            arch: short(header.arch()),
            quant: quant(&facts),
            n_params: facts.n_params,
            n_ctx_train: facts.n_ctx_train,
            license: text("general.license"),
            family: template.map(Family::of),
            speaks: template.map(Speaks::of).unwrap_or_default(),
            senses: senses(header),
            sampling: sampling(header),
            facts: None,
        };
        if kind == Kind::Model && about.problem.is_none() {
            about.facts = Some(Box::new(facts));
        }
        about
    }

    /// The sampling that the file recommends.
    pub fn recommended(&self) -> Overrides {
        recommended(|key| self.sampling.get(key).cloned())
    }
}

fn kind(header: &Header) -> Kind {
    let is_projector = header.arch() == "clip";
    match header.str("general.type") {
        Some("mmproj") => Kind::Projector,
        Some("adapter") => Kind::Adapter,
        Some("imatrix") => Kind::Imatrix,
        _ if is_projector => Kind::Projector,
        _ => Kind::Model,
    }
}

/// The name that llama.cpp's number of a mixture has (`enum llama_ftype`), where most bytes are of
/// the type that it is made of.
fn quant(facts: &Facts) -> String {
    const MIXTURES: [(u32, &str, &str); 14] = [
        (10, "Q2_K", "Q2_K"),
        (11, "Q3_K", "Q3_K_S"),
        (12, "Q3_K", "Q3_K_M"),
        (13, "Q3_K", "Q3_K_L"),
        (14, "Q4_K", "Q4_K_S"),
        (15, "Q4_K", "Q4_K_M"),
        (16, "Q5_K", "Q5_K_S"),
        (17, "Q5_K", "Q5_K_M"),
        (21, "Q2_K", "Q2_K_S"),
        (22, "IQ3_S", "IQ3_XS"),
        (27, "IQ3_S", "IQ3_M"),
        (28, "IQ2_XS", "IQ2_S"),
        (29, "IQ2_S", "IQ2_M"),
        (38, "MXFP4", "MXFP4_MOE"),
    ];
    let mixture = MIXTURES
        .iter()
        .find(|(number, main, _)| Some(*number) == facts.file_type && *main == facts.quant);
    mixture.map_or(facts.quant, |(_, _, name)| name).to_owned()
}

fn senses(header: &Header) -> Senses {
    let has = |key: &str| header.bool(key);
    let audio = has("clip.has_audio_encoder").unwrap_or(false);
    Senses {
        // Older files say nothing, and are all for images.
        vision: header.arch() == "clip" && has("clip.has_vision_encoder").unwrap_or(!audio),
        audio,
        width: ["clip.vision.projection_dim", "clip.audio.projection_dim"]
            .iter()
            .find_map(|key| header.u32(key)),
    }
}

fn sampling(header: &Header) -> BTreeMap<String, String> {
    let entries = header.metadata.range(SAMPLING.to_owned()..);
    let entries = entries.take_while(|(key, _)| key.starts_with(SAMPLING));
    let text = |value: &Value| match value {
        Value::Text(text) => Some(short(text)),
        Value::Unsigned(number) => Some(number.to_string()),
        Value::Signed(number) => Some(number.to_string()),
        // What an f32 says in as few digits as tell it apart.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the values are f32 in most files"
        )]
        Value::Float(number) => Some((*number as f32).to_string()),
        Value::Bool(_) | Value::Array(_) => None,
    };
    let entries = entries.filter_map(|(key, entry)| Some((key.clone(), text(&entry.value)?)));
    entries.take(32).collect()
}

fn short(text: &str) -> String {
    text.trim().chars().take(LONGEST_TEXT).collect()
}

/// The files of a model, and those of them that are missing.
pub(super) fn parts(path: &Path) -> (Vec<std::path::PathBuf>, usize) {
    let all = gguf::parts(path);
    let count = all.len();
    let here: Vec<_> = all.into_iter().filter(|part| part.exists()).collect();
    let missing = count - here.len();
    (here, missing)
}
