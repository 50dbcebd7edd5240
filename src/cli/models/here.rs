//! `llmdeck models list`, `info`, `path` and `rm`: what is on this machine, without a screen.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::args::{InfoArgs, ListArgs, ModelsCommand, PathArgs, RemoveArgs};
use super::{json, text};
use crate::cli::setup::{self, OnProblem};
use crate::cli::{ExitCode, Failure, General, Prepared, print, sanitise};
use crate::config::{Folders, Weights};
use crate::engine;
use crate::library::{self, About, Known, Listing, Model, Modelfile, Source};
use crate::params::{Overrides, Params};
use crate::runtime::{Estimator, Notes, find_models, known_peaks, marks};

/// Does what was asked of the models.
///
/// # Errors
/// When the configuration cannot be read, a model does not exist, or may not be removed.
pub(super) fn run(
    command: Option<&ModelsCommand>,
    general: &General,
    folders: Folders,
    parameters: Overrides,
) -> Result<ExitCode, Failure> {
    // llama.cpp speaks on standard error unless it is told not to.
    engine::llama::install_logging();
    let default = ModelsCommand::List(ListArgs::default());
    let command = command.unwrap_or(&default);
    let general = general.of(command.name());
    let prepared = setup::prepare(&general, folders, parameters, OnProblem::Fail)?;
    let own = prepared.config.library.folders.iter().cloned();
    let own: Vec<PathBuf> = own.chain(prepared.models.files()).collect();
    let models = Models {
        listing: find_models(&prepared.folders, &own),
        prepared,
    };
    match command {
        ModelsCommand::List(args) => models.list(args),
        ModelsCommand::Info(args) => models.info(args),
        ModelsCommand::Path(args) => models.where_it_lies(args),
        ModelsCommand::Rm(args) => models.remove(args),
        // Those of the Hub went another way.
        ModelsCommand::Pull(_) | ModelsCommand::Search(_) | ModelsCommand::Files(_) => {
            Ok(ExitCode::Ok)
        }
    }
}

/// What was found, and what it is judged by.
struct Models {
    listing: Listing,
    prepared: Prepared,
}

impl Models {
    fn list(&self, args: &ListArgs) -> Result<ExitCode, Failure> {
        for place in &self.listing.unreadable {
            let path = place.path.to_string_lossy();
            let (path, why) = (sanitise::line(&path), sanitise::line(&place.why));
            let _ = writeln!(
                io::stderr(),
                "note: {path} could not be looked through: {why}"
            );
        }
        let mut models: Vec<&Model> = self.listing.models.iter().collect();
        if let Some(filter) = &args.filter {
            let wanted = self.listing.complete(filter, usize::MAX);
            models.retain(|model| {
                model
                    .names()
                    .any(|name| wanted.iter().any(|other| other == name))
            });
        }
        if args.fits {
            let estimator = self.estimator(&self.prepared.params)?;
            models.retain(|model| estimator.model(model).is_some_and(|estimate| estimate.fits));
        }
        if let (Some(filter), true) = (&args.filter, models.is_empty()) {
            let near: Vec<String> = self.listing.near(filter);
            let near = near
                .first()
                .map(|near| format!("; did you mean {}?", sanitise::line(near)));
            let near = near.unwrap_or_default();
            let _ = writeln!(
                io::stderr(),
                "note: no model has a name like '{}'{near}",
                sanitise::line(filter)
            );
        }
        if args.names {
            let usable = models.iter().filter(|model| model.error.is_none());
            let lines: String = usable
                .flat_map(|model| model.names())
                .map(|name| format!("{}\n", sanitise::line(name)))
                .collect();
            return print(&lines);
        }
        if args.json {
            return print(&json::list(&models, &Notes::read(&self.prepared.folders))?);
        }
        let known = self.known(&models, &self.prepared.params)?;
        print(&text::list(&models, &known))
    }

    /// Of a damaged file too, but then the code says so.
    fn info(&self, args: &InfoArgs) -> Result<ExitCode, Failure> {
        let model = self.named(&args.name);
        // As a load of it would have them.
        let params = self.prepared.params_of(self.path(&args.name));
        let mut known = self.known(&[&model], &params)?.pop().unwrap_or_default();
        let code = match &model.error {
            Some(_) => ExitCode::Data,
            None => ExitCode::Ok,
        };
        let named = self.prepared.models.find(&args.name);
        known.named = named.map(|named| (named.name.clone(), named.values.clone()));
        let mut paths = model.places.iter().map(|place| &place.path);
        let blob = paths.find(|path| library::is_ollama_blob(path));
        known.modelfile = blob.and_then(|blob| Modelfile::of_blob(blob, args.name.to_str()));
        if args.json {
            return print(&json::info(&model, &known)?).map(|_| code);
        }
        print(&text::info(&model, &known)).map(|_| code)
    }

