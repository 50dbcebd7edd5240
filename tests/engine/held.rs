//! Two models in memory: the one from before is held, and runs again at once.

use std::path::{Path, PathBuf};

use llmdeck::engine::{
    BenchId, BenchRequest, BenchTest, CameFrom, Command, EngineError, EngineEvent, HeldModel,
    LetGo, LoadRequest,
};
use llmdeck::params::LoadParams;

use crate::fixture;
use crate::harness::{Engine, assistant, at_most, endless, greedy, guide, latent, small, user};

/// Small, and it takes all the memory that is free.
fn roomy() -> LoadParams {
    let mut params = small();
    params.model.fit_target = 0;
    params
}

/// The same with so much to be left free that nothing can be held beside it.
fn alone() -> LoadParams {
    let mut params = small();
    params.model.fit_target = u64::MAX;
    params
}

/// Another model than the built-in one, in a folder that goes with it.
struct Other {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn other(layers: &str) -> Other {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("other-{layers}.gguf"));
    fixture::run(&["--layers", layers, path.to_str().unwrap()]).unwrap();
    Other {
        path,
        _folder: folder,
    }
}

/// What a command was answered with.
#[derive(Debug, Default)]
struct Answer {
    held: Vec<HeldModel>,
    let_go: Vec<(String, LetGo)>,
    came_from: Option<CameFrom>,
    /// Reports of progress.
    reports: usize,
    error: Option<(EngineError, bool)>,
}

/// Sends a command and collects what it is answered with.
fn tell(engine: &mut Engine, command: Command) -> Answer {
    engine.send(command);
    let mut answer = Answer::default();
    loop {
        match engine.event() {
            EngineEvent::Held(model) => answer.held.push(*model),
            EngineEvent::LetGo { name, why } => {
                answer.let_go.push((name, why));
                if why == LetGo::Asked {
                    return answer;
                }
            }
            EngineEvent::Loading { .. } => answer.reports += 1,
            EngineEvent::Loaded { came_from, .. } => {
                answer.came_from = Some(came_from);
                return answer;
            }
            EngineEvent::LoadFailed { error, running, .. }
            | EngineEvent::RetuneFailed { error, running, .. } => {
                answer.error = Some((error, running));
                return answer;
            }
            EngineEvent::BenchFailed { error, .. } => {
                answer.error = Some((error, true));
                return answer;
            }
            EngineEvent::Retuned { .. } | EngineEvent::BenchDone { .. } => return answer,
            _ => {}
        }
    }
}

fn load(engine: &mut Engine, path: &Path, params: LoadParams) -> Answer {
    let id = engine.load_id();
    let path = path.to_owned();
    let request = Box::new(LoadRequest { id, path, params });
    tell(engine, Command::Load(request))
}

fn retune(engine: &mut Engine, params: LoadParams) -> Answer {
    let id = engine.load_id();
    let params = Box::new(params);
    tell(engine, Command::Retune { id, params })
}

/// An engine that runs another model and holds the built-in one.
fn holding(other: &Other) -> Engine {
    let mut engine = Engine::loaded(roomy());
    let answer = load(&mut engine, &other.path, roomy());
    assert_eq!(answer.held.len(), 1, "{answer:?}");
    engine
}

fn names(answer: &Answer) -> Vec<(&str, LetGo)> {
    let names = answer.let_go.iter();
    names.map(|(name, why)| (name.as_str(), *why)).collect()
}

#[test]
fn a_model_that_comes_back_reads_nothing_and_prefills_nothing() {
    let other = other("2");
    let mut engine = Engine::loaded(roomy());
    let mut talk = vec![user("What is a token?")];
    let first = engine.answer(1, &talk, greedy(), at_most(12));
    let answer = load(&mut engine, &other.path, roomy());
    assert_eq!(answer.came_from, Some(CameFrom::File));
    let [held] = answer.held.as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (&held.model.path, held.asked.is_same_load(&roomy())),
        (&guide(), true)
    );
    assert!(held.tokens + 1 >= first.context_used && held.bytes() > held.model.size_bytes / 2);

    // The same conversation in the other model has its own cache there.
    let theirs = engine.answer(1, &talk, endless(), at_most(12));
    assert_eq!(theirs.timings.cache_n, 0);

    let back = load(&mut engine, &guide(), roomy());
    assert_eq!((back.came_from, back.reports), (Some(CameFrom::Memory), 0));
    assert_eq!(back.held.len(), 1);
    assert_eq!(back.held[0].model.path, other.path);
    talk.extend([assistant(&first.text), user("And a model?")]);
    let mut missed = 0;
    let id = engine.ask(1, &talk, greedy(), at_most(12));
    let look = |_: &mut Engine, event: &EngineEvent| {
        missed += usize::from(matches!(event, EngineEvent::Missed { .. }));
    };
    let next = engine.reply_and(id, look).unwrap();
    assert!(
        next.timings.cache_n + 1 >= first.context_used,
        "all that was said is reused: {next:?}"
    );
    assert_eq!(missed, 0);

    let again = load(&mut engine, &other.path, roomy());
    assert_eq!(again.came_from, Some(CameFrom::Memory));
    let theirs_again = engine.answer(1, &[user("What is a token?")], endless(), at_most(12));
    assert_eq!(
        (theirs_again.timings.prompt_n, theirs_again.text),
        (1, theirs.text),
        "the whole question was in the cache"
    );
}

