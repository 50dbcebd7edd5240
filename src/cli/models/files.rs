//! `llmdeck models files`: the models of a repository, before anything is downloaded.

use std::fmt::Write;

use serde_json::json;

use super::args::FilesArgs;
use super::client;
use crate::cli::{ExitCode, Failure, print, sanitise};
use crate::engine::llama;
use crate::hub::{Access, FilePath, Pick, Repo, Wanted, models};
use crate::runtime::{Fits, MayFit};
use crate::ui::text::units;

/// Whether a model fits, in a word or two.
pub(super) fn in_words(fit: Option<&MayFit>) -> String {
    match fit {
        None => "not known".to_owned(),
        Some(MayFit { fits: false, .. }) => "too large".to_owned(),
        Some(MayFit {
            layers: Some((some, all)),
            ..
        }) if some < all => format!("fits, {some}/{all} on GPU"),
        Some(_) => "fits".to_owned(),
    }
}

/// This machine, without llama.cpp's words on standard error.
pub(super) fn here() -> Fits {
    llama::install_logging();
    Fits::here()
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
    print(&render(&repo, &here(), args))
}

fn render(repo: &Repo, machine: &Fits, args: &FilesArgs) -> String {
    let paths: Vec<FilePath> = repo.files.iter().map(|file| file.path.clone()).collect();
    let size = |index: &usize| repo.files[*index].size;
    let rows = models(&paths).into_iter().map(|model| {
        let bytes = model.parts.iter().map(size).fold(0, u64::saturating_add);
        let verdict = machine.judge(repo.n_params, bytes);
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
                    "fits": verdict.as_ref().map(|verdict| verdict.fits),
                })
            })
            .collect();
        return format!("{}\n", serde_json::Value::from(all));
    }
    let mut out = String::new();
    for (model, bytes, verdict) in rows {
        let fits = in_words(verdict.as_ref());
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
