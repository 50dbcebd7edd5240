//! `llmdeck compare vote`: reads a comparison that was made before, shows the answers without their
//! names in an order of chance, and keeps which one is liked best.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use serde::Deserialize;

use super::super::{ExitCode, Failure, print_result, sanitise};
use super::args::VoteArgs;
use crate::compare::{self, Ballot, Contender};
use crate::config::Folders;
use crate::store::Store;

/// Bytes that a file of comparisons has at most.
const LONGEST: u64 = 256 << 20;
const DOING: &str = "voting";

/// What a report says, as far as a vote needs it.
#[derive(Debug, Deserialize)]
struct Compared {
    prompt: String,
    model: String,
    #[serde(default)]
    model_hash: String,
    columns: Vec<Answer>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    preset: String,
    #[serde(default)]
    preset_hash: String,
    text: String,
}

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// The best, by their places on the screen.
    Best(Vec<usize>),
    Skip,
    Stop,
}

/// How many votes were kept, how many prompts had one already or were passed over.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    kept: usize,
    known: usize,
    skipped: usize,
}

/// Asks for each prompt which answer is the best.
///
/// # Errors
/// When the file cannot be read or holds no comparison, and when votes cannot be kept.
pub(super) fn run(args: &VoteArgs, folders: &Folders) -> Result<ExitCode, Failure> {
    let all = read(&args.file)?;
    let failed = |error| Failure::new(ExitCode::Io, DOING, error);
    let mut store = Store::open(&folders.sessions_dir).map_err(failed)?.store;
    let seed = RandomState::new().build_hasher().finish();
    let (input, mut out) = (io::stdin().lock(), io::stdout());
    let count = vote(&all, &mut store, input, &mut out, seed)?;
    let left = all.len() - count.kept - count.known - count.skipped;
    let text = format!(
        "{} kept, {} voted on before, {} skipped, {left} left. llmdeck compare standings tells what \
         the votes show.",
        count.kept, count.known, count.skipped
    );
    print_result(writeln!(out, "{text}"))?;
    Ok(ExitCode::Ok)
}

fn read(path: &Path) -> Result<Vec<Compared>, Failure> {
    let what = || format!("reading the comparisons of {}", path.display());
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .map_err(|error| {
            Failure::new(ExitCode::NoInput, what(), error).hint("check the path; the file is UTF-8")
        })?;
    let refused = |why: String| {
        Failure::new(ExitCode::Data, what(), why).hint(
            "llmdeck compare --prompts FILE --json writes such a file, and so does the export of \
             a comparison in the deck where its name ends in .json",
        )
    };
    let all: Vec<Compared> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| refused(error.to_string()))?;
    if all.is_empty() {
        return Err(refused("it has no comparison".to_owned()));
    }
    if all.iter().any(|one| !one.is_votable()) {
        return Err(refused(
            "a comparison in it does not say which model and settings its answers are of"
                .to_owned(),
        ));
    }
    Ok(all)
}

/// Goes through the comparisons until they end, the input ends, or somebody wants to stop.
fn vote(
    all: &[Compared],
    store: &mut Store,
    mut input: impl BufRead,
    out: &mut impl Write,
    seed: u64,
) -> Result<Count, Failure> {
    let failed = |error| Failure::new(ExitCode::Io, DOING, error);
    let mut count = Count::default();
    for (number, one) in (1..).zip(all) {
        let answers: Vec<&Answer> = one
            .columns
            .iter()
            .filter(|answer| !answer.text.is_empty())
            .collect();
        let order = compare::shuffled(answers.len(), seed.wrapping_add(number));
        let answers: Vec<&Answer> = order.into_iter().map(|at| answers[at]).collect();
        let contenders: Vec<Contender> =
            answers.iter().map(|answer| one.contender(answer)).collect();
        if answers.len() < 2 {
            count.skipped += 1;
            continue;
        }
        if store.has_voted(&one.prompt, &contenders).map_err(failed)? {
            count.known += 1;
            continue;
        }
        print_result(show(out, number, all.len(), &one.prompt, &answers))?;
        match ask(&mut input, out, answers.len())? {
            Choice::Stop => return Ok(count),
            Choice::Skip => count.skipped += 1,
            Choice::Best(best) => {
                let names: Vec<String> = (1..)
                    .zip(&answers)
                    .map(|(at, answer)| format!("{at} {}", sanitise::line(&answer.preset)))
                    .collect();
                let ballot = Ballot { contenders, best };
                store.cast(&one.prompt, &ballot).map_err(failed)?;
                count.kept += 1;
                print_result(writeln!(out, "Kept. {}\n", names.join(", ")))?;
            }
        }
    }
    Ok(count)
}

