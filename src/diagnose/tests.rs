use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::params::spec;

/// What happened somewhere, in which a rule speaks, and nearly the same, in which it does not.
#[derive(Deserialize)]
struct Scenario {
    rule: String,
    fix: String,
    fires: Facts,
    silent: Facts,
}

fn scenarios() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnose");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

fn fix(fix: &Fix) -> String {
    match fix {
        Fix::Set(param, value) => format!("{} {}", spec(*param).name, spec(*param).format(value)),
        Fix::Do(_) => "do".to_owned(),
    }
}

#[test]
fn every_rule_fires_and_stays_silent_in_its_scenario() {
    let scenarios = scenarios();
    let rules: BTreeSet<_> = scenarios.iter().map(|scenario| &scenario.rule).collect();
    assert_eq!(rules.len(), rules::ALL.len(), "a scenario for each rule");
    for scenario in &scenarios {
        let name = &scenario.rule;
        let found = diagnose(&scenario.fires);
        let finding = found.iter().find(|finding| finding.rule == name);
        let finding = finding.unwrap_or_else(|| panic!("{name} is silent: {found:?}"));
        assert_eq!(fix(&finding.fix), scenario.fix, "{name}");
        assert!(
            !finding.evidence.is_empty() && !finding.what.ends_with('.'),
            "{finding:?}"
        );
        if let Fix::Set(param, value) = &finding.fix {
            spec(*param)
                .check(value)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let silent = diagnose(&scenario.silent);
        assert!(
            silent.iter().all(|finding| finding.rule != name),
            "{silent:?}"
        );
    }
}

#[test]
fn what_is_not_known_proves_nothing() {
    assert_eq!(diagnose(&Facts::default()), []);
}

#[test]
fn at_most_three_the_most_costly_first() {
    let mut all = Facts::default();
    for scenario in scenarios() {
        let fires = scenario.fires;
        match scenario.rule.as_str() {
            "swapping" => {
                (all.context, all.reply) = (fires.context, fires.reply);
                all.machine = fires.machine;
            }
            "throttled" => all.gpus = fires.gpus,
            _ => {}
        }
    }
    all.machine.unused_features = vec!["AVX512".into()];
    all.model.n_layer = Some(33);
    all.context.n_gpu_layers = Some(0);
    all.reply.degenerate = Some("one word 40 times in a row".into());
    let found = diagnose(&all);
    assert_eq!(found.len(), SHOWN);
    let gains: Vec<f64> = found
        .iter()
        .map(|one| one.gain.as_ref().map_or(0.0, |gain| gain.times))
        .collect();
    assert!(gains.is_sorted_by(|a, b| a >= b), "{gains:?}");
    assert_eq!(found[0].rule, "swapping");
}

fn number() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(-1.0),
        Just(0.0),
        Just(1e30),
        0.0..1e12
    ])
}

proptest! {
    /// Sensors lie; no rule may fall over it or promise what is no number.
    #[test]
    fn nonsense_harms_nobody(
        bytes in prop::collection::vec(prop::option::of(any::<u64>()), 8),
        counts in prop::collection::vec(prop::option::of(any::<u32>()), 12),
        numbers in prop::collection::vec(number(), 12),
        flags in prop::collection::vec(prop::option::of(any::<bool>()), 5),
    ) {
        let facts = Facts {
            model: Model {
                size_bytes: bytes[0],
                n_layer: counts[0],
                n_ctx_train: counts[1],
                has_chat_template: flags[0],
            },
            context: Context {
                n_ctx: counts[2],
                used: counts[3],
                n_gpu_layers: counts[4],
                n_ubatch: counts[5],
                n_threads: counts[6],
                threads_by_hand: flags[1],
                flash_attn: flags[2],
                kv_offload: flags[3],
                cache_type: Some("f16".into()),
                kv_bytes: bytes[1],
                weights_per_token: bytes[2],
                kv_per_token: bytes[3],
            },
            reply: Reply {
                decoding: flags[4],
                decode: numbers[0],
                prefill: numbers[1],
                prompt_new: counts[7],
                prompt_reused: counts[8],
                could_reuse: counts[9],
                missed_because: None,
                missed_advice: None,
                degenerate: None,
            },
            machine: Machine {
                n_cores: counts[10],
                cores_taken: numbers[2],
                cpu_load: numbers[3],
                memory_total: bytes[4],
                memory_available: bytes[5],
                swap_used: bytes[6],
                swap_in: numbers[4],
                major_faults: numbers[5],
                bandwidth: numbers[6],
                ..Machine::default()
            },
            disk: Disk { load_rate: numbers[7], load_seconds: numbers[8] },
            gpus: vec![Gpu {
                name: "a GPU".into(),
                load: numbers[9],
                memory_free: bytes[7],
                clock: numbers[10],
                clock_max: numbers[11],
                throttled: Some("power".into()),
                ..Gpu::default()
            }],
        };
        for finding in diagnose(&facts) {
            if let Some(gain) = finding.gain {
                prop_assert!(gain.times.is_finite() && gain.times > 1.0);
            }
        }
    }
}
