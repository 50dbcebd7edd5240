//! The user's files: folders, configuration, presets, personas; embedded defaults under the user's own.
//!
//! [`Folders`] says where everything lies, [`Config`] is `config.toml`, [`load_presets`] lays the
//! user's presets over the embedded ones, [`ConfigWatch`] tells when a file was edited. A file
//! that cannot be used becomes a [`ConfigError`] that names the place and the nearest valid word.

mod builtin_model;
mod document;
mod error;
mod models_preset;
mod overlay;
mod paths;
mod persona;
mod preset;
mod prices;
mod profile;
mod settings;
mod watch;

pub use builtin_model::install_builtin_model;
pub use error::{ConfigError, Place};
pub use models_preset::{ModelsPreset, NamedModel, Weights};
pub use paths::{Folders, NoHome};
pub use persona::{Persona, load_personas};
pub use preset::{Preset, load_presets, preset_text, reload_presets};
pub use profile::{Profile, load_profiles};
pub use settings::{Config, Library, Ui};
pub use watch::{Changed, ConfigWatch};
