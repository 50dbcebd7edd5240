//! `llmdeck models files`: the models of a repository, before anything is downloaded.

use std::fmt::Write;

use serde_json::json;

use super::args::FilesArgs;
use super::client;
use crate::cli::{ExitCode, Failure, print, sanitise};
use crate::engine::llama;
use crate::hub::{Access, FilePath, Judge, Pick, Repo, Wanted, models};
use crate::params::Params;
use crate::runtime::Estimator;
use crate::ui::text::units;

/// This machine as it is now, with parameters as they are by default.
///
/// # Errors
/// When it cannot be looked at.
pub(super) fn here() -> Result<Estimator, Failure> {
    // llama.cpp speaks on standard error unless it is told not to.
    llama::install_logging();
    Ok(Estimator::here(&Params::default().load(), &[])?)
}

/// Prints the models of a repository.
///
/// # Errors
/// When there is no such repository, or the Hub cannot be asked.
pub(super) fn run(args: &FilesArgs, access: &Access) -> Result<ExitCode, Failure> {
    let Wanted::Repo {
        repo,
        pick: Pick::Usual,
    } = Wanted::parse(&args.repo)?
    else {
        let what = format!("listing {}", args.repo);
        return Err(Failure::new(ExitCode::Usage, what, "it is no repository")
            .hint("give its name: org/repo"));
    };
    let repo = client(access).repo(&repo)?;
    print(&render(&repo, &here()?, args))
}

fn render(repo: &Repo, machine: &Estimator, args: &FilesArgs) -> String {
    let paths: Vec<FilePath> = repo.files.iter().map(|file| file.path.clone()).collect();
    let size = |index: &usize| repo.files[*index].size;
    let rows = models(&paths).into_iter().map(|model| {
        let bytes = model.parts.iter().map(size).fold(0, u64::saturating_add);
        let verdict = machine.fits(repo.n_params, bytes);
        (model, bytes, verdict)
    });
    if args.json {
        let all: Vec<_> = rows
            .map(|(model, bytes, verdict)| {
                let files: Vec<&str> = model
                    .parts
                    .iter()
                    .map(|part| paths[*part].as_str())
                    .collect();
                json!({
                    "quant": model.quant,
                    "files": files,
                    "size_bytes": bytes,
                    "mmproj": model.projector.map(|index| paths[index].as_str()),
                    "fits": verdict.map(|verdict| verdict.fits),
                    "license": repo.license,
                    "gated": repo.gated,
                })
            })
            .collect();
        return format!("{}\n", serde_json::Value::from(all));
    }
    let mut out = String::new();
    for (model, bytes, verdict) in rows {
        let fits = verdict.map_or_else(|| "not known".to_owned(), |verdict| verdict.to_string());
        let name = sanitise::line(paths[model.parts[0]].as_str());
        let parts = match model.parts.len() {
            1 => String::new(),
            parts => format!("  {parts} files"),
        };
        let projector = model.projector.map_or_else(String::new, |index| {
            format!("  + {} for images", units::bytes(repo.files[index].size))
        });
        let size = units::bytes(bytes);
        let quant = if model.quant.is_empty() {
            "-"
        } else {
            &model.quant
        };
        let _ = writeln!(
            out,
            "{quant:10}  {size:>9}  {fits:16}  {name}{parts}{projector}"
        );
    }
    if out.is_empty() {
        return format!("{} has no GGUF model\n", repo.id);
    }
    let license = sanitise::line(repo.license.as_deref().unwrap_or("not given"));
    let gated = if repo.gated {
        "; its makers ask for an agreement first"
    } else {
        ""
    };
    let _ = writeln!(out, "\nlicense: {license}{gated}");
    out.push_str("Whether a model fits is an estimate: the size of its files, the shape of published models of that size.\n");
    let _ = writeln!(
        out,
        "llmdeck models pull {}:QUANT brings one here.",
        repo.id
    );
    out
}
