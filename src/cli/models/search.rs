//! `llmdeck models search`.

use std::fmt::Write;

use serde_json::json;

use super::args::SearchArgs;
use super::client;
use super::files::here;
use crate::cli::{ExitCode, Failure, print, sanitise};
use crate::config::Folders;
use crate::hub::{Access, First, Found, Judge, first_models};
use crate::runtime::Estimator;
use crate::ui::text::units;

/// Prints what the Hub has, or the list of good first models.
///
/// # Errors
/// When the Hub cannot be asked, or the user's list cannot be read.
pub(super) fn run(
    args: &SearchArgs,
    access: &Access,
    folders: &Folders,
) -> Result<ExitCode, Failure> {
    let words = args.words.join(" ");
    if words.trim().is_empty() {
        let models = first_models(&folders.config_dir)?;
        return print(&first(&models, &here()?, args));
    }
    let found = client(access).search(&words, args.limit.clamp(1, 1000))?;
    if args.json {
        let text = serde_json::to_string(&found)
            .map_err(|error| Failure::new(ExitCode::Software, "writing JSON", error))?;
        return print(&format!("{text}\n"));
    }
    print(&list(&found))
}

fn list(found: &[Found]) -> String {
    if found.is_empty() {
        return "nothing found\n".to_owned();
    }
    let mut out = String::new();
    let width = found.iter().map(|one| one.repo.len()).max().unwrap_or(0);
    for one in found {
        let license = sanitise::line(one.license.as_deref().unwrap_or("-"));
        let gated = if one.gated {
            "  asks for an agreement"
        } else {
            ""
        };
        let downloads = units::count(one.downloads);
        let _ = writeln!(
            out,
            "{:width$}  {downloads:>12} downloads  {license}{gated}",
            one.repo
        );
    }
    out.push_str("\nllmdeck models files REPO lists what is in one; llmdeck models pull REPO brings it here.\n");
    out
}

fn first(models: &[First], machine: &Estimator, args: &SearchArgs) -> String {
    let judged = models.iter().map(|one| {
        // The quantisations of the list are known; an unknown one has no estimate.
        let bytes = machine.bytes(one.n_params, &one.quant);
        let verdict = bytes.and_then(|bytes| machine.fits(Some(one.n_params), bytes));
        (one, bytes, verdict)
    });
    let mut out = String::new();
    if args.json {
        let all: Vec<_> = judged
            .map(|(one, bytes, verdict)| {
                json!({
                    "name": one.wanted().to_string(),
                    "n_params": one.n_params,
                    "size_bytes_estimate": bytes,
                    "fits": verdict.map(|verdict| verdict.fits),
                    "license": one.license,
                    "about": one.about,
                })
            })
            .collect();
        return format!("{}\n", serde_json::Value::from(all));
    }
    for (one, bytes, verdict) in judged {
        let size = bytes.map_or_else(
            || "-".to_owned(),
            |bytes| format!("~{}", units::bytes(bytes)),
        );
        let fits = verdict.map_or_else(|| "not known".to_owned(), |verdict| verdict.to_string());
        let name = one.wanted().to_string();
        let about = sanitise::line(&one.about);
        let license = sanitise::line(one.license.as_deref().unwrap_or("-"));
        let _ = writeln!(
            out,
            "{name:50}  {size:>9}  {fits:16}  {license:10}  {about}"
        );
    }
    out.push_str("\nSizes are estimates: parameters times bits per weight. llmdeck models pull NAME brings one here;\nmodels.toml in the configuration folder adds to this list.\n");
    out
}
