//! The generated pages of docs/ say what the program's tables say.

use llmdeck::keymap::Keymap;

const AGAIN: &str = "is out of date: run `cargo run -p xtask --release -- docs`";

#[test]
fn parameters_page_is_up_to_date() {
    let page = include_str!("../docs/parameters.md");
    assert!(
        page == llmdeck::params::markdown(),
        "docs/parameters.md {AGAIN}"
    );
}

#[test]
fn keymap_page_is_up_to_date() {
    let page = include_str!("../docs/keymap.md");
    assert!(
        page == Keymap::default().markdown(),
        "docs/keymap.md {AGAIN}"
    );
}
