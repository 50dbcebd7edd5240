//! Everything a user can do, by name. Keys, the palette and slash commands all end here.

/// An action; movements mean what the pane with focus or the open overlay makes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    // Program
    Help,
    Palette,
    Quit,
    Interrupt,
    EndOfInput,
    Redraw,
    Suspend,
    Cancel,
    // Panes
    FocusNext,
    FocusPrevious,
    ShowChat,
    ShowParameters,
    ShowSpeed,
    ShowGauges,
    ShowLog,
    ShowMetrics,
    ShowBench,
    ShowTokens,
    ShowWhy,
    ShowCompare,
    ShowModels,
    // Chat
    Send,
    NewLine,
    OpenEditor,
    HistoryPrevious,
    HistoryNext,
    NewChat,
    // Going back and trying again
    PreviousMessage,
    NextMessage,
    PreviousVersion,
    NextVersion,
    EditMessage,
    KeepEdit,
    Regenerate,
    Continue,
    Undo,
    DeleteMessage,
    Restore,
    Fork,
    ShowTree,
    // Chat as a whole
    PinChat,
    RenameChat,
    TagChat,
    DeleteChat,
    ExportChat,
    MarkLines,
    CopyReply,
    CopyRaw,
    NextCode,
    PreviousCode,
    ShowRaw,
    UnfoldThoughts,
    ChatPageUp,
    ChatPageDown,
    ChatEnd,
    // Model and looks
    LoadModel,
    SwapModels,
    LetGo,
    ChoosePreset,
    ChoosePersona,
    ChooseTheme,
    ShowSessions,
    ShowDownloads,
    PauseDownload,
    CancelDownload,
    ShowPrompt,
    ShowContext,
    RaiseContext,
    DropOldest,
    Summarise,
    // Comparisons
    ColumnPrevious,
    ColumnNext,
    ColumnAdd,
    ColumnRemove,
    ColumnRetry,
    ColumnStop,
    ColumnVary,
    ColumnKeep,
    ColumnSave,
    CompareChoose,
    CompareWords,
    CompareTogether,
    CompareBlind,
    CompareStanding,
    CompareExport,
    // Models
    ModelDetails,
    SortModels,
    FitFilter,
    Favourite,
    RemoveModel,
    // Movement
    Up,
    Down,
    PageUp,
    PageDown,
    HalfPageUp,
    HalfPageDown,
    Top,
    Bottom,
    // Lists and prompts
    Accept,
    Complete,
    // Parameters
    StepDown,
    StepUp,
    BigStepDown,
    BigStepUp,
    EditValue,
    Toggle,
    ResetOne,
    ResetAll,
    Filter,
    Apply,
    Discard,
    // Metrics
    Earlier,
    Later,
    ZoomIn,
    ZoomOut,
    Freeze,
    NextGpu,
    ExportCsv,
    ExportJson,
    ExportText,
}

/// An action with the name files use for it and what it does.
struct Entry {
    action: Action,
    name: &'static str,
    what: &'static str,
}

const fn entry(action: Action, name: &'static str, what: &'static str) -> Entry {
    Entry { action, name, what }
}

