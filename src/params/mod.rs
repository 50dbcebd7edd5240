//! The one table of parameters and the values people gave them.
//!
//! [`TABLE`] names every parameter once: spelling, aliases of other tools, kind, range,
//! default, what a change costs and one line of help. The parameter pane, the command line,
//! presets, `/set` and `docs/parameters.md` are all made from it. [`Params`] layers values over
//! the defaults and remembers where each came from; [`LoadParams`], [`SamplingParams`] and
//! [`ReplyParams`] are the typed view that the engine takes.

mod assign;
mod markdown;
mod near;
mod recommended;
mod set;
mod spec;
mod step;
mod table;
mod text;
mod typed;
mod value;
mod view;

pub use assign::{AssignError, Foreign, assign, denied};
pub use markdown::markdown;
pub use near::nearest_word;
pub use recommended::recommended;
pub use set::{Overrides, Params, Source};
pub use spec::{Cost, DefaultValue, Group, Kind, Param, Spec, Support};
pub use table::{TABLE, find, nearest, spec};
pub use text::join_list;
pub use typed::{
    ContextParams, FlashAttention, GpuLayers, LazyMode, LoadMode, LoadParams, Mirostat,
    ModelParams, ReplyParams, Rope, SamplerKind, SamplingParams, ShelfParams, SplitMode,
    TemplateParams, ThreadParams,
};
pub use value::{Value, ValueError};
