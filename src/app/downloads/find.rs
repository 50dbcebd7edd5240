//! The line and the list below it: good first models, repositories, the models of one.

use super::sentence;
use crate::app::LineEdit;
use crate::hub::{Command, HubError, Offer, Pick, Question, Wanted};

/// What is looked for, and what was found.
#[derive(Debug, Default)]
pub struct Find {
    /// Words, or a name as `llmdeck models pull` takes it.
    pub line: LineEdit,
    pub list: Offers,
    /// Index into the list.
    pub selected: usize,
    /// What the list answers.
    question: Option<Question>,
    /// The number of the question asked last; answers to others come too late.
    asked: u64,
}

#[derive(Debug, Default)]
pub enum Offers {
    #[default]
    Asking,
    Failed(String),
    Here(Vec<Offer>),
}

/// What Enter means.
pub(super) enum Enter {
    Ask(Question),
    Download(Wanted),
}

impl Find {
    /// What the list answers, or will.
    pub fn question(&self) -> Option<&Question> {
        self.question.as_ref()
    }

    pub(super) fn has_asked(&self) -> bool {
        self.question.is_some()
    }

    /// Whether there is nothing to go back from.
    pub(super) fn is_at_start(&self) -> bool {
        self.question == Some(Question::First) && self.line.text.is_empty()
    }

    pub(super) fn ask(&mut self, number: u64, question: Question) -> Command {
        self.asked = number;
        self.question = Some(question.clone());
        self.list = Offers::Asking;
        self.selected = 0;
        Command::Ask { number, question }
    }

    pub(super) fn answer(&mut self, number: u64, rows: Result<Vec<Offer>, HubError>) {
        if number == self.asked {
            self.selected = 0;
            self.list = match rows {
                Ok(rows) => Offers::Here(rows),
                Err(error) => Offers::Failed(sentence(&error)),
            };
        }
    }

    pub(super) fn step(&mut self, rows: isize) {
        if let Offers::Here(offers) = &self.list {
            let last = offers.len().saturating_sub(1);
            self.selected = self.selected.saturating_add_signed(rows).min(last);
        }
    }

    /// What was typed counts until the list answers it; then what is selected.
    pub(super) fn enter(&mut self) -> Option<Enter> {
        let words = self.line.text.trim();
        let is_answered = match &self.question {
            Some(Question::Search(asked)) => asked == words,
            Some(Question::First | Question::Models(_)) => words.is_empty(),
            None => false,
        };
        let entered = if !is_answered || matches!(self.list, Offers::Failed(_)) {
            self.typed()
        } else {
            self.selected()?
        };
        if !matches!(entered, Enter::Ask(Question::Search(_))) {
            self.line = LineEdit::default();
        }
        Some(entered)
    }

    /// A name is opened or, with a choice in it, taken; other words are searched for.
    fn typed(&self) -> Enter {
        let words = self.line.text.trim();
        if words.is_empty() {
            return Enter::Ask(match &self.question {
                Some(Question::Models(repo)) => Question::Models(repo.clone()),
                _ => Question::First,
            });
        }
        match Wanted::parse(words) {
            Ok(Wanted::Repo {
                repo,
                pick: Pick::Usual,
            }) => Enter::Ask(Question::Models(repo)),
            Ok(wanted) => Enter::Download(wanted),
            Err(_) => Enter::Ask(Question::Search(words.to_owned())),
        }
    }

    fn selected(&self) -> Option<Enter> {
        let Offers::Here(offers) = &self.list else {
            return None;
        };
        Some(match offers.get(self.selected)?.clone() {
            Offer::Repo { repo, .. } => Enter::Ask(Question::Models(repo)),
            Offer::Model { wanted, .. } => Enter::Download(wanted),
        })
    }
}
