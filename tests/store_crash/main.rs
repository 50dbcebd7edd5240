//! The store and the death of programs: this binary starts itself and is killed while it writes.
//!
//! Without the argument `--write` it runs the cases; with it, it is the program that is killed. It
//! prints a line after each call of the store that returned: what was printed must be there
//! afterwards, whenever the kill came.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use llmdeck::chat::Role;
use llmdeck::store::{
    ConversationId, DATABASE, Ending, MessageId, MessageState, Said, Settings, Store, Which,
};

/// Kills of the first case.
const KILLS: usize = 200;
/// Turns that each program of the second case writes.
const TURNS: usize = 40;
/// Pieces of each reply.
const PIECES: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [play, folder, turns] = arguments.as_slice()
        && play == "--write"
    {
        write(folder.as_ref(), turns.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let cases: [(&str, fn()); 2] = [
        (
            "nothing_acknowledged_is_lost_in_200_kills",
            nothing_acknowledged_is_lost,
        ),
        (
            "two_programs_write_without_harm",
            two_programs_write_without_harm,
        ),
    ];
    let names: Vec<&String> = arguments
        .iter()
        .filter(|name| !name.starts_with('-'))
        .collect();
    let chosen: Vec<_> = cases
        .iter()
        .filter(|(name, _)| {
            names.is_empty() || names.iter().any(|part| name.contains(part.as_str()))
        })
        .collect();
    println!("\nrunning {} tests", chosen.len());
    let mut failed = 0;
    for (name, case) in &chosen {
        let passed = std::panic::catch_unwind(case).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out\n",
        chosen.len() - failed,
        cases.len() - chosen.len()
    );
    ExitCode::from(u8::from(failed > 0))
}

/// The program that is killed: questions, and replies in pieces.
fn write(folder: &Path, turns: usize) {
    let mut store = Store::open(folder).expect("a store").store;
    let id = store.create(&Settings::default()).expect("a conversation");
    store.enter(id).expect("written");
    acknowledge(&format!("chat {}", id.0));
    let mut parent = None;
    for turn in 0..turns {
        let question = Said::new(Role::User, text(id, turn, "question"));
        let asked = store.append(id, parent, &question).expect("written");
        acknowledge(&format!("said {} {turn}", asked.0));
        let reply = store
            .begin_reply(id, Some(asked), &Said::new(Role::Assistant, ""))
            .expect("written");
        acknowledge(&format!("reply {} {turn}", reply.0));
        for piece in 0..PIECES {
            store
                .add_piece(reply, &text(id, turn, &format!("piece {piece}")), "")
                .expect("written");
            acknowledge(&format!("piece {} {piece}", reply.0));
        }
        store.finish(reply, &Ending::default()).expect("written");
        acknowledge(&format!("done {} {turn}", reply.0));
        parent = Some(reply);
    }
}

fn text(id: ConversationId, turn: usize, what: &str) -> String {
    format!("{what} of turn {turn} in chat {}; ", id.0)
}

/// One line in one write, so that it comes whole or not at all.
fn acknowledge(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())
        .expect("somebody reads");
    out.flush().expect("somebody reads");
}

fn start(folder: &Path, turns: usize) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .arg("--write")
        .arg(folder)
        .arg(turns.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// What was acknowledged for a message.
#[derive(Debug, Default)]
struct Acknowledged {
    chat: i64,
    turn: usize,
    is_question: bool,
    pieces: usize,
    done: bool,
}

/// Takes the lines of one program in.
fn take(
    lines: impl Iterator<Item = String>,
    all: &mut BTreeMap<i64, Acknowledged>,
    chats: &mut Vec<i64>,
) {
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<i64>().expect("a number");
        match words[0] {
            "chat" => chats.push(number(1)),
            "said" | "reply" => {
                let chat = *chats.last().expect("a chat comes first");
                let (turn, is_question) = (number(2) as usize, words[0] == "said");
                all.insert(
                    number(1),
                    Acknowledged {
                        chat,
                        turn,
                        is_question,
                        ..Default::default()
                    },
                );
            }
            "piece" => all.get_mut(&number(1)).expect("a reply").pieces += 1,
            "done" => all.get_mut(&number(1)).expect("a reply").done = true,
            other => panic!("{other}"),
        }
    }
}

