//! What an action does where it does something of its own.

use super::{Action, Context};

/// The action in the words of the context.
pub(super) fn what(context: Context, action: Action) -> &'static str {
    match (context, action) {
        (Context::Tokens, Action::StepDown) => "The token before",
        (Context::Tokens, Action::StepUp) => "The next token",
        (Context::Tokens, Action::BigStepDown) => "Ten tokens back",
        (Context::Tokens, Action::BigStepUp) => "Ten tokens on",
        (Context::Tokens, Action::Top) => "The first token",
        (Context::Tokens, Action::Bottom) => "The last token",
        (Context::Tokens, Action::Up) => "The candidate above",
        (Context::Tokens, Action::Down) => "The candidate below",
        (Context::Tokens, Action::PageUp) => "The reply before",
        (Context::Tokens, Action::PageDown) => "The reply after",
        (Context::Tokens, Action::Toggle) => "Shade the text by probability, or not",
        (Context::Tokens, Action::Accept) => {
            "Take this candidate instead; or compute candidates that were not recorded"
        }
        _ => action.what(),
    }
}