fn show(
    out: &mut impl Write,
    number: u64,
    count: usize,
    prompt: &str,
    answers: &[&Answer],
) -> io::Result<()> {
    let clean = |text: &str| sanitise::Sanitiser::default().piece(text);
    writeln!(out, "Prompt {number} of {count}:\n\n{}\n", clean(prompt))?;
    for (at, answer) in (1..).zip(answers) {
        writeln!(out, "[{at}]\n{}\n", clean(answer.text.trim()))?;
    }
    Ok(())
}

/// Asks until there is an answer; the end of the input stops.
fn ask(input: &mut impl BufRead, out: &mut impl Write, count: usize) -> Result<Choice, Failure> {
    loop {
        let question = format!(
            "The best? 1 to {count}, several for a tie (12), 0 = all alike, s = skip, q = stop: "
        );
        print_result(write!(out, "{question}").and_then(|()| out.flush()))?;
        let mut line = String::new();
        let read = input.read_line(&mut line);
        if read.map_err(|error| Failure::new(ExitCode::Io, DOING, error))? == 0 {
            print_result(writeln!(out))?;
            return Ok(Choice::Stop);
        }
        if let Some(choice) = choice(line.trim(), count) {
            return Ok(choice);
        }
    }
}

fn choice(typed: &str, count: usize) -> Option<Choice> {
    match typed {
        "q" => return Some(Choice::Stop),
        "s" => return Some(Choice::Skip),
        "0" => return Some(Choice::Best((0..count).collect())),
        _ => {}
    }
    let place = |digit: char| {
        let place = (digit.to_digit(10)? as usize).checked_sub(1)?;
        (place < count).then_some(place)
    };
    let mut best: Vec<usize> = typed.chars().map(place).collect::<Option<_>>()?;
    best.sort_unstable();
    best.dedup();
    (!best.is_empty()).then_some(Choice::Best(best))
}

impl Compared {
    /// Whether it says what a vote is for.
    fn is_votable(&self) -> bool {
        let known = |answer: &Answer| !answer.preset_hash.is_empty();
        !self.model_hash.is_empty() && self.columns.iter().all(known)
    }

    fn contender(&self, answer: &Answer) -> Contender {
        Contender {
            model: self.model.clone(),
            model_hash: self.model_hash.clone(),
            preset: answer.preset.clone(),
            preset_hash: answer.preset_hash.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(prompt: &str) -> Compared {
        let answer = |preset: &str| Answer {
            preset: preset.into(),
            preset_hash: preset.repeat(2),
            text: "An answer\u{1b}[31m.".into(),
        };
        Compared {
            prompt: prompt.into(),
            model: "guide".into(),
            model_hash: "f".into(),
            columns: vec![answer("cold"), answer("hot")],
        }
    }

    fn votes(all: &[Compared], store: &mut Store, typed: &str, seed: u64) -> (Count, String) {
        let mut out = Vec::new();
        let count = vote(all, store, typed.as_bytes(), &mut out, seed).unwrap();
        (count, String::from_utf8(out).unwrap())
    }

    #[test]
    fn names_come_after_the_vote_and_a_prompt_is_asked_about_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap().store;
        let all = [compared("Why?"), compared("How?"), compared("When?")];
        let (count, shown) = votes(&all, &mut store, "9\n1\ns\n", 1);
        assert_eq!((count.kept, count.skipped), (1, 1));
        let (_, named) = shown.split_once("Kept.").unwrap();
        assert!(named.contains("cold") && named.contains("hot"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        let before = shown.split("Kept.").next().unwrap_or_default();
        assert!(
            !before.contains("cold") && !before.contains("hot"),
            "{shown}"
        );
        let ballots = store.ballots().unwrap();
        assert_eq!((ballots.len(), ballots[0].best.as_slice()), (1, &[0][..]));
        // Another order of chance, and the first prompt is not asked about again.
        let (count, shown) = votes(&all, &mut store, "12\nq\n", 2);
        assert_eq!((count.kept, count.known), (1, 1));
        assert!(shown.starts_with("Prompt 2 of 3"), "{shown}");
        assert_eq!(store.ballots().unwrap()[1].best, [0, 1]);
    }

    #[test]
    fn what_is_typed_is_places_or_a_letter() {
        assert_eq!(choice("31", 3), Some(Choice::Best(vec![0, 2])));
        assert_eq!(choice("0", 2), Some(Choice::Best(vec![0, 1])));
        assert_eq!(choice("q", 2), Some(Choice::Stop));
        for typed in ["", "3", "1x", "10"] {
            assert_eq!(choice(typed, 2), None, "{typed}");
        }
    }

    #[test]
    fn a_file_without_hashes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.json");
        let old = r#"{"prompt":"Why?","model":"m","columns":[{"preset":"a","text":"x"}]}"#;
        std::fs::write(&path, old).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("which model"));
        std::fs::write(&path, "").unwrap();
        assert!(
            read(&path)
                .unwrap_err()
                .to_string()
                .contains("no comparison")
        );
    }
}