/// Every action once.
const ENTRIES: &[Entry] = &[
    entry(Action::Send, "send", "Send the message"),
    entry(Action::NewLine, "new-line", "Break the line"),
    entry(
        Action::OpenEditor,
        "open-editor",
        "Write the message in your editor",
    ),
    entry(
        Action::HistoryPrevious,
        "history-previous",
        "Recall the message sent before",
    ),
    entry(
        Action::HistoryNext,
        "history-next",
        "Go forward in the messages sent",
    ),
    entry(
        Action::Interrupt,
        "interrupt",
        "Stop the reply; twice quits",
    ),
    entry(
        Action::Cancel,
        "cancel",
        "Stop the reply, close what is open, or go back to writing",
    ),
    entry(
        Action::EndOfInput,
        "end-of-input",
        "Quit when nothing is written",
    ),
    entry(Action::Help, "help", "Show all keys"),
    entry(Action::Palette, "palette", "Find an action by name"),
    entry(Action::FocusNext, "focus-next", "Go to the next pane"),
    entry(
        Action::FocusPrevious,
        "focus-previous",
        "Go to the previous pane",
    ),
    entry(
        Action::ShowChat,
        "show-chat",
        "Go to the chat, to scroll and copy",
    ),
    entry(
        Action::ShowParameters,
        "show-parameters",
        "Show the parameters",
    ),
    entry(Action::ShowSpeed, "show-speed", "Show the speed figures"),
    entry(Action::ShowGauges, "show-gauges", "Show the gauges"),
    entry(Action::ShowLog, "show-log", "Show the log"),
    entry(
        Action::ShowMetrics,
        "show-metrics",
        "Show the last hour on one time axis",
    ),
    entry(
        Action::ShowBench,
        "show-bench",
        "Measure the model, tune it, and see earlier results",
    ),
    entry(
        Action::ShowTokens,
        "show-tokens",
        "Walk through the tokens of a reply",
    ),
    entry(
        Action::ShowWhy,
        "show-why",
        "Show why it is slow, and what to do",
    ),
    entry(
        Action::ShowCompare,
        "show-compare",
        "Compare presets side by side",
    ),
    entry(Action::NewChat, "new-chat", "Begin a new chat"),
    entry(
        Action::PreviousMessage,
        "previous-message",
        "Select the message before",
    ),
    entry(
        Action::NextMessage,
        "next-message",
        "Select the message after",
    ),
    entry(
        Action::PreviousVersion,
        "previous-version",
        "Show the version before of the selected message",
    ),
    entry(
        Action::NextVersion,
        "next-version",
        "Show the next version of the selected message",
    ),
    entry(
        Action::EditMessage,
        "edit-message",
        "Edit the selected message, or the last one you wrote",
    ),
    entry(
        Action::KeepEdit,
        "keep-edit",
        "Keep the edited text without an answer",
    ),
    entry(
        Action::Regenerate,
        "regenerate",
        "Answer again; the old answer stays beside it",
    ),
    entry(
        Action::Continue,
        "continue",
        "Go on with the reply where it stopped",
    ),
    entry(
        Action::Undo,
        "undo",
        "Take the last turn back into the composer",
    ),
    entry(
        Action::DeleteMessage,
        "delete-message",
        "Delete the message and what follows it",
    ),
    entry(
        Action::Restore,
        "restore",
        "Bring back what was deleted last",
    ),
    entry(
        Action::Fork,
        "fork",
        "Make a chat of its own from what is above",
    ),
    entry(
        Action::ShowTree,
        "show-tree",
        "Show the chat with all its versions as a tree",
    ),
    entry(Action::PinChat, "pin-chat", "Pin the chat, or unpin it"),
    entry(Action::RenameChat, "rename-chat", "Give the chat a title"),
    entry(Action::TagChat, "tag-chat", "Give the chat tags"),
    entry(Action::DeleteChat, "delete-chat", "Delete the chat"),
    entry(
        Action::ExportChat,
        "export-chat",
        "Write the chat to a Markdown file",
    ),
    entry(
        Action::MarkLines,
        "mark-lines",
        "Mark lines of the chat, to copy them",
    ),
    entry(
        Action::CopyReply,
        "copy-reply",
        "Copy the marked lines, the picked code, the selected message, or the last reply",
    ),
    entry(
        Action::CopyRaw,
        "copy-raw",
        "Copy the selected message or the last reply as it was written, with its thoughts",
    ),
    entry(Action::NextCode, "next-code", "Pick the next code block"),
    entry(
        Action::PreviousCode,
        "previous-code",
        "Pick the code block before",
    ),
    entry(
        Action::ShowRaw,
        "show-raw",
        "Show replies as they were written, or as Markdown again",
    ),
    entry(
        Action::UnfoldThoughts,
        "unfold-thoughts",
        "Show or fold what models thought before they answered",
    ),
    entry(
        Action::ChatPageUp,
        "chat-page-up",
        "Scroll the chat a page up",
    ),
    entry(
        Action::ChatPageDown,
        "chat-page-down",
        "Scroll the chat a page down",
    ),
    entry(Action::ChatEnd, "chat-end", "Scroll the chat to its end"),
    entry(Action::LoadModel, "load-model", "Load a model file"),
    entry(
        Action::SwapModels,
        "swap-models",
        "Go back to the model that is held in memory",
    ),
    entry(
        Action::LetGo,
        "let-go",
        "Free the memory of the model that is held",
    ),
    entry(
        Action::ChoosePreset,
        "choose-preset",
        "Choose a sampling preset",
    ),
    entry(
        Action::ChoosePersona,
        "choose-persona",
        "Choose a persona: a system prompt with a preset",
    ),
    entry(Action::ChooseTheme, "choose-theme", "Choose a theme"),
    entry(
        Action::ShowSessions,
        "show-sessions",
        "Search the saved chats and go on with one",
    ),
    entry(
        Action::ShowDownloads,
        "show-downloads",
        "Find models on the Hub and download them",
    ),
    entry(
        Action::PauseDownload,
        "pause-download",
        "Pause the download, or go on with it",
    ),
    entry(
        Action::CancelDownload,
        "cancel-download",
        "Stop the download and throw away what came, or take it off the list",
    ),
    entry(
        Action::ShowPrompt,
        "show-prompt",
        "Show the prompt of the selected or the last reply, and its tokens",
    ),
    entry(
        Action::ShowContext,
        "show-context",
        "Show what fills the context",
    ),
    entry(
        Action::RaiseContext,
        "raise-context",
        "Double ctx-size and keep the conversation",
    ),
    entry(
        Action::DropOldest,
        "drop-oldest",
        "Leave the oldest turn out of the prompt",
    ),
    entry(
        Action::Summarise,
        "summarise",
        "Let the model summarise the older turns in the prompt",
    ),
    entry(Action::Redraw, "redraw", "Paint the screen anew"),
    entry(
        Action::Suspend,
        "suspend",
        "Give the terminal back to the shell until fg",
    ),
    entry(
        Action::ColumnPrevious,
        "column-previous",
        "Go to the column before",
    ),
    entry(Action::ColumnNext, "column-next", "Go to the next column"),
    entry(Action::ColumnAdd, "column-add", "Add a column"),
    entry(Action::ColumnRemove, "column-remove", "Take a column away"),
    entry(
        Action::ColumnRetry,
        "column-retry",
        "Let the column answer again",
    ),
    entry(Action::ColumnStop, "column-stop", "Stop the column"),
    entry(
        Action::ColumnVary,
        "column-vary",
        "Let the column answer with other settings",
    ),
    entry(
        Action::ColumnKeep,
        "column-keep",
        "Keep the column as the chat's reply",
    ),
    entry(
        Action::ColumnSave,
        "column-save",
        "Save the column's settings as a preset",
    ),
    entry(
        Action::CompareChoose,
        "compare-choose",
        "Choose columns for another comparison",
    ),
    entry(
        Action::CompareWords,
        "compare-words",
        "Mark the words that are not in this column",
    ),
    entry(
        Action::CompareTogether,
        "compare-together",
        "Scroll one column or all",
    ),
    entry(
        Action::CompareBlind,
        "compare-blind",
        "Hide which column is which, and vote",
    ),
    entry(
        Action::CompareStanding,
        "compare-standing",
        "Show what the votes show",
    ),
    entry(
        Action::CompareExport,
        "compare-export",
        "Write the comparison to a file",
    ),
    entry(
        Action::ShowModels,
        "show-models",
        "Show the models on this machine",
    ),
    entry(
        Action::ModelDetails,
        "model-details",
        "Show everything the model's header says",
    ),
    entry(
        Action::SortModels,
        "sort-models",
        "Order the models by something else",
    ),
    entry(
        Action::FitFilter,
        "fit-filter",
        "Show only models that fit, or all",
    ),
    entry(Action::Favourite, "favourite", "Mark the model, or not"),
    entry(
        Action::RemoveModel,
        "remove-model",
        "Remove a model that was downloaded; asks twice",
    ),
    entry(Action::Up, "up", "Up"),
    entry(Action::Down, "down", "Down"),
    entry(Action::PageUp, "page-up", "A page up"),
    entry(Action::PageDown, "page-down", "A page down"),
    entry(Action::HalfPageUp, "half-page-up", "Half a page up"),
    entry(Action::HalfPageDown, "half-page-down", "Half a page down"),
    entry(Action::Top, "top", "To the top"),
    entry(Action::Bottom, "bottom", "To the end"),
    entry(Action::Accept, "accept", "Take what is selected or typed"),
    entry(Action::Complete, "complete", "Complete what is typed"),
    entry(Action::StepDown, "step-down", "Step the value down"),
    entry(Action::StepUp, "step-up", "Step the value up"),
    entry(Action::BigStepDown, "big-step-down", "Ten steps down"),
    entry(Action::BigStepUp, "big-step-up", "Ten steps up"),
    entry(Action::EditValue, "edit-value", "Type a value"),
    entry(
        Action::Toggle,
        "toggle",
        "Switch the value to the next choice",
    ),
    entry(Action::ResetOne, "reset-one", "Take this change back"),
    entry(Action::ResetAll, "reset-all", "Take all changes back"),
    entry(Action::Filter, "filter", "Filter by typing"),
    entry(Action::Apply, "apply", "Apply the pending changes"),
    entry(Action::Discard, "discard", "Discard the pending changes"),
    entry(
        Action::Earlier,
        "earlier",
        "Show the values a little earlier",
    ),
    entry(Action::Later, "later", "Show the values a little later"),
    entry(Action::ZoomIn, "zoom-in", "Show less time"),
    entry(Action::ZoomOut, "zoom-out", "Show more time"),
    entry(
        Action::Freeze,
        "freeze",
        "Stop the time, or let it run again",
    ),
    entry(Action::NextGpu, "next-gpu", "Show the next GPU"),
    entry(
        Action::ExportCsv,
        "export-csv",
        "Write the last hour of metrics to a CSV file",
    ),
    entry(
        Action::ExportJson,
        "export-json",
        "Write the last hour of metrics to a JSON file",
    ),
    entry(
        Action::ExportText,
        "export-text",
        "Write the metrics that are shown as a table of text",
    ),
    // The last one, so that nobody takes it by accident from the top of a list.
    entry(Action::Quit, "quit", "Quit"),
];

