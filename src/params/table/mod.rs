//! The table itself, one file a group, and looking rows up by what people call them.

mod build;
mod context;
mod model;
mod reply;
mod sampling;
mod threads;

use super::near::nearest_of;
use super::{Param, Spec};

/// Every parameter, in the order of [`Param`].
pub static TABLE: &[Spec] = &ROWS;

const GROUPS: [&[Spec]; 5] = [
    model::ROWS,
    context::ROWS,
    threads::ROWS,
    reply::ROWS,
    sampling::ROWS,
];
static ROWS: [Spec; build::count(&GROUPS)] = build::concat(&GROUPS);

/// The row of a parameter.
pub fn spec(param: Param) -> &'static Spec {
    &TABLE[param as usize]
}

/// The row that a user's spelling means: any name, short form or alias. Case, `-` and `_` do not
/// matter, so `--top-k`, `top_k` and `topK` are one.
pub fn find(spelling: &str) -> Option<&'static Spec> {
    TABLE
        .iter()
        .find(|row| row.spellings().any(|own| same(own, spelling)))
}

/// The name of the parameter whose spelling is nearest to a mistyped one, if one is near enough
/// to be worth a "did you mean".
pub fn nearest(spelling: &str) -> Option<&'static str> {
    let given: String = letters(spelling).collect();
    let spellings = TABLE
        .iter()
        .flat_map(|row| row.spellings().map(move |own| (own, row.name)));
    nearest_of(
        &given,
        spellings.map(|(own, name)| (letters(own).collect(), name)),
    )
}

impl Spec {
    /// Every spelling of this parameter: the name, then the short forms, then the aliases.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name)
            .chain(self.short.iter().copied())
            .chain(self.aliases.iter().copied())
    }
}

/// Whether two spellings mean the same name.
pub(super) fn same(a: &str, b: &str) -> bool {
    letters(a).eq(letters(b))
}

/// A spelling without what people write differently.
fn letters(spelling: &str) -> impl Iterator<Item = char> + '_ {
    spelling
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::params::{Cost, Group, Support};

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.param as usize, index, "{} is out of order", row.name);
        }
        assert_eq!(TABLE.len(), Param::NProbs as usize + 1);
    }

    #[test]
    fn groups_are_contiguous() {
        assert!(TABLE.is_sorted_by_key(|row| row.group));
        assert_eq!(TABLE[0].group, Group::Model);
    }

    #[test]
    fn no_spelling_is_ambiguous() {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for row in TABLE {
            for spelling in row.spellings() {
                let earlier = seen.insert(letters(spelling).collect(), row.name);
                assert_eq!(earlier, None, "'{spelling}' of {} is taken", row.name);
            }
        }
    }

    #[test]
    fn spellings_of_other_tools_are_found() {
        for (spelling, name) in [
            ("num_ctx", "ctx-size"),
            ("contextLength", "ctx-size"),
            ("--contextsize", "ctx-size"),
            ("num_gpu", "n-gpu-layers"),
            ("gpulayers", "n-gpu-layers"),
            ("GPU_LAYERS", "n-gpu-layers"),
            ("-ngl", "n-gpu-layers"),
            ("temperature", "temp"),
            ("typ_p", "typical"),
            ("typical_p", "typical"),
            ("repeat_penalty", "repeat-penalty"),
            ("penalty_repeat", "repeat-penalty"),
            ("num_predict", "n-predict"),
            ("max_tokens", "n-predict"),
            ("maxTokens", "n-predict"),
            ("topK", "top-k"),
            ("nsigma", "top-n-sigma"),
            ("top-nsigma", "top-n-sigma"),
            ("sampler-seq", "samplers"),
            ("stopStrings", "stop"),
            ("num_thread", "threads"),
            ("cpuThreads", "threads"),
            ("llamaKCacheQuantizationType", "cache-type-k"),
            ("flashattention", "flash-attn"),
            ("evalBatchSize", "batch-size"),
            ("draft-max", "spec-draft-n-max"),
        ] {
            assert_eq!(find(spelling).map(|row| row.name), Some(name), "{spelling}");
        }
        assert!(find("tempreture").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn a_typing_error_finds_its_neighbour() {
        assert_eq!(nearest("tempreture"), Some("temp"));
        assert_eq!(nearest("ctx-sise"), Some("ctx-size"));
        assert_eq!(nearest("reapeat_penalty"), Some("repeat-penalty"));
        assert_eq!(nearest("zzzz"), None);
    }

    #[test]
    fn every_row_explains_itself_in_one_line() {
        for row in TABLE {
            assert!(
                row.help.len() > 30 && !row.help.contains('\n'),
                "{}",
                row.name
            );
            assert!(row.help.ends_with('.'), "{}", row.name);
            if let Support::Missing(reason) = row.support {
                assert!(reason.len() > 20 && !reason.ends_with('.'), "{}", row.name);
            }
        }
    }

    #[test]
    fn costs_follow_what_llama_cpp_can_change_in_place() {
        assert_eq!(spec(Param::NGpuLayers).cost, Cost::Reload);
        assert_eq!(spec(Param::CtxSize).cost, Cost::NewContext);
        assert_eq!(spec(Param::FlashAttn).cost, Cost::NewContext);
        assert_eq!(spec(Param::CacheTypeK).cost, Cost::Prefill);
        assert_eq!(spec(Param::RopeFreqBase).cost, Cost::Prefill);
        assert_eq!(spec(Param::Threads).cost, Cost::Free);
        assert_eq!(spec(Param::System).cost, Cost::NextReply);
        assert_eq!(spec(Param::Temp).cost, Cost::Free);
    }
}
