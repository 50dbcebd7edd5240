//! `name value` as a user writes it, in the spelling of any tool.
//!
//! Most spellings are rows of the table. A few old or foreign switches mean something else than
//! one row's value: `--no-mmap`, `quantkv 1`, `no-kv-offload`. They are translated here.

use super::table::same;
use super::value::switch;
use super::{Kind, Overrides, Param, Spec, ValueError, find, nearest, spec};

/// Why an assignment was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    #[error("unknown parameter '{given}'{}", did_you_mean(*nearest))]
    Unknown {
        given: String,
        /// The name of the parameter that was probably meant.
        nearest: Option<&'static str>,
    },
    #[error(transparent)]
    Refused(#[from] ValueError),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!(", did you mean '{name}'?"))
        .unwrap_or_default()
}

/// Reads one assignment. An empty value of a switch means on, as on a command line. One spelling
/// may set two parameters (`cache_type` both of K and V).
///
/// # Errors
/// When the name means no parameter, or its parameter refuses the value.
pub fn assign(spelling: &str, text: &str) -> Result<Overrides, AssignError> {
    if let Some(row) = find(spelling) {
        return Ok(Overrides::from([(
            row.param,
            row.parse(switched(row, text))?,
        )]));
    }
    if let Some(row) = denied(spelling) {
        let text = match switch(text.trim()) {
            Some(true) => "off",
            Some(false) => "on",
            None if text.is_empty() => "off",
            None => text,
        };
        return Ok(Overrides::from([(row.param, row.parse(text)?)]));
    }
    if let Some(foreign) = Foreign::find(spelling) {
        return foreign
            .means(text)?
            .into_iter()
            .map(|(param, text)| Ok((param, spec(param).parse(&text)?)))
            .collect();
    }
    Err(AssignError::Unknown {
        given: spelling.to_owned(),
        nearest: nearest(spelling),
    })
}

/// The switch that `no-name` (or llama.cpp's `nkvo`) turns off.
pub fn denied(spelling: &str) -> Option<&'static Spec> {
    if same(spelling, "nkvo") {
        return Some(spec(Param::KvOffload));
    }
    let plain = spelling.trim_start_matches('-');
    let positive = plain
        .strip_prefix("no-")
        .or_else(|| plain.strip_prefix("no_"))?;
    find(positive).filter(|row| row.kind == Kind::Bool)
}

/// A spelling of another tool, or of an older llama.cpp, that is no row's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    Mmap,
    NoMmap,
    Mlock,
    /// The same type for keys and values.
    CacheType,
    /// KoboldCpp's number of such a type.
    QuantKv,
}

const FOREIGN: &[(Foreign, &[&str])] = &[
    (Foreign::Mmap, &["mmap", "use_mmap", "tryMmap"]),
    (Foreign::NoMmap, &["no-mmap"]),
    (Foreign::Mlock, &["mlock", "use_mlock", "keepModelInMemory"]),
    (Foreign::CacheType, &["cache_type"]),
    (Foreign::QuantKv, &["quantkv"]),
];

impl Foreign {
    /// What a spelling stands for, with or without dashes before it.
    pub fn find(spelling: &str) -> Option<Self> {
        FOREIGN
            .iter()
            .find(|(_, names)| names.iter().any(|name| same(name, spelling)))
            .map(|(foreign, _)| *foreign)
    }

    /// Whether it is on without a value.
    pub fn is_switch(self) -> bool {
        matches!(self, Self::Mmap | Self::NoMmap | Self::Mlock)
    }

    /// The parameters it sets, each with the value as a user would write it.
    ///
    /// # Errors
    /// When the value of a switch is neither on nor off.
    pub fn means(self, text: &str) -> Result<Vec<(Param, String)>, ValueError> {
        let load_mode = |on: &str, off: &str| {
            let mode = if self.on(text)? { on } else { off };
            Ok(vec![(Param::LoadMode, mode.to_owned())])
        };
        match self {
            Self::Mmap => load_mode("mmap", "none"),
            Self::NoMmap => load_mode("none", "mmap"),
            // Locking never kept a file from being mapped.
            Self::Mlock => load_mode("mmap+mlock", "auto"),
            Self::CacheType => Ok(both(text)),
            Self::QuantKv => Ok(both(match text.trim() {
                "0" => "f16",
                "1" => "q8_0",
                "2" => "q4_0",
                other => other,
            })),
        }
    }

    fn on(self, text: &str) -> Result<bool, ValueError> {
        if text.is_empty() {
            return Ok(true);
        }
        switch(text.trim()).ok_or_else(|| ValueError::Malformed {
            name: self.name(),
            given: text.to_owned(),
            expected: "on or off".to_owned(),
        })
    }

    fn name(self) -> &'static str {
        FOREIGN
            .iter()
            .find(|(foreign, _)| *foreign == self)
            .and_then(|(_, names)| names.first())
            .copied()
            .unwrap_or_default()
    }
}

fn both(cache: &str) -> Vec<(Param, String)> {
    [Param::CacheTypeK, Param::CacheTypeV]
        .map(|param| (param, cache.to_owned()))
        .into()
}

/// A switch without a value is on.
fn switched<'a>(row: &Spec, text: &'a str) -> &'a str {
    if text.is_empty() && row.kind == Kind::Bool {
        "on"
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an assignment sets, as a user would read it.
    fn shown(spelling: &str, text: &str) -> String {
        match assign(spelling, text) {
            Ok(values) => {
                let each = values.iter().map(|(param, value)| {
                    let row = spec(*param);
                    format!("{}={}", row.name, row.format(value))
                });
                each.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn spellings_of_all_tools_assign() {
        for (spelling, text, result) in [
            ("temperature", "0.5", "temp=0.5"),
            ("--num-gpu", "-1", "n-gpu-layers=auto"),
            ("ignore_eos", "", "ignore-eos=on"),
            ("no-kv-offload", "", "kv-offload=off"),
            ("-nkvo", "", "kv-offload=off"),
            ("no_context_shift", "false", "context-shift=on"),
            ("--no-mmap", "", "load-mode=none"),
            ("use_mmap", "true", "load-mode=mmap"),
            ("mlock", "", "load-mode=mmap+mlock"),
            ("keepModelInMemory", "off", "load-mode=auto"),
            ("quantkv", "1", "cache-type-k=q8_0 cache-type-v=q8_0"),
            ("cache_type", "q4_0", "cache-type-k=q4_0 cache-type-v=q4_0"),
            ("sampler-seq", "kpt", "samplers=top_k;top_p;temperature"),
        ] {
            assert_eq!(shown(spelling, text), result, "{spelling} {text}");
        }
    }

    #[test]
    fn no_foreign_spelling_is_a_rows() {
        for name in FOREIGN.iter().flat_map(|(_, names)| *names) {
            assert!(find(name).is_none() && denied(name).is_none(), "{name}");
        }
    }

    #[test]
    fn refusals_explain_themselves() {
        assert_eq!(
            shown("tempreture", "1"),
            "unknown parameter 'tempreture', did you mean 'temp'?"
        );
        assert_eq!(shown("qqqq", "1"), "unknown parameter 'qqqq'");
        assert_eq!(shown("fit", "maybe"), "fit: 'maybe' is not on or off");
        assert_eq!(shown("no-fit", "maybe"), "fit: 'maybe' is not on or off");
        assert_eq!(shown("use-mmap", "maybe"), "mmap: 'maybe' is not on or off");
    }
}
