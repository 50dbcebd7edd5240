//! How the tokens of a reply came about: what the model thought likely, and what each stage of the
//! sampler chain made of it.

mod blob;

use std::collections::BTreeMap;

pub use blob::{BadBlob, Ids};

/// A stage of a sampler chain that changes what can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    LogitBias,
    /// A grammar or JSON schema forbade what was drawn first, so it filtered all tokens.
    Grammar,
    Penalties,
    Dry,
    TopNSigma,
    TopK,
    TypicalP,
    TopP,
    MinP,
    Xtc,
    Temperature,
    Infill,
    AdaptiveP,
    Mirostat,
    /// The likeliest token is taken.
    Greedy,
}

impl Stage {
    /// Every stage once; the place in this list is its number in stored replies, so it only grows.
    pub const ALL: [Self; 15] = [
        Self::LogitBias,
        Self::Grammar,
        Self::Penalties,
        Self::Dry,
        Self::TopNSigma,
        Self::TopK,
        Self::TypicalP,
        Self::TopP,
        Self::MinP,
        Self::Xtc,
        Self::Temperature,
        Self::Infill,
        Self::AdaptiveP,
        Self::Mirostat,
        Self::Greedy,
    ];

    /// The name in sampler orders, where it has one.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogitBias => "logit_bias",
            Self::Grammar => "grammar",
            Self::Penalties => "penalties",
            Self::Dry => "dry",
            Self::TopNSigma => "top_n_sigma",
            Self::TopK => "top_k",
            Self::TypicalP => "typ_p",
            Self::TopP => "top_p",
            Self::MinP => "min_p",
            Self::Xtc => "xtc",
            Self::Temperature => "temp",
            Self::Infill => "infill",
            Self::AdaptiveP => "adaptive_p",
            Self::Mirostat => "mirostat",
            Self::Greedy => "greedy",
        }
    }
}

/// One token with the candidates it was drawn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenTrace {
    /// Its place among the tokens of the reply.
    pub at: u32,
    pub token: i32,
    /// How many tokens the model thought likelier; 0 = none.
    pub rank: u32,
    /// Shannon entropy of the model's distribution over the whole vocabulary, before any stage:
    /// −Σ p log₂ p, in bits.
    pub entropy: f32,
    /// The stages that ran, in order; those whose values make them do nothing are not among them.
    pub stages: Vec<StageTrace>,
    /// The likeliest before the chain and after it, and the one chosen; the likeliest first.
    pub candidates: Vec<CandidateTrace>,
}

/// What a stage left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageTrace {
    pub stage: Stage,
    /// Candidates that can still be drawn.
    pub kept: u32,
    /// Their part of the model's own distribution, 0 to 1.
    pub mass: f32,
}

/// A token that could have been drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateTrace {
    pub token: i32,
    /// The model's probability, before any stage.
    pub p: f32,
    /// The probability after each stage; shorter than the stages where one removed it.
    pub after: Vec<f32>,
}

impl CandidateTrace {
    /// The stage that removed it.
    pub fn removed_by(&self, stages: &[StageTrace]) -> Option<Stage> {
        stages.get(self.after.len()).map(|stage| stage.stage)
    }

    /// The probability with which it could be drawn at the end of those stages.
    pub fn drawn(&self, stages: &[StageTrace]) -> f32 {
        match self.after.last() {
            _ if self.after.len() < stages.len() => 0.0,
            Some(last) => *last,
            None => self.p,
        }
    }
}

impl TokenTrace {
    /// The token that was chosen, among the candidates.
    pub fn chosen(&self) -> Option<&CandidateTrace> {
        self.candidates
            .iter()
            .find(|candidate| candidate.token == self.token)
    }

    /// The model's probability of the token that was chosen.
    pub fn p(&self) -> f32 {
        self.chosen().map_or(0.0, |candidate| candidate.p)
    }
}

/// The tokens of a reply and the text of every token they name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    pub tokens: Vec<TokenTrace>,
    /// By token id. Bytes of a token need not be whole characters; control tokens have their name.
    pub pieces: BTreeMap<i32, Box<[u8]>>,
}