#[test]
fn what_is_asked_of_a_model_that_comes_back_is_what_it_answered_alone() {
    let other = other("2");
    let question = [user("What is a token?")];
    let alone = Engine::loaded(roomy()).answer(1, &question, greedy(), at_most(24));
    let mut engine = Engine::loaded(roomy());
    let id = engine.ask(1, &question, greedy(), at_most(400));
    // A reply in progress ends where the other model takes over.
    let first = loop {
        if let EngineEvent::Tokens { .. } = engine.event() {
            break load(&mut engine, &other.path, roomy());
        }
    };
    assert_eq!(first.held.len(), 1, "{id:?}");
    load(&mut engine, &guide(), roomy());
    let again = engine.answer(1, &question, greedy(), at_most(24));
    assert_eq!(again.text, alone.text);
}

#[cfg(target_os = "linux")]
#[test]
fn a_model_that_is_let_go_is_out_of_memory() {
    let is_mapped = |path: &Path| {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.contains(path.to_str().unwrap())
    };
    let other = other("2");
    let mut engine = Engine::start();
    load(&mut engine, &other.path, roomy());
    load(&mut engine, &guide(), roomy());
    assert!(is_mapped(&other.path), "its weights are held");
    let answer = tell(&mut engine, Command::LetGo);
    assert_eq!(answer.let_go.len(), 1);
    assert!(!is_mapped(&other.path));
    let answer = load(&mut engine, &other.path, roomy());
    assert_eq!(answer.came_from, Some(CameFrom::File));
    engine.send(Command::Unload);
    let mut let_go = 0;
    loop {
        match engine.event() {
            EngineEvent::LetGo { .. } => let_go += 1,
            EngineEvent::Unloaded => break,
            _ => {}
        }
    }
    assert_eq!(let_go, 1, "both models are freed");
    assert!(!is_mapped(&other.path));
}

#[test]
fn a_load_that_fails_leaves_both_models_as_they_are() {
    let other = other("2");
    let mut engine = Engine::loaded(roomy());
    let question = [user("What is a token?")];
    let ours = engine.answer(1, &question, greedy(), at_most(12));
    load(&mut engine, &other.path, roomy());
    let theirs = engine.answer(1, &question, endless(), at_most(12));
    let broken = other.path.with_file_name("broken.gguf");
    let whole = std::fs::read(guide()).unwrap();
    std::fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    let answer = load(&mut engine, &broken, roomy());
    assert_eq!((answer.error.unwrap().1, answer.let_go.len()), (true, 0));
    let again = engine.answer(1, &question, endless(), at_most(12));
    assert_eq!((again.timings.prompt_n, again.text), (1, theirs.text));
    let back = load(&mut engine, &guide(), roomy());
    assert_eq!(back.came_from, Some(CameFrom::Memory));
    let again = engine.answer(1, &question, greedy(), at_most(12));
    assert_eq!((again.timings.prompt_n, again.text), (1, ours.text));
}

#[test]
fn the_held_model_goes_before_the_one_that_runs_where_memory_is_short() {
    let (second, third) = (other("2"), other("3"));
    let mut engine = holding(&second);
    let answer = load(&mut engine, &third.path, alone());
    assert_eq!(names(&answer), [("guide", LetGo::Memory)]);
    assert_eq!(
        (answer.held.len(), answer.came_from),
        (0, Some(CameFrom::File))
    );
    // Where there is room a third model takes the place of the one held.
    load(&mut engine, &guide(), roomy());
    let answer = load(&mut engine, &second.path, roomy());
    assert_eq!(names(&answer)[0].1, LetGo::Replaced);
    assert_eq!(answer.held[0].model.path, guide());
}

#[test]
fn a_load_that_needs_the_memory_and_fails_brings_the_running_model_back() {
    let second = other("2");
    let mut engine = holding(&second);
    let question = [user("What is a token?")];
    let before = engine.answer(1, &question, endless(), at_most(12));
    let mut params = alone();
    // What only llama.cpp refuses, once it makes the context.
    params.context.type_k = "f32".into();
    let folder = tempfile::tempdir().unwrap();
    let third = latent(folder.path());
    let answer = load(&mut engine, &third, params);
    assert_eq!(names(&answer), [("guide", LetGo::Memory)]);
    assert!(answer.error.is_some_and(|(_, running)| running));
    let again = engine.answer(1, &question, endless(), at_most(12));
    assert_eq!((again.timings.prompt_n, again.text), (1, before.text));
}

