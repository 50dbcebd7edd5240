//! Which tests are made with which parameters, in llama-bench's order.

use std::collections::BTreeMap;

use crate::engine::BenchTest;
use crate::params::{Group, LoadParams, Overrides, Param, Params, Support, TABLE, Value, spec};

/// More tests than this are a typing error.
const MOST: usize = 10_000;

/// The tests to make with every combination of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tests {
    /// Prompts to prefill, in tokens; 0 = none.
    pub n_prompt: Vec<u32>,
    /// Tokens to generate; 0 = none.
    pub n_gen: Vec<u32>,
    /// Prompts with generation after them, measured as one.
    pub pairs: Vec<(u32, u32)>,
    /// Tokens in the cache before.
    pub n_depth: Vec<u32>,
}

/// One test with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub test: BenchTest,
    pub params: LoadParams,
    /// The load parameters that are not at their defaults, by name, as a user types them.
    pub given: BTreeMap<String, String>,
}

/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error(
        "there is nothing to measure: give a prompt (-p), tokens to generate (-n) or both (-pg)"
    )]
    Nothing,
    #[error("the lists make more than {MOST} tests")]
    TooMany,
}

/// Whether a measurement can be made with several values of a parameter: all that loading takes
/// but the context's size and its sequences, which follow from the test, and other models.
pub fn is_load_param(param: Param) -> bool {
    let spec = spec(param);
    spec.support == Support::Yes
        && matches!(spec.group, Group::Model | Group::Context | Group::Threads)
        && !matches!(
            param,
            Param::CtxSize | Param::Parallel | Param::KvUnified | Param::FitCtx | Param::ModelsMax
        )
}

/// Every combination: parameters in the order of the table, so that the model is loaded as seldom
/// as possible, then depths, then tests.
///
/// # Errors
/// When there is nothing to measure, or more than anybody means.
pub fn plan(
    base: &Params,
    swept: &[(Param, Vec<Value>)],
    tests: &Tests,
) -> Result<Vec<Instance>, PlanError> {
    let mut swept: Vec<&(Param, Vec<Value>)> = swept.iter().collect();
    swept.sort_by_key(|(param, _)| *param);
    let combinations = swept
        .iter()
        .try_fold(1_usize, |all, (_, values)| all.checked_mul(values.len()));
    let n_tests = tests.list().count();
    if n_tests == 0 {
        return Err(PlanError::Nothing);
    }
    combinations
        .and_then(|combinations| combinations.checked_mul(n_tests))
        .filter(|&all| all <= MOST)
        .ok_or(PlanError::TooMany)?;
    let mut overrides = vec![Overrides::new()];
    for (param, values) in swept {
        overrides = overrides
            .iter()
            .flat_map(|before| {
                values.iter().map(|value| {
                    let mut all = before.clone();
                    all.insert(*param, value.clone());
                    all
                })
            })
            .collect();
    }
    let instances = overrides.iter().flat_map(|overrides| {
        let params = base.with(overrides);
        let given = given(&params);
        tests
            .list()
            .map(move |test| Instance {
                test,
                params: for_test(params.load(), test),
                given: given.clone(),
            })
            .collect::<Vec<_>>()
    });
    Ok(instances.collect())
}

/// As llama-bench: a context of the test's size, for one sequence.
fn for_test(mut params: LoadParams, test: BenchTest) -> LoadParams {
    params.context.n_ctx = test.n_ctx();
    params.context.n_seq_max = 1;
    params.context.kv_unified = false;
    params
}

fn given(params: &Params) -> BTreeMap<String, String> {
    TABLE
        .iter()
        .filter(|spec| is_load_param(spec.param))
        .map(|spec| (spec, params.get(spec.param)))
        .filter(|(spec, value)| *value != spec.default_value())
        .map(|(spec, value)| (spec.name.to_owned(), spec.format(&value)))
        .collect()
}