    fn where_it_lies(&self, args: &PathArgs) -> Result<ExitCode, Failure> {
        let path = self.path(&args.name);
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if args.json {
            return print(&json::path(&self.named(&args.name), &path)?);
        }
        print(&format!("{}\n", path.display()))
    }

    fn remove(&self, args: &RemoveArgs) -> Result<ExitCode, Failure> {
        let model = self.named(&args.name);
        let refused = |why: String| {
            let what = format!("removing {}", sanitise::line(&args.name.to_string_lossy()));
            Failure::new(ExitCode::General, what, why)
        };
        let named = self.prepared.models.find(&args.name);
        if let Some(named) = named.filter(|named| named.weights != Weights::SameName) {
            return Err(refused(library::only_a_name(&named.name, &model.path)));
        }
        let files = library::removable(&model, &marks(&self.prepared.folders)).map_err(&refused)?;
        if !args.yes && !self.is_sure(&model, &files)? {
            return Err(refused("nothing was removed".into()).hint("--yes removes without asking"));
        }
        let freed = library::remove(
            &model,
            &self.listing,
            &marks(&self.prepared.folders),
            &self.prepared.folders.data_dir,
        )
        .map_err(&refused)?;
        if args.json {
            return print(&json::removed(&files, freed)?);
        }
        print(&text::removed(&model, freed))
    }

    /// Asks twice: once for a yes, once for the name.
    fn is_sure(&self, model: &Model, files: &[PathBuf]) -> Result<bool, Failure> {
        if !io::stdin().is_terminal() {
            return Ok(false);
        }
        let failed = |error| Failure::new(ExitCode::Io, "asking whether to remove", error);
        let ask = |question: String| -> io::Result<String> {
            write!(io::stderr(), "{question}")?;
            io::stderr().flush()?;
            let mut answer = String::new();
            io::stdin().lock().read_line(&mut answer)?;
            Ok(answer.trim().to_owned())
        };
        let name = sanitise::line(&model.name);
        for file in files {
            let line = sanitise::line(&file.to_string_lossy());
            let _ = writeln!(io::stderr(), "{line}");
        }
        let yes = ask(format!("Remove {name}? [y/N] ")).map_err(failed)?;
        if !yes.eq_ignore_ascii_case("y") && !yes.eq_ignore_ascii_case("yes") {
            return Ok(false);
        }
        let typed =
            ask(format!("Type its name to remove it for good ({name}): ")).map_err(failed)?;
        Ok(typed == model.name)
    }

    /// The file that a load of that name would read.
    fn path<'a>(&'a self, name: &'a Path) -> &'a Path {
        self.prepared.model.as_deref().unwrap_or(name)
    }

    /// The model that was named, be it among those that were found or not.
    fn named(&self, name: &Path) -> Model {
        let path = self.path(name);
        let real = |path: &Path| path.canonicalize().ok();
        let wanted = real(path);
        let is_it = |model: &&Model| {
            let mut places = model.places.iter();
            model.path == path || places.any(|place| real(&place.path) == wanted)
        };
        let known = self.listing.models.iter().find(is_it);
        known.cloned().unwrap_or_else(|| lone(path))
    }

    fn estimator(&self, params: &Params) -> Result<Estimator, Failure> {
        let peaks = known_peaks(&self.prepared.folders.state_dir);
        Ok(Estimator::here(&params.load(), &peaks)?)
    }

    fn known(&self, models: &[&Model], params: &Params) -> Result<Vec<Known>, Failure> {
        let estimator = self.estimator(params)?;
        let notes = Notes::read(&self.prepared.folders);
        let known = |model: &&Model| notes.of(model, estimator.model(model));
        Ok(models.iter().map(known).collect())
    }
}

/// A file that lies in no place that is looked through.
fn lone(path: &Path) -> Model {
    let about = About::read(&crate::gguf::parts(path));
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let error = match &about {
        Ok(about) => about.problem.clone(),
        Err(error) => Some(error.to_string()),
    };
    Model {
        files: crate::gguf::parts(path),
        size_bytes: std::fs::metadata(path).map_or(0, |facts| facts.len()),
        about: about.ok(),
        error,
        ..Model::new(name, path, Source::Folder)
    }
}
