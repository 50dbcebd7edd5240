//! Messages, the tree they stand in, the model's chat template, and the prompt as segments.
//!
//! `template` renders twice: as is, and with every content between two marks (`marked`), which the
//! string methods and filters of `jinja` carry along. Where both agree, the marks tell who wrote
//! each character; where a template looks too closely at a content, `shapes` decides cautiously.

mod conversation;
mod filters;
mod jinja;
mod json;
mod marked;
mod message;
mod methods;
mod named;
mod python;
pub mod reasoning;
mod segment;
mod shapes;
mod source;
mod template;
mod tree;

pub use conversation::Conversation;
pub use message::{Message, Role};
pub use named::{like as template_like, names as template_names, source as template_source};
pub use segment::{Segment, SegmentKind};
pub use template::{ChatTemplate, TemplateError, TemplateOptions};
pub use tree::{NodeId, Outlined, Tree};
