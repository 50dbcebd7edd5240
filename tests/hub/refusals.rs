//! Downloads that cannot end well: each has its own outcome, and nothing wrong is offered.

use std::time::Duration;

use llmdeck::hub::{ErrorKind, Network};

use crate::server::{Deed, model, sha256};
use crate::{BYTES, Place};

/// Pulls from a server that always does this.
fn refused(deed: Deed) -> (Place, llmdeck::hub::HubError) {
    let place = match deed {
        Deed::Stall(_) => Place::new().stalling_after(Duration::from_millis(250)),
        _ => Place::new(),
    };
    place.server.always(deed);
    let error = place.pull("org/repo").unwrap_err();
    assert!(place.offered().is_empty());
    assert!(place.record().files().is_empty());
    assert!(!format!("{error} {error:?}").contains("hf_secret"));
    (place, error)
}

#[test]
fn statuses_say_what_to_do() {
    for (status, headers, kind, words) in [
        (401, "", ErrorKind::Refused, "401"),
        (
            403,
            "X-Error-Code: GatedRepo\r\nX-Error-Message: accept first\r\n",
            ErrorKind::Refused,
            "accept first",
        ),
        (
            404,
            "X-Error-Code: EntryNotFound\r\n",
            ErrorKind::NotFound,
            "no such file",
        ),
        (418, "", ErrorKind::Server, "418"),
        (
            429,
            "Retry-After: 100000\r\n",
            ErrorKind::Server,
            "100000 s of patience",
        ),
        (500, "", ErrorKind::Server, "500"),
        (
            503,
            "Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n",
            ErrorKind::Server,
            "503",
        ),
    ] {
        let (_, error) = refused(Deed::Status(status, headers));
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.why.contains(words), "{error}");
        assert!(!error.hint.is_empty() || status == 418, "{error}");
    }
}

#[test]
fn wrong_bytes_are_thrown_away() {
    let (place, error) = refused(Deed::Spoil);
    assert_eq!(error.kind, ErrorKind::Data);
    assert!(error.why.contains(&sha256(&model(BYTES, 1))), "{error}");
    assert!(!place.partial(&model(BYTES, 1)).exists());
    let (_, error) = refused(Deed::Page);
    assert_eq!(error.kind, ErrorKind::Data);
}

#[test]
fn a_page_from_an_address_is_no_model() {
    let place = Place::with(&[("m.gguf", model(10_000, 1))]);
    place.server.always(Deed::Page);
    let error = place
        .pull(&format!("{}/m.gguf", place.server.address))
        .unwrap_err();
    assert_eq!(
        (error.kind, error.why.as_str()),
        (ErrorKind::Data, "what came is no GGUF file")
    );
    assert!(!place.models().join("m.gguf").exists());
}

#[test]
fn lies_about_the_size_are_noticed() {
    for deed in [
        Deed::Size(BYTES / 2),
        Deed::Size(BYTES * 2),
        Deed::TooMuch,
        Deed::OtherTag,
    ] {
        let (_, error) = refused(deed.clone());
        assert_eq!(error.kind, ErrorKind::Data, "{deed:?}: {error}");
    }
}

#[test]
fn redirects_end() {
    for (deed, words) in [
        (Deed::Loop, "one address to the next"),
        (
            Deed::Redirect("file:///etc/passwd".into()),
            "no http address",
        ),
        (
            Deed::Redirect("ftp://example.org/m.gguf".into()),
            "no http address",
        ),
    ] {
        let (_, error) = refused(deed);
        assert_eq!(error.kind, ErrorKind::Server);
        assert!(error.why.contains(words), "{error}");
    }
}

#[test]
fn a_server_that_never_gets_it_right_is_given_up() {
    for deed in [
        Deed::Cut(0),
        Deed::Stall(0),
        Deed::Nonsense,
        Deed::OtherRange,
        Deed::GarbledRange,
    ] {
        let (place, error) = refused(deed.clone());
        assert!(
            matches!(error.kind, ErrorKind::Network | ErrorKind::Server),
            "{deed:?}: {error}"
        );
        assert_eq!(place.server.ranges().len(), 4, "{deed:?}");
    }
}

#[test]
fn names_that_lead_elsewhere_are_never_files() {
    let place = Place::with(&[]);
    let hash = sha256(b"x");
    let entries = ["../../../evil-Q4_K_M.gguf", "/tmp/evil-Q4_K_M.gguf", "a/../../evil-Q4_K_M.gguf", "evil\\u0007-Q4_K_M.gguf", "a\\\\evil-Q4_K_M.gguf"]
        .map(|path| format!(r#"{{"type":"file","oid":"","size":1,"path":"{path}","lfs":{{"oid":"{hash}","size":1}}}}"#));
    place.server.list(&entries.join(","));
    let error = place.pull("org/repo").unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(
        error
            .why
            .contains("left out for a name that is not safe: 5 files"),
        "{error}"
    );
    assert!(place.server.ranges().is_empty());
}

#[test]
fn sizes_that_no_disk_has_are_refused_before_anything_comes() {
    let place = Place::with(&[]);
    let hash = sha256(b"x");
    let size = u64::MAX;
    place.server.list(&format!(r#"{{"type":"file","oid":"","size":1,"path":"m-Q4_K_M.gguf","lfs":{{"oid":"{hash}","size":{size}}}}}"#));
    assert_eq!(place.pull("org/repo").unwrap_err().kind, ErrorKind::NoSpace);
    assert!(place.server.ranges().is_empty());
}

#[test]
fn what_is_not_there_names_what_is() {
    let place = Place::new();
    let error = place.pull("org/repo:Q4_K_S").unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(
        error.hint.contains("did you mean Q4_K_M?"),
        "{}",
        error.hint
    );
    let error = place.pull("org/other").unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.why.contains("private"), "{error}");
}

#[test]
fn offline_means_offline() {
    let mut place = Place::new();
    place.access.network = Network::Offline;
    assert_eq!(place.pull("org/repo").unwrap_err().kind, ErrorKind::Offline);
    assert!(place.server.requests().is_empty());
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let mut place = Place::new();
    // A port nobody listens on: it was ours a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    place.access.endpoint = format!("http://{free}");
    let error = place.pull("org/repo").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Network, "{error}");
}