#[test]
fn other_parameters_and_another_file_are_loaded_again() {
    let second = other("2");
    let mut engine = holding(&second);
    let mut longer = roomy();
    longer.context.n_ctx = 768;
    let answer = load(&mut engine, &guide(), longer);
    assert_eq!(names(&answer), [("guide", LetGo::LoadedAgain)]);
    assert_eq!(answer.came_from, Some(CameFrom::File));
    assert_eq!(answer.held[0].model.path, second.path);
    // Threads are no reason to load anything.
    let mut threads = roomy();
    threads.threads.n_threads = 2;
    let answer = load(&mut engine, &second.path, threads);
    assert_eq!(answer.came_from, Some(CameFrom::Memory));
    load(&mut engine, &guide(), roomy());
    // Written anew where the first lay, which stays in memory: a name is not a file.
    let changed = second.path.with_file_name("changed.gguf");
    fixture::run(&["--layers", "3", changed.to_str().unwrap()]).unwrap();
    std::fs::rename(&changed, &second.path).unwrap();
    let answer = load(&mut engine, &second.path, roomy());
    assert_eq!(answer.came_from, Some(CameFrom::File));
}

#[test]
fn one_model_is_held_only_where_two_are_wanted() {
    let second = other("2");
    let one = LoadParams {
        models_max: 1,
        ..roomy()
    };
    let mut engine = Engine::loaded(roomy());
    let answer = load(&mut engine, &second.path, one.clone());
    assert!(answer.held.is_empty(), "{answer:?}");
    let mut engine = holding(&second);
    let answer = retune(&mut engine, one);
    assert_eq!(names(&answer), [("guide", LetGo::OneAtMost)]);
}

#[test]
fn a_change_that_needs_the_memory_says_so_and_takes_it() {
    let second = other("2");
    let mut engine = holding(&second);
    let mut wider = roomy();
    wider.context.n_ctx = 1024;
    assert!(foreseen(&mut engine, &wider).is_empty());
    assert!(retune(&mut engine, wider).let_go.is_empty());
    let mut alone = alone();
    alone.context.n_ctx = 768;
    let notes = foreseen(&mut engine, &alone);
    let says = |note: &String| note == "guide is let go: its memory is needed";
    assert!(notes.iter().any(says), "{notes:?}");
    let answer = retune(&mut engine, alone);
    assert_eq!(names(&answer), [("guide", LetGo::Memory)]);
    assert!(answer.error.is_none());
}

fn foreseen(engine: &mut Engine, params: &LoadParams) -> Vec<String> {
    let id = engine.load_id();
    let params = Box::new(params.clone());
    engine.send(Command::Foresee { id, params });
    loop {
        if let EngineEvent::Foreseen { outcome, .. } = engine.event() {
            return outcome.unwrap().notes;
        }
    }
}

#[test]
fn a_measurement_takes_the_memory_it_needs() {
    let second = other("2");
    let measure = |id| {
        Command::Bench(BenchRequest {
            id: BenchId(id),
            test: BenchTest {
                n_prompt: 8,
                ..BenchTest::default()
            },
            repetitions: 1,
            warmup: false,
        })
    };
    let mut engine = holding(&second);
    assert!(tell(&mut engine, measure(1)).let_go.is_empty());
    let mut engine = Engine::start();
    for (path, params) in [
        (guide(), alone()),
        (second.path.clone(), roomy()),
        (guide(), alone()),
    ] {
        load(&mut engine, &path, params);
    }
    let answer = tell(&mut engine, measure(2));
    assert_eq!(answer.let_go.len(), 1, "{answer:?}");
    assert_eq!((answer.let_go[0].1, answer.error), (LetGo::Memory, None));
}

#[test]
fn the_caches_of_a_model_that_is_let_go_are_found_when_it_is_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let second = other("2");
    let mut engine = Engine::keeping(folder.path());
    load(&mut engine, &guide(), roomy());
    let long = "The context holds the tokens of the whole conversation, and the cache its keys. ";
    let chat = [user(&long.repeat(6))];
    let before = engine.answer(1, &chat, greedy(), at_most(8));
    load(&mut engine, &second.path, roomy());
    let kept = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(kept, 0, "what is held needs no disk");
    tell(&mut engine, Command::LetGo);
    let answer = load(&mut engine, &guide(), roomy());
    assert_eq!(answer.came_from, Some(CameFrom::File));
    let again = engine.answer(1, &chat, greedy(), at_most(8));
    assert_eq!((again.timings.prompt_n, again.text), (1, before.text));
}
