//! A model from the Hub, from the first key to its file.

use crate::harness::Program;
use crate::hub_server::{COMMIT, Deed, Server, model};

#[test]
fn a_model_is_found_paused_and_brought_here() {
    let server = Server::start(&[("m-Q4_K_M.gguf", model(3_000_000, 1))]);
    server.will([Deed::Stall(1_000_000)]);
    let mut session = Program::new(env!("CARGO_BIN_EXE_llmdeck"))
        .size(100, 30)
        .variable("HF_ENDPOINT", &server.address)
        .start_in_shell();
    session.wait_for("Write a message");
    // Alt+G
    session.send("\x1bg");
    session.wait_for("words to look for");
    session.send("org/repo\r");
    session.wait_for("m-Q4_K_M.gguf");
    session.send("\r\t");
    session.wait_for("/ 2.9 MiB");
    session.send(" ");
    session.wait_for("paused");
    session.send(" ");
    session.wait_for("2.9 MiB here");
    assert_eq!(server.ranges(), ["", "bytes=1000000-"]);
    let file = ".cache/huggingface/hub/models--org--repo/snapshots";
    let file = session.home().join(file).join(COMMIT).join("m-Q4_K_M.gguf");
    assert!(std::fs::read(file).is_ok_and(|bytes| bytes == model(3_000_000, 1)));
    session.send("\x11");
    session.wait_for_end(0);
}
