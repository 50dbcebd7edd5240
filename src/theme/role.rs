//! The meanings a colour can have.

use ratatui::style::Modifier;

/// What a piece of the screen means. A theme may leave a role out: it then takes its parent's style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Ordinary text and the background.
    Text,
    /// Less important text: labels, hints, timestamps.
    Muted,
    /// Names, headings, what the eye should find first.
    Accent,
    /// Borders of panes without focus.
    Border,
    /// The border of the pane that takes keys.
    Focus,
    /// The selected row of a list.
    Selection,
    /// What the user said.
    User,
    /// What the model said.
    Assistant,
    /// Code and figures inside text.
    Code,
    /// A value in its normal range; a step that succeeded.
    Good,
    /// A value worth watching; a pending change.
    Warning,
    /// A value out of range; a failure.
    Error,
    /// The filled part of a gauge.
    Gauge,
    /// The empty part of a gauge.
    GaugeEmpty,
    /// The line of a chart.
    Chart,
    /// A value that differs from the default.
    Changed,
    /// A key to press, in hints and help.
    Key,
    /// A heading in a reply.
    Heading,
    /// The text of a link.
    Link,
    /// Quoted text in a reply.
    Quote,
    /// Code inside a sentence.
    InlineCode,
    /// A formula, left as TeX.
    Formula,
    /// What the model thought before it answered.
    Thinking,
    /// In code: words of the language, tags.
    Keyword,
    /// In code: texts and characters.
    String,
    /// In code: comments.
    Comment,
    /// In code: numbers and constants.
    Number,
    /// In code: names of functions and attributes.
    Function,
    /// In code: names of types and modules.
    Type,
}

impl Role {
    /// Every role, each parent before its children.
    pub const ALL: [Self; 29] = [
        Self::Text,
        Self::Muted,
        Self::Accent,
        Self::Border,
        Self::Focus,
        Self::Selection,
        Self::User,
        Self::Assistant,
        Self::Code,
        Self::Good,
        Self::Warning,
        Self::Error,
        Self::Gauge,
        Self::GaugeEmpty,
        Self::Chart,
        Self::Changed,
        Self::Key,
        Self::Heading,
        Self::Link,
        Self::Quote,
        Self::InlineCode,
        Self::Formula,
        Self::Thinking,
        Self::Keyword,
        Self::String,
        Self::Comment,
        Self::Number,
        Self::Function,
        Self::Type,
    ];

    /// The name in theme files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Muted => "muted",
            Self::Accent => "accent",
            Self::Border => "border",
            Self::Focus => "focus",
            Self::Selection => "selection",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Code => "code",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Gauge => "gauge",
            Self::GaugeEmpty => "gauge-empty",
            Self::Chart => "chart",
            Self::Changed => "changed",
            Self::Key => "key",
            Self::Heading => "heading",
            Self::Link => "link",
            Self::Quote => "quote",
            Self::InlineCode => "inline-code",
            Self::Formula => "formula",
            Self::Thinking => "thinking",
            Self::Keyword => "keyword",
            Self::String => "string",
            Self::Comment => "comment",
            Self::Number => "number",
            Self::Function => "function",
            Self::Type => "type",
        }
    }

    /// Where a role takes what the theme does not say about it; `None` for the root.
    pub fn parent(self) -> Option<Self> {
        match self {
            Self::Text => None,
            Self::Muted
            | Self::Accent
            | Self::Selection
            | Self::Assistant
            | Self::Code
            | Self::Good
            | Self::Warning => Some(Self::Text),
            Self::Border | Self::GaugeEmpty | Self::Quote | Self::Thinking | Self::Comment => {
                Some(Self::Muted)
            }
            Self::Focus
            | Self::User
            | Self::Gauge
            | Self::Key
            | Self::Heading
            | Self::Link
            | Self::Keyword => Some(Self::Accent),
            Self::InlineCode | Self::Formula | Self::Function => Some(Self::Code),
            Self::String => Some(Self::Good),
            Self::Error | Self::Changed | Self::Number => Some(Self::Warning),
            Self::Chart | Self::Type => Some(Self::Gauge),
        }
    }

    /// What still tells the role apart where there are no colours.
    pub fn mono_modifiers(self) -> Modifier {
        match self {
            Self::Text
            | Self::Assistant
            | Self::Code
            | Self::Good
            | Self::Gauge
            | Self::Chart
            | Self::Formula
            | Self::String
            | Self::Number
            | Self::Function
            | Self::Type => Modifier::empty(),
            Self::Muted
            | Self::Border
            | Self::GaugeEmpty
            | Self::Quote
            | Self::Thinking
            | Self::Comment => Modifier::DIM,
            Self::Accent | Self::Focus | Self::User | Self::Key | Self::Heading | Self::Keyword => {
                Modifier::BOLD
            }
            Self::Selection => Modifier::REVERSED,
            Self::Warning | Self::Changed | Self::Link | Self::InlineCode => Modifier::UNDERLINED,
            Self::Error => Modifier::BOLD.union(Modifier::UNDERLINED),
        }
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_comes_once_and_after_its_parent() {
        for (index, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role.index(), index);
            assert!(
                role.parent().is_none_or(|parent| parent.index() < index),
                "{role:?}"
            );
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Role::ALL.into_iter().map(Role::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Role::ALL.len());
    }

    #[test]
    fn the_users_description_names_every_role_and_its_parent() {
        let docs = include_str!("../../docs/themes.md");
        for role in Role::ALL {
            let parent = role
                .parent()
                .map_or(String::new(), |parent| format!("`{}` ", parent.name()));
            let row = format!("| `{}` | {parent}|", role.name());
            assert!(docs.contains(&row), "{row}");
        }
    }
}