impl Tests {
    fn list(&self) -> impl Iterator<Item = BenchTest> + '_ {
        self.n_depth.iter().flat_map(move |&n_depth| {
            let prompts = self.n_prompt.iter().map(|&n_prompt| (n_prompt, 0));
            let generated = self.n_gen.iter().map(|&n_gen| (0, n_gen));
            prompts
                .chain(generated)
                .chain(self.pairs.iter().copied())
                .filter(|test| *test != (0, 0))
                .map(move |(n_prompt, n_gen)| BenchTest {
                    n_prompt,
                    n_gen,
                    n_depth,
                })
        })
    }
}

/// llama-bench's name of a test: `pp512`, `tg128`, `pp512+tg128`, `pp512 @ d4096`.
pub fn test_name(test: BenchTest) -> String {
    let BenchTest {
        n_prompt,
        n_gen,
        n_depth,
    } = test;
    let name = match (n_prompt, n_gen) {
        (n_prompt, 0) => format!("pp{n_prompt}"),
        (0, n_gen) => format!("tg{n_gen}"),
        _ => format!("pp{n_prompt}+tg{n_gen}"),
    };
    match n_depth {
        0 => name,
        _ => format!("{name} @ d{n_depth}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::GpuLayers;

    fn tests() -> Tests {
        Tests {
            n_prompt: vec![512],
            n_gen: vec![128],
            pairs: vec![],
            n_depth: vec![0],
        }
    }

    fn names(tests: &Tests) -> Vec<String> {
        let plan = plan(&Params::default(), &[], tests).unwrap();
        plan.iter()
            .map(|instance| test_name(instance.test))
            .collect()
    }

    #[test]
    fn tests_are_named_as_in_llama_bench() {
        assert_eq!(names(&tests()), ["pp512", "tg128"]);
        let all = Tests {
            n_prompt: vec![512, 0],
            n_gen: vec![0],
            pairs: vec![(64, 16)],
            n_depth: vec![0, 4096],
        };
        assert_eq!(
            names(&all),
            ["pp512", "pp64+tg16", "pp512 @ d4096", "pp64+tg16 @ d4096"]
        );
    }

    #[test]
    fn the_model_is_loaded_as_seldom_as_possible() {
        let swept = [
            (Param::Threads, vec![Value::Int(1), Value::Int(2)]),
            (Param::NGpuLayers, vec![Value::Int(0), Value::Int(12)]),
        ];
        let plan = plan(&Params::default(), &swept, &tests()).unwrap();
        let seen: Vec<_> = plan
            .iter()
            .map(|one| (one.params.model.n_gpu_layers, one.params.threads.n_threads))
            .collect();
        let (none, some) = (GpuLayers::Count(0), GpuLayers::Count(12));
        assert_eq!(
            seen,
            [
                (none, 1),
                (none, 1),
                (none, 2),
                (none, 2),
                (some, 1),
                (some, 1),
                (some, 2),
                (some, 2)
            ]
        );
        assert_eq!(plan[7].given["n-gpu-layers"], "12");
        assert_eq!(plan[7].given.len(), 2);
    }

    #[test]
    fn the_context_is_the_tests() {
        let deep = Tests {
            n_depth: vec![100],
            ..tests()
        };
        let mut base = Params::default();
        base.set(
            crate::params::Source::Config,
            Param::CtxSize,
            Value::Int(9000),
        )
        .unwrap();
        let plan = plan(&base, &[], &deep).unwrap();
        let context = &plan[0].params.context;
        assert_eq!((context.n_ctx, context.n_seq_max), (612, 1));
        assert!(plan[0].given.is_empty());
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let none = Tests {
            n_prompt: vec![0],
            n_gen: vec![0],
            ..tests()
        };
        assert_eq!(
            plan(&Params::default(), &[], &none),
            Err(PlanError::Nothing)
        );
        let many = |param| (param, vec![Value::Int(1); 1000]);
        let swept = [many(Param::Threads), many(Param::BatchSize)];
        assert_eq!(
            plan(&Params::default(), &swept, &tests()),
            Err(PlanError::TooMany)
        );
    }
}
