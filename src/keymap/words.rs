//! What an action does where it does something of its own.

use super::{Action, Context};

/// The action in the words of the context.
pub(super) fn what(context: Context, action: Action) -> &'static str {
    match (context, action) {
        (Context::Command, Action::Send) => "Take the chosen completion, or run the command",
        (Context::Command, Action::Up) => "The completion above",
        (Context::Command, Action::Down) => "The completion below",
        (Context::Command, Action::Complete) => "Take the chosen completion, or the first",
        (Context::Editing, Action::Send) => "Send the edited message as another version",
        (Context::Lines, Action::MarkLines) => "Mark anew from here",
        (Context::Lines, Action::CopyReply) => "Copy the marked lines",
        (Context::Page, Action::Toggle) => "Show the prompt as text, or as tokens",
        (Context::Metrics, Action::PageUp) => "Half a screen earlier",
        (Context::Metrics, Action::PageDown) => "Half a screen later",
        (Context::Metrics, Action::Top) => "The beginning of the hour",
        (Context::Metrics, Action::Bottom) => "Back to now",
        (Context::Bench, Action::Accept) => "Start the selected measurement",
        (Context::Downloads, Action::Accept) => "Load what is here, or go on with the download",
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
        (Context::Compare, Action::Toggle) => "Add a column of the selected preset",
        (Context::Compare, Action::Accept) => "Start the comparison, or cast the blind vote",
        (Context::Models, Action::Accept) => "Load the model",
        (Context::Chats, Action::Accept) => "Go on with the chat",
        (Context::Help | Context::List | Context::Chats, Action::Cancel) => "Close what is open",
        (Context::Prompt, Action::Cancel) => "Stop typing, or close what is open",
        (Context::Prompt, Action::Complete) => "Complete the path, or go over to the downloads",
        _ => action.what(),
    }
}
