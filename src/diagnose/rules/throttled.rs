//! A GPU that runs slower than it could for heat or power.

use crate::diagnose::{Facts, Finding, Fix, Gain};

pub fn rule(facts: &Facts) -> Option<Finding> {
    let gpu = facts.gpus.iter().find(|gpu| gpu.throttled.is_some())?;
    let reason = gpu.throttled.as_deref()?;
    let clock = gpu.clock.zip(gpu.clock_max);
    let mut evidence = vec![format!("{} says: {reason}", gpu.name)];
    if let Some((clock, most)) = clock {
        evidence.push(format!("{clock:.0} of {most:.0} MHz"));
    }
    if let Some(degrees) = gpu.temperature {
        evidence.push(format!("{degrees:.0} °C"));
    }
    if let Some((power, limit)) = gpu.power.zip(gpu.power_limit) {
        evidence.push(format!("{power:.0} of {limit:.0} W"));
    }
    let heat = ["hot", "heat", "thermal"]
        .iter()
        .any(|word| reason.contains(word));
    Some(Finding {
        rule: "throttled",
        what: if heat {
            "the GPU slows itself down because it is hot".into()
        } else {
            "the GPU slows itself down to stay within its limit".into()
        },
        evidence: evidence.join(", "),
        gain: clock.and_then(|(clock, most)| {
            Gain::new(
                most / clock,
                "highest clock / clock now; at most, where clocks decide",
            )
        }),
        fix: Fix::Do(if heat {
            "give it more air, or a lower power limit that it can hold".into()
        } else {
            "raise the power limit, if the supply and the cooling allow it".into()
        }),
    })
}
