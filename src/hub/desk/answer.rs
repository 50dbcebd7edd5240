//! What the desk answers: models with their size and whether they fit, before they are here.

use std::fmt;

use super::{Question, Shared};
use crate::hub::{
    Chosen, FilePath, HubError, Pick, Repo, RepoId, Stop, Wanted, first_models, models,
};

/// Repositories that a search shows.
const FOUND: usize = 50;

/// A line of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    Repo {
        repo: RepoId,
        downloads: u64,
        license: String,
        gated: bool,
    },
    Model {
        /// What tells it from the others of the answer.
        name: String,
        wanted: Wanted,
        size: Size,
        /// `None` where nothing can be said.
        fits: Option<MayFit>,
        about: String,
    },
}

/// Bytes of a model's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As its server tells them.
    Known(u64),
    /// From the number of its parameters and its quantisation.
    Estimated(u64),
    Unknown,
}

/// Whether a model fits this machine, by an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayFit {
    pub fits: bool,
    /// Layers on GPUs and all layers, where there are GPUs.
    pub layers: Option<(u32, u32)>,
}

impl fmt::Display for MayFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { fits: false, .. } => f.write_str("too large"),
            Self {
                layers: Some((some, all)),
                ..
            } if some < all => write!(f, "fits, {some}/{all} on GPU"),
            Self { .. } => f.write_str("fits"),
        }
    }
}

/// What can be said of models before they are here.
pub trait Judge {
    /// Bytes of a model of so many parameters in a quantisation.
    fn bytes(&self, n_params: u64, quant: &str) -> Option<u64>;
    /// Whether files of so many bytes fit.
    fn fits(&self, n_params: Option<u64>, bytes: u64) -> Option<MayFit>;
}

impl Shared {
    pub(super) fn answer(&self, question: &Question) -> Result<Vec<Offer>, HubError> {
        let client = || self.client(Stop::default());
        match question {
            Question::First => self.first(),
            Question::Search(words) => {
                let found = client()?.search(words, FOUND)?;
                let offers = found.into_iter().filter_map(|one| {
                    Some(Offer::Repo {
                        repo: RepoId::parse(&one.repo).ok()?,
                        downloads: one.downloads,
                        license: one.license.unwrap_or_default(),
                        gated: one.gated,
                    })
                });
                Ok(offers.collect())
            }
            Question::Models(repo) => Ok(self.models(&client()?.repo(repo)?)),
        }
    }

    fn first(&self) -> Result<Vec<Offer>, HubError> {
        let judge = (self.look)();
        let offers = first_models(&self.places.config_dir)?
            .into_iter()
            .map(|one| {
                let judge = judge.as_deref();
                let bytes = judge.and_then(|judge| judge.bytes(one.n_params, &one.quant));
                let fits = bytes.zip(judge);
                let fits = fits.and_then(|(bytes, judge)| judge.fits(Some(one.n_params), bytes));
                Offer::Model {
                    name: one.wanted().to_string(),
                    wanted: one.wanted(),
                    size: bytes.map_or(Size::Unknown, Size::Estimated),
                    fits,
                    about: licensed(one.license.as_deref(), one.about),
                }
            });
        Ok(offers.collect())
    }

    fn models(&self, repo: &Repo) -> Vec<Offer> {
        let judge = (self.look)();
        let paths: Vec<FilePath> = repo.files.iter().map(|file| file.path.clone()).collect();
        let offers = models(&paths).into_iter().filter_map(|model| {
            let size = |index: &usize| repo.files[*index].size;
            let bytes = model.parts.iter().map(size).fold(0, u64::saturating_add);
            let judge = judge.as_deref();
            let first = paths[*model.parts.first()?].clone();
            Some(Offer::Model {
                about: licensed(repo.license.as_deref(), about(repo, &first, &model)),
                name: match model.quant.as_str() {
                    "" => first.name().to_owned(),
                    quant => quant.to_owned(),
                },
                wanted: Wanted::Repo {
                    repo: repo.id.clone(),
                    pick: Pick::File(first),
                },
                size: Size::Known(bytes),
                fits: judge.and_then(|judge| judge.fits(repo.n_params, bytes)),
            })
        });
        offers.collect()
    }
}

/// What is said of a model after its license: that it must not be cut off.
fn licensed(license: Option<&str>, about: String) -> String {
    format!("{}; {about}", license.unwrap_or("license not given"))
}

fn about(repo: &Repo, first: &FilePath, model: &Chosen) -> String {
    let mut about = first.to_string();
    if model.parts.len() > 1 {
        about += &format!(", {} parts", model.parts.len());
    }
    if model.projector.is_some() {
        about += ", with its projector for images";
    }
    if repo.gated {
        about += ", asks for an agreement";
    }
    about
}