/// Everything acknowledged is in the store, and nothing of the dead is still streaming.
fn check(store: &Store, all: &BTreeMap<i64, Acknowledged>, chats: &[i64]) {
    for chat in chats {
        let id = ConversationId(*chat);
        let tree = store.tree(id).expect("the chat is there");
        for (message, acknowledged) in all.iter().filter(|(_, one)| one.chat == *chat) {
            let found = tree.get(MessageId(*message)).expect("the message is there");
            let said = &found.said;
            let turn = acknowledged.turn;
            if acknowledged.is_question {
                assert_eq!(said.content, text(id, turn, "question"));
                continue;
            }
            let pieces: String = (0..acknowledged.pieces)
                .map(|piece| text(id, turn, &format!("piece {piece}")))
                .collect();
            assert!(
                said.content.starts_with(&pieces),
                "{acknowledged:?}: {}",
                said.content
            );
            assert_ne!(said.state, MessageState::Streaming);
            if acknowledged.done {
                assert_eq!(
                    (said.state, said.content.as_str()),
                    (MessageState::Complete, pieces.as_str())
                );
            }
        }
    }
}

fn check_file(folder: &Path) {
    let db = rusqlite::Connection::open(folder.join(DATABASE)).expect("a database");
    let said: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("an answer");
    assert_eq!(said, "ok");
}

fn nothing_acknowledged_is_lost() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("sessions");
    let (mut all, mut chats) = (BTreeMap::new(), Vec::new());
    // A fixed series that looks random, so that a failure comes again.
    let mut series: u32 = 12_345;
    for _ in 0..KILLS {
        series = series.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let lines = 1 + (series >> 16) as usize % 14;
        let mut child = start(&folder, usize::MAX);
        let mut reader = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut read: Vec<String> = Vec::new();
        read.extend(
            reader
                .by_ref()
                .take(lines)
                .map(|line| line.expect("a line")),
        );
        child.kill().expect("SIGKILL");
        // What it had printed before the kill counts, too.
        read.extend(reader.map(|line| line.expect("a line")));
        let ended = child.wait().expect("it ends");
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&ended),
            Some(9)
        );
        take(read.into_iter(), &mut all, &mut chats);
    }
    assert!(
        chats.len() >= KILLS - 1,
        "{} programs came as far as a chat",
        chats.len()
    );
    let opened = Store::open(&folder).expect("a store");
    assert_eq!(opened.salvaged, None);
    check(&opened.store, &all, &chats);
    // The next start offers to go on with every one of them.
    let left = opened.store.left_open().expect("readable");
    assert!(
        left.len() >= chats.len(),
        "{} of {}",
        left.len(),
        chats.len()
    );
    drop(opened);
    check_file(&folder);
}

fn two_programs_write_without_harm() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("sessions");
    let mut children = [start(&folder, TURNS), start(&folder, TURNS)];
    let (mut all, mut chats) = (BTreeMap::new(), Vec::new());
    let outputs: Vec<Vec<String>> = children
        .iter_mut()
        .map(|child| child.stdout.take().expect("a pipe"))
        .map(|pipe| {
            std::thread::spawn(move || BufReader::new(pipe).lines().map_while(Result::ok).collect())
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|reader| reader.join().expect("read"))
        .collect();
    for child in &mut children {
        assert!(child.wait().expect("it ends").success());
    }
    for lines in outputs {
        take(lines.into_iter(), &mut all, &mut chats);
    }
    let store = Store::open(&folder).expect("a store").store;
    check(&store, &all, &chats);
    let list = store.list(&Which::Kept, 9).expect("readable");
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|one| one.messages as usize == 2 * TURNS));
    assert!(
        all.values()
            .filter(|one| !one.is_question)
            .all(|one| one.done && one.pieces == PIECES)
    );
    drop(store);
    check_file(&folder);
}
