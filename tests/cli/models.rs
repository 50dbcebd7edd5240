//! `llmdeck models` against a Hub on loopback, and models of the cache by name.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::hub_server::{COMMIT, Deed, Server, model, sha256};
use crate::{Done, GUIDE, Home};

/// The program with a Hub and a cache of its own.
fn command(home: &Home, server: &Server, args: &[&str]) -> Command {
    let mut command = home.command(args);
    command
        .env("HF_ENDPOINT", &server.address)
        .env("HF_HUB_CACHE", home.path("hub"))
        .env("HF_TOKEN", "hf_secret");
    command
}

fn run(home: &Home, server: &Server, args: &[&str]) -> Done {
    Done::from(command(home, server, args).output().unwrap())
}

fn repo(home: &Home) -> PathBuf {
    home.path("hub/models--org--repo")
}

/// What the cache offers under the model's name.
fn offered(home: &Home, name: &str) -> PathBuf {
    repo(home).join("snapshots").join(COMMIT).join(name)
}

#[test]
fn a_model_is_brought_here_and_then_used_by_name() {
    let home = Home::new();
    let guide = std::fs::read(GUIDE).unwrap();
    let server = Server::start(&[
        ("guide-Q4_K_M.gguf", guide.clone()),
        ("guide-Q8_0.gguf", guide),
    ]);
    let missing = run(
        &home,
        &server,
        &["run", "-p", "hi", "-n", "1", "-hf", "org/repo"],
    )
    .failed(66);
    assert!(
        missing.contains("try: llmdeck models pull org/repo"),
        "{missing}"
    );
    assert!(
        server.requests().is_empty(),
        "nothing is fetched that was not asked for"
    );

    let done = run(&home, &server, &["models", "pull", "org/repo"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let path = offered(&home, "guide-Q4_K_M.gguf");
    assert_eq!(done.stdout, format!("{}\n", path.display()));
    assert!(
        done.stderr.starts_with("org/repo:Q4_K_M (")
            && done.stderr.contains("; license: other (maker-1)): "),
        "{}",
        done.stderr
    );
    for text in [&done.stdout, &done.stderr] {
        assert!(
            !text.contains('\u{1b}') && !text.contains("hf_secret"),
            "{text}"
        );
    }

    let reply = run(
        &home,
        &server,
        &["run", "-p", "hi", "-n", "1", "-hf", "org/repo:q4_k_m"],
    );
    assert_eq!(reply.code, Some(0), "{}", reply.stderr);
    let other = run(&home, &server, &["run", "-p", "hi", "-hf", "org/repo:Q8_0"]).failed(66);
    assert!(
        other.contains("llmdeck models pull org/repo:Q8_0"),
        "{other}"
    );
    let again = run(&home, &server, &["models", "pull", "--json", "org/repo"]).json();
    assert_eq!(
        (again["files_fetched"].as_u64(), again["name"].as_str()),
        (Some(0), Some("org/repo:Q4_K_M"))
    );
    assert_eq!(again["license"], "other (maker-1)");
}

#[test]
fn a_repository_is_listed_before_it_is_downloaded() {
    let home = Home::new();
    let server = Server::start(&[
        ("m-Q8_0.gguf", model(2000, 1)),
        ("q/m-Q4_0-00001-of-00002.gguf", model(1000, 2)),
        ("q/m-Q4_0-00002-of-00002.gguf", model(1000, 3)),
        ("mmproj-F16.gguf", model(500, 4)),
    ]);
    let list = run(&home, &server, &["models", "files", "org/repo", "--json"]).json();
    assert_eq!(list[0]["quant"], "Q8_0");
    assert_eq!(list[0]["mmproj"], "mmproj-F16.gguf");
    assert_eq!(list[1]["files"].as_array().unwrap().len(), 2);
    assert_eq!(list[1]["size_bytes"], 2000);
    assert!(list[1]["fits"].is_boolean());
    assert_eq!(list[1]["license"], "other (maker-1)");
    assert_eq!(list[1]["gated"], false);
    let text = run(&home, &server, &["models", "files", "org/repo"]).good();
    assert!(
        text.contains("license: other (maker-1)") && text.contains("2 files"),
        "{text}"
    );
    assert!(server.ranges().is_empty());
}

#[test]
fn the_hub_is_searched_and_first_models_need_no_network() {
    let home = Home::new();
    let server = Server::start(&[]);
    let text = run(&home, &server, &["models", "search", "some", "words"]).good();
    assert!(
        text.contains("org/repo") && text.contains("1,234,567 downloads") && text.contains("mit"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}') && !text.contains("evil"), "{text}");
    assert!(
        server.requests()[0]
            .path
            .contains("search=some%20words&filter=gguf")
    );
    let before = server.requests().len();
    let first = run(&home, &server, &["models", "search", "--offline", "--json"]).json();
    assert!(first.as_array().unwrap().len() > 5);
    assert_eq!(first[0]["license"], "apache-2.0");
    assert_eq!(server.requests().len(), before);
    let offline = run(&home, &server, &["models", "search", "--offline", "x"]).failed(69);
    assert!(offline.contains("--offline"), "{offline}");
}

#[test]
fn failures_have_their_exit_codes() {
    let home = Home::new();
    let server = Server::start(&[("m-Q4_K_M.gguf", model(100_000, 1))]);
    run(&home, &server, &["models", "pull", "no name"]).failed(64);
    run(
        &home,
        &server,
        &["models", "pull", "http://example.org/a.gguf"],
    )
    .failed(64);
    run(&home, &server, &["models", "pull", "org/other"]).failed(66);
    server.always(Deed::Spoil);
    let spoilt = run(&home, &server, &["models", "pull", "--json", "org/repo"]).failed(65);
    assert!(spoilt.contains("SHA-256"), "{spoilt}");
    server.always(Deed::Status(403, ""));
    let refused = run(&home, &server, &["models", "pull", "--json", "org/repo"]).failed(69);
    assert!(
        refused.contains("HF_TOKEN") && !refused.contains("hf_secret"),
        "{refused}"
    );
    assert!(!offered(&home, "m-Q4_K_M.gguf").exists());
}

/// A series of numbers that looks random and is always the same.
fn random(state: &mut u32) -> usize {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*state >> 8) as usize
}

#[test]
fn a_hundred_kills_leave_nothing_wrong_and_every_next_run_goes_on() {
    const NAME: &str = "m-Q4_K_M.gguf";
    let home = Home::new();
    let bytes = model(4_000_000, 1);
    let hash = sha256(&bytes);
    let server = Server::start(&[(NAME, bytes.clone())]);
    let partial = repo(&home).join("blobs").join(format!("{hash}.incomplete"));
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |facts| facts.len());
    let mut state = 7;
    let mut sent = 0;
    let (mut resumed, mut finished) = (0, 0);
    for kill in 0..100 {
        // Three of four die while bytes come, the fourth when all were sent: while they are
        // written, checked, named or linked.
        if kill % 4 != 3 {
            server.will([Deed::Stall(random(&mut state) % 200_000)]);
        }
        let here = size(&partial);
        let asked = server.ranges().len();
        let mut child = command(&home, &server, &["models", "pull", "--json", "org/repo"])
            .spawn()
            .unwrap();
        loop {
            let now = server.sent(sent);
            if now > sent || child.try_wait().unwrap().is_some() {
                sent = now;
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(range) = server.ranges().get(asked).filter(|_| here > 0) {
            assert_eq!(
                *range,
                format!("bytes={here}-"),
                "kill {kill} goes on where the last one died"
            );
            resumed += 1;
        }
        // Whatever is offered is whole.
        let shown = offered(&home, NAME);
        if shown.exists() {
            assert!(std::fs::read(&shown).unwrap() == bytes, "kill {kill}");
            finished += 1;
        }
        if shown.exists() || repo(&home).join("blobs").join(&hash).exists() {
            assert_eq!(
                sha256(&std::fs::read(repo(&home).join("blobs").join(&hash)).unwrap()),
                hash
            );
            // The next ones begin anew.
            std::fs::remove_dir_all(repo(&home)).unwrap();
        }
    }
    assert!(
        resumed > 50,
        "{resumed} went on, {finished} ended before they were killed"
    );
    // A stall that nobody came for is left to the last run, which must not wait for it.
    let server = Server::start(&[(NAME, bytes.clone())]);
    let done = run(&home, &server, &["models", "pull", "--json", "org/repo"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(std::fs::read(offered(&home, NAME)).unwrap() == bytes);
}
