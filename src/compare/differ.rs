//! Where the parameters of columns differ.

use super::column::is_of_a_reply;
use crate::params::{Param, Params, TABLE};

/// A parameter that is not the same in all columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub param: Param,
    /// As a user reads it: `temp`.
    pub name: &'static str,
    /// The value in each column, as a user reads it.
    pub values: Vec<String>,
}

/// Every parameter of a reply that differs between these columns, in the table's order.
pub fn differences(columns: &[&Params]) -> Vec<Difference> {
    TABLE
        .iter()
        .filter(|spec| is_of_a_reply(spec.param))
        .filter_map(|spec| {
            let values: Vec<_> = columns
                .iter()
                .map(|params| params.get(spec.param))
                .collect();
            let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
            differs.then(|| Difference {
                param: spec.param,
                name: spec.name,
                values: values.iter().map(|value| spec.format(value)).collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Source, Value};

    #[test]
    fn only_what_differs_is_told() {
        let with = |param, value| {
            let mut params = Params::default();
            params.set(Source::Session, param, value).unwrap();
            params
        };
        let plain = Params::default();
        let hot = with(Param::Temp, Value::Float(1.5));
        // What belongs to the model is the same for all, whatever the layers say.
        let larger = with(Param::CtxSize, Value::Int(8192));
        let found = differences(&[&plain, &hot, &larger]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].name, found[0].values.join(" ")),
            ("temp", "0.8 1.5 0.8".into())
        );
        assert_eq!(differences(&[&plain, &plain]), []);
        assert_eq!(differences(&[]), []);
    }
}
