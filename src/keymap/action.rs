//! Everything a user can do, by name. Keys, the palette and slash commands all end here; what it
//! does is `app`'s.

use strum::{EnumIter, IntoEnumIterator};

/// An action; movements mean what the pane with focus or the open overlay makes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter)]
pub enum Action {
    // Composer
    Send,
    NewLine,
    OpenEditor,
    HistoryPrevious,
    HistoryNext,
    // Program
    Interrupt,
    Cancel,
    EndOfInput,
    Help,
    Palette,
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
    // Chat
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
    // Terminal
    Redraw,
    Suspend,
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
    ShowModels,
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
    // Last, so that nobody takes it by accident from the top of a list.
    Quit,
}

impl Action {
    /// Every action once, in the order in which they are declared and help lists them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// The name in keymap files: `load-model`.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What it does, as a short sentence without a full stop.
    pub fn what(self) -> &'static str {
        self.words().1
    }

    /// The action of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::iter().find(|action| action.name() == name)
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

    /// Its name, and what it does.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Send => ("send", "Send the message"),
            Self::NewLine => ("new-line", "Break the line"),
            Self::OpenEditor => ("open-editor", "Write the message in your editor"),
            Self::HistoryPrevious => ("history-previous", "Recall the message sent before"),
            Self::HistoryNext => ("history-next", "Go forward in the messages sent"),
            Self::Interrupt => ("interrupt", "Stop the reply; twice quits"),
            Self::Cancel => (
                "cancel",
                "Stop the reply, close what is open, or go back to writing",
            ),
            Self::EndOfInput => ("end-of-input", "Quit when nothing is written"),
            Self::Help => ("help", "Show all keys"),
            Self::Palette => ("palette", "Find an action by name"),
            Self::FocusNext => ("focus-next", "Go to the next pane"),
            Self::FocusPrevious => ("focus-previous", "Go to the previous pane"),
            Self::ShowChat => ("show-chat", "Go to the chat, to scroll and copy"),
            Self::ShowParameters => ("show-parameters", "Show the parameters"),
            Self::ShowSpeed => ("show-speed", "Show the speed figures"),
            Self::ShowGauges => ("show-gauges", "Show the gauges"),
            Self::ShowLog => ("show-log", "Show the log"),
            Self::ShowMetrics => ("show-metrics", "Show the last hour on one time axis"),
            Self::ShowBench => (
                "show-bench",
                "Measure the model, tune it, and see earlier results",
            ),
            Self::ShowTokens => ("show-tokens", "Walk through the tokens of a reply"),
            Self::ShowWhy => ("show-why", "Show why it is slow, and what to do"),
            Self::ShowCompare => ("show-compare", "Compare presets side by side"),
            Self::NewChat => ("new-chat", "Begin a new chat"),
            Self::PreviousMessage => ("previous-message", "Select the message before"),
            Self::NextMessage => ("next-message", "Select the message after"),
            Self::PreviousVersion => (
                "previous-version",
                "Show the version before of the selected message",
            ),
            Self::NextVersion => (
                "next-version",
                "Show the next version of the selected message",
            ),
            Self::EditMessage => (
                "edit-message",
                "Edit the selected message, or the last one you wrote",
            ),
            Self::KeepEdit => ("keep-edit", "Keep the edited text without an answer"),
            Self::Regenerate => ("regenerate", "Answer again; the old answer stays beside it"),
            Self::Continue => ("continue", "Go on with the reply where it stopped"),
            Self::Undo => ("undo", "Take the last turn back into the composer"),
            Self::DeleteMessage => ("delete-message", "Delete the message and what follows it"),
            Self::Restore => ("restore", "Bring back what was deleted last"),
            Self::Fork => ("fork", "Make a chat of its own from what is above"),
            Self::ShowTree => ("show-tree", "Show the chat with all its versions as a tree"),
            Self::PinChat => ("pin-chat", "Pin the chat, or unpin it"),
            Self::RenameChat => ("rename-chat", "Give the chat a title"),
            Self::TagChat => ("tag-chat", "Give the chat tags"),
            Self::DeleteChat => ("delete-chat", "Delete the chat"),
            Self::ExportChat => ("export-chat", "Write the chat to a Markdown file"),
            Self::MarkLines => ("mark-lines", "Mark lines of the chat, to copy them"),
            Self::CopyReply => (
                "copy-reply",
                "Copy the marked lines, the picked code, the selected message, or the last reply",
            ),
            Self::CopyRaw => (
                "copy-raw",
                "Copy the selected message or the last reply as it was written, with its thoughts",
            ),
            Self::NextCode => ("next-code", "Pick the next code block"),
            Self::PreviousCode => ("previous-code", "Pick the code block before"),
            Self::ShowRaw => (
                "show-raw",
                "Show replies as they were written, or as Markdown again",
            ),
            Self::UnfoldThoughts => (
                "unfold-thoughts",
                "Show or fold what models thought before they answered",
            ),
            Self::ChatPageUp => ("chat-page-up", "Scroll the chat a page up"),
            Self::ChatPageDown => ("chat-page-down", "Scroll the chat a page down"),
            Self::ChatEnd => ("chat-end", "Scroll the chat to its end"),
            Self::LoadModel => ("load-model", "Load a model file"),
            Self::SwapModels => ("swap-models", "Go back to the model that is held in memory"),
            Self::LetGo => ("let-go", "Free the memory of the model that is held"),
            Self::ChoosePreset => ("choose-preset", "Choose a sampling preset"),
            Self::ChoosePersona => (
                "choose-persona",
                "Choose a persona: a system prompt with a preset",
            ),
            Self::ChooseTheme => ("choose-theme", "Choose a theme"),
            Self::ShowSessions => ("show-sessions", "Search the saved chats and go on with one"),
            Self::ShowDownloads => ("show-downloads", "Find models on the Hub and download them"),
            Self::PauseDownload => ("pause-download", "Pause the download, or go on with it"),
            Self::CancelDownload => (
                "cancel-download",
                "Stop the download and throw away what came, or take it off the list",
            ),
            Self::ShowPrompt => (
                "show-prompt",
                "Show the prompt of the selected or the last reply, and its tokens",
            ),
            Self::ShowContext => ("show-context", "Show what fills the context"),
            Self::RaiseContext => ("raise-context", "Double ctx-size and keep the conversation"),
            Self::DropOldest => ("drop-oldest", "Leave the oldest turn out of the prompt"),
            Self::Summarise => (
                "summarise",
                "Let the model summarise the older turns in the prompt",
            ),
            Self::Redraw => ("redraw", "Paint the screen anew"),
            Self::Suspend => ("suspend", "Give the terminal back to the shell until fg"),
            Self::ColumnPrevious => ("column-previous", "Go to the column before"),
            Self::ColumnNext => ("column-next", "Go to the next column"),
            Self::ColumnAdd => ("column-add", "Add a column"),
            Self::ColumnRemove => ("column-remove", "Take a column away"),
            Self::ColumnRetry => ("column-retry", "Let the column answer again"),
            Self::ColumnStop => ("column-stop", "Stop the column"),
            Self::ColumnVary => ("column-vary", "Let the column answer with other settings"),
            Self::ColumnKeep => ("column-keep", "Keep the column as the chat's reply"),
            Self::ColumnSave => ("column-save", "Save the column's settings as a preset"),
            Self::CompareChoose => ("compare-choose", "Choose columns for another comparison"),
            Self::CompareWords => (
                "compare-words",
                "Mark the words that are not in this column",
            ),
            Self::CompareTogether => ("compare-together", "Scroll one column or all"),
            Self::CompareBlind => ("compare-blind", "Hide which column is which, and vote"),
            Self::CompareStanding => ("compare-standing", "Show what the votes show"),
            Self::CompareExport => ("compare-export", "Write the comparison to a file"),
            Self::ShowModels => ("show-models", "Show the models on this machine"),
            Self::ModelDetails => ("model-details", "Show everything the model's header says"),
            Self::SortModels => ("sort-models", "Order the models by something else"),
            Self::FitFilter => ("fit-filter", "Show only models that fit, or all"),
            Self::Favourite => ("favourite", "Mark the model, or not"),
            Self::RemoveModel => (
                "remove-model",
                "Remove a model that was downloaded; asks twice",
            ),
            Self::Up => ("up", "Up"),
            Self::Down => ("down", "Down"),
            Self::PageUp => ("page-up", "A page up"),
            Self::PageDown => ("page-down", "A page down"),
            Self::HalfPageUp => ("half-page-up", "Half a page up"),
            Self::HalfPageDown => ("half-page-down", "Half a page down"),
            Self::Top => ("top", "To the top"),
            Self::Bottom => ("bottom", "To the end"),
            Self::Accept => ("accept", "Take it"),
            Self::Complete => ("complete", "Complete the path"),
            Self::StepDown => ("step-down", "Step the value down"),
            Self::StepUp => ("step-up", "Step the value up"),
            Self::BigStepDown => ("big-step-down", "Ten steps down"),
            Self::BigStepUp => ("big-step-up", "Ten steps up"),
            Self::EditValue => ("edit-value", "Type a value"),
            Self::Toggle => ("toggle", "Switch the value to the next choice"),
            Self::ResetOne => ("reset-one", "Take this change back"),
            Self::ResetAll => ("reset-all", "Take all changes back"),
            Self::Filter => ("filter", "Filter by typing"),
            Self::Apply => ("apply", "Apply the pending changes"),
            Self::Discard => ("discard", "Discard the pending changes"),
            Self::Earlier => ("earlier", "Show the values a little earlier"),
            Self::Later => ("later", "Show the values a little later"),
            Self::ZoomIn => ("zoom-in", "Show less time"),
            Self::ZoomOut => ("zoom-out", "Show more time"),
            Self::Freeze => ("freeze", "Stop the time, or let it run again"),
            Self::NextGpu => ("next-gpu", "Show the next GPU"),
            Self::ExportCsv => ("export-csv", "Write the last hour of metrics to a CSV file"),
            Self::ExportJson => (
                "export-json",
                "Write the last hour of metrics to a JSON file",
            ),
            Self::ExportText => (
                "export-text",
                "Write the metrics that are shown as a table of text",
            ),
            Self::Quit => ("quit", "Quit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_a_name_of_its_own() {
        for action in Action::all() {
            assert_eq!(Action::from_name(action.name()), Some(action));
        }
    }
}
