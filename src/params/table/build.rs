//! Constant builders that keep the rows of the table short.

use crate::params::{Cost, DefaultValue, Group, Kind, Param, Spec, Support};

/// A row of a group: a switch that is off, supported, without other spellings, until told
/// otherwise by the methods below.
pub(super) const fn row(group: Group, cost: Cost, param: Param, name: &'static str) -> Spec {
    Spec {
        param,
        name,
        short: &[],
        aliases: &[],
        group,
        kind: Kind::Bool,
        default: DefaultValue::Bool(false),
        cost,
        support: Support::Yes,
        help: "",
    }
}

impl Spec {
    pub(super) const fn short(mut self, short: &'static [&'static str]) -> Self {
        self.short = short;
        self
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// A whole number in `range`, in steps of `step` (0: doubling).
    pub(super) const fn int(
        mut self,
        range: (i64, i64),
        step: i64,
        words: &'static [(&'static str, i64)],
        default: i64,
    ) -> Self {
        self.kind = Kind::Int {
            min: range.0,
            max: range.1,
            step,
            words,
        };
        self.default = DefaultValue::Int(default);
        self
    }

    /// A number in `range`, in steps of `step`.
    pub(super) const fn float(
        mut self,
        range: (f64, f64),
        step: f64,
        words: &'static [(&'static str, f64)],
        default: f64,
    ) -> Self {
        self.kind = Kind::Float {
            min: range.0,
            max: range.1,
            step,
            words,
        };
        self.default = DefaultValue::Float(default);
        self
    }

    /// A switch that is on by default.
    pub(super) const fn on(mut self) -> Self {
        self.default = DefaultValue::Bool(true);
        self
    }

    pub(super) const fn choice(
        mut self,
        choices: &'static [&'static str],
        default: &'static str,
    ) -> Self {
        self.kind = Kind::Choice(choices);
        self.default = DefaultValue::Text(default);
        self
    }

    pub(super) const fn text(mut self, hint: &'static str, default: &'static str) -> Self {
        self.kind = Kind::Text { hint };
        self.default = DefaultValue::Text(default);
        self
    }

    pub(super) const fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    pub(super) const fn missing(mut self, reason: &'static str) -> Self {
        self.support = Support::Missing(reason);
        self
    }

    pub(super) const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }
}

/// How many rows all groups have.
pub(super) const fn count(groups: &[&[Spec]]) -> usize {
    let (mut total, mut group) = (0, 0);
    while group < groups.len() {
        total += groups[group].len();
        group += 1;
    }
    total
}

/// The rows of all groups in one array.
pub(super) const fn concat<const N: usize>(groups: &[&[Spec]]) -> [Spec; N] {
    let mut rows = [groups[0][0]; N];
    let (mut next, mut group) = (0, 0);
    while group < groups.len() {
        let mut index = 0;
        while index < groups[group].len() {
            rows[next] = groups[group][index];
            next += 1;
            index += 1;
        }
        group += 1;
    }
    rows
}