impl Trace {
    /// Goes on with what came next.
    pub fn append(&mut self, next: Self) {
        self.tokens.extend(next.tokens);
        self.pieces.extend(next.pieces);
    }

    /// The tokens from a place in this list on, with the pieces that they need.
    pub fn since(&self, first: usize) -> Self {
        let tokens = self.tokens.get(first..).unwrap_or_default().to_vec();
        let ids = tokens.iter().flat_map(|one| {
            let candidates = one.candidates.iter().map(|candidate| candidate.token);
            candidates.chain([one.token])
        });
        let pieces = ids.filter_map(|id| Some((id, self.pieces.get(&id)?.clone())));
        Self {
            pieces: pieces.collect(),
            tokens,
        }
    }

    /// The text of a token; what is no whole character of it is replaced. Not sanitised.
    pub fn text(&self, token: i32) -> String {
        match self.pieces.get(&token) {
            Some(piece) => String::from_utf8_lossy(piece).into_owned(),
            None => format!("<{token}>"),
        }
    }

    /// The text of a token in quotation marks, with escapes for what cannot be seen and for bytes that
    /// are no whole character; one that writes nothing has its number. Not sanitised.
    pub fn quoted(&self, token: i32) -> String {
        let Some(piece) = self.pieces.get(&token).filter(|piece| !piece.is_empty()) else {
            return format!("<{token}>");
        };
        let mut quoted = String::from("\"");
        for chunk in piece.utf8_chunks() {
            let valid = format!("{:?}", chunk.valid());
            let valid = valid
                .strip_prefix('"')
                .and_then(|valid| valid.strip_suffix('"'));
            quoted.push_str(valid.unwrap_or_default());
            let bytes = chunk.invalid().iter();
            quoted.extend(bytes.map(|byte| format!("\\x{byte:02x}")));
        }
        quoted.push('"');
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_a_number_and_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            Stage::ALL.iter().map(|stage| stage.name()).collect();
        assert_eq!(names.len(), Stage::ALL.len());
        assert_eq!(Stage::ALL.len(), Stage::Greedy as usize + 1);
        for (number, stage) in Stage::ALL.iter().enumerate() {
            assert_eq!(*stage as usize, number);
        }
    }

    #[test]
    fn a_quoted_token_shows_what_cannot_be_seen() {
        let quoted = |piece: &[u8]| {
            let trace = Trace {
                pieces: [(7, piece.into())].into(),
                ..Trace::default()
            };
            trace.quoted(7)
        };
        for (piece, expected) in [
            (&b" it's"[..], r#"" it's""#),
            (b"\"\n", r#""\"\n""#),
            ("日".as_bytes(), r#""日""#),
            (&"日".as_bytes()[..2], r#""\xe6\x97""#),
            (&[b'a', 0x97, b'\\'], r#""a\x97\\""#),
            (
                "\u{200b}\u{202e}\u{1b}".as_bytes(),
                r#""\u{200b}\u{202e}\u{1b}""#,
            ),
            (b"", "<7>"),
        ] {
            assert_eq!(quoted(piece), expected);
        }
        assert_eq!(Trace::default().quoted(7), "<7>");
    }

    #[test]
    fn a_candidate_is_removed_by_the_first_stage_it_has_no_probability_after() {
        let stage = |stage| StageTrace {
            stage,
            kept: 1,
            mass: 1.0,
        };
        let stages = [stage(Stage::TopK), stage(Stage::MinP)];
        let candidate = |after: &[f32]| CandidateTrace {
            token: 1,
            p: 0.5,
            after: after.to_vec(),
        };
        assert_eq!(candidate(&[0.6]).removed_by(&stages), Some(Stage::MinP));
        assert_eq!(candidate(&[0.6]).drawn(&stages), 0.0);
        assert_eq!(candidate(&[0.6, 0.7]).removed_by(&stages), None);
        assert_eq!(candidate(&[0.6, 0.7]).drawn(&stages), 0.7);
        assert_eq!(candidate(&[]).drawn(&[]), 0.5);
    }
}