impl Action {
    /// Every action once, in the order help lists them.
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|entry| entry.action)
    }

    /// The name in keymap files: `load-model`.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// What it does, as a short sentence without a full stop.
    pub fn what(self) -> &'static str {
        self.entry().what
    }

    /// The action of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        ENTRIES
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.action)
    }

    /// Whether it means something outside the pane or overlay that has the keys,
    /// so that the palette offers it.
    pub fn stands_alone(self) -> bool {
        !matches!(
            self,
            Self::Send
                | Self::NewLine
                | Self::HistoryPrevious
                | Self::HistoryNext
                | Self::KeepEdit
                | Self::Interrupt
                | Self::Cancel
                | Self::EndOfInput
                | Self::Palette
                | Self::Up
                | Self::Down
                | Self::PageUp
                | Self::PageDown
                | Self::HalfPageUp
                | Self::HalfPageDown
                | Self::Top
                | Self::Bottom
                | Self::Accept
                | Self::Complete
                | Self::StepDown
                | Self::StepUp
                | Self::BigStepDown
                | Self::BigStepUp
                | Self::EditValue
                | Self::Toggle
                | Self::ResetOne
                | Self::Filter
                | Self::PauseDownload
                | Self::CancelDownload
                | Self::Earlier
                | Self::Later
                | Self::ZoomIn
                | Self::ZoomOut
                | Self::Freeze
                | Self::NextGpu
                | Self::ColumnPrevious
                | Self::ColumnNext
                | Self::ColumnAdd
                | Self::ColumnRemove
                | Self::ColumnRetry
                | Self::ColumnStop
                | Self::ColumnVary
                | Self::ColumnKeep
                | Self::ColumnSave
                | Self::CompareChoose
                | Self::CompareWords
                | Self::CompareTogether
                | Self::CompareBlind
                | Self::CompareStanding
                | Self::CompareExport
                | Self::ModelDetails
                | Self::SortModels
                | Self::FitFilter
                | Self::Favourite
                | Self::RemoveModel
        )
    }

    fn entry(self) -> &'static Entry {
        // `every_action_is_listed_once` keeps the fallback out of reach.
        ENTRIES
            .iter()
            .find(|entry| entry.action == self)
            .unwrap_or(&ENTRIES[0])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_is_listed_once() {
        let actions: BTreeSet<_> = Action::all().collect();
        assert_eq!(actions.len(), ENTRIES.len());
        // The enum's variants are numbered from 0: the last one tells how many there are.
        assert_eq!(actions.len(), Action::ExportText as usize + 1);
        let names: BTreeSet<_> = ENTRIES.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ENTRIES.len());
        for action in Action::all() {
            assert_eq!(Action::from_name(action.name()), Some(action));
        }
    }
}
