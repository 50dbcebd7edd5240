//! `scripts/ensure-tools.sh` on systems of every kind, played by a PATH of stand-ins.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a system has of its own, taken from the one the tests run on.
const SYSTEM: [&str; 7] = ["bash", "sh", "env", "head", "tr", "cat", "chmod"];

/// A system made of stand-ins: a folder that is the whole PATH, and a log of what was run as installer.
struct System {
    folder: tempfile::TempDir,
}

/// What happened: whether the script went through, what it said, and the installer's command lines.
struct Outcome {
    passed: bool,
    said: String,
    installed: String,
}

impl System {
    /// Has a compiler, make, libclang and Rust 1.95; no CMake and no package manager; root uses it.
    fn new() -> Self {
        let system = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(system.bin()).unwrap();
        for name in SYSTEM {
            symlink(find(name), system.bin().join(name)).unwrap();
        }
        fs::write(system.folder.path().join("libclang.so"), "").unwrap();
        system
            .with("cc", "")
            .with("c++", "")
            .with("make", "")
            .with("id", "echo 0")
            .with("cargo", "echo 'cargo 1.95.0 (f2d3ce0bd 2026-03-21)'")
    }

    fn with(self, name: &str, script: &str) -> Self {
        let path = self.bin().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn without(self, name: &str) -> Self {
        fs::remove_file(self.bin().join(name)).unwrap();
        self
    }

    /// An installer that notes its arguments and brings CMake and whatever `brings` makes.
    fn with_manager(self, name: &str, brings: &str) -> Self {
        let script = format!(
            r#"echo "{name} $*" >>"$LOG"
case " $* " in *" cmake"*) printf '#!/bin/sh\n' >"$BIN/cmake" && chmod +x "$BIN/cmake" ;; esac
{brings}"#
        );
        self.with(name, &script)
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    fn run(&self) -> Outcome {
        let log = self.folder.path().join("log");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ensure-tools.sh");
        let ended = Command::new(self.bin().join("bash"))
            .args(["-c", "set -euo pipefail; source \"$0\""])
            .arg(script)
            .env_clear()
            .env("PATH", self.bin())
            .env("HOME", self.folder.path())
            .env("LIBCLANG_PATH", self.folder.path())
            .env("BIN", self.bin())
            .env("LOG", &log)
            .output()
            .unwrap();
        Outcome {
            passed: ended.status.success(),
            said: String::from_utf8(ended.stderr).unwrap(),
            installed: fs::read_to_string(log).unwrap_or_default(),
        }
    }
}

/// Where the program of that name lies on this system.
fn find(name: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap()
}

#[test]
fn nothing_is_said_or_installed_where_everything_is_there() {
    let outcome = System::new()
        .with("cmake", "")
        .with_manager("apt-get", "")
        .run();
    assert!(outcome.passed, "{}", outcome.said);
    assert_eq!(
        (outcome.said.as_str(), outcome.installed.as_str()),
        ("", "")
    );
}

#[test]
fn every_manager_installs_what_is_missing() {
    for (manager, expected) in [
        (
            "apt-get",
            "apt-get update\napt-get install -y --no-install-recommends --no-remove cmake\n",
        ),
        ("dnf", "dnf install -y cmake\n"),
        ("pacman", "pacman -Sy --needed --noconfirm cmake\n"),
        ("zypper", "zypper --non-interactive install cmake\n"),
        ("brew", "brew install cmake\n"),
    ] {
        let outcome = System::new().with_manager(manager, "").run();
        assert!(outcome.passed, "{manager}: {}", outcome.said);
        assert_eq!(outcome.installed, expected);
        assert!(
            outcome
                .said
                .contains(&format!("installing with {manager}: cmake")),
            "{}",
            outcome.said
        );
    }
}

#[test]
fn tools_have_the_names_of_their_packages() {
    let brings = r#"for name in cc c++; do printf '#!/bin/sh\n' >"$BIN/$name" && chmod +x "$BIN/$name"; done"#;
    for (manager, expected) in [
        ("apt-get", "g++ cmake\n"),
        ("dnf", "gcc-c++ cmake\n"),
        ("pacman", "gcc cmake\n"),
    ] {
        let outcome = System::new()
            .without("cc")
            .without("c++")
            .with_manager(manager, brings)
            .run();
        assert!(outcome.passed, "{manager}: {}", outcome.said);
        assert!(
            outcome.installed.ends_with(expected),
            "{}",
            outcome.installed
        );
    }
}

#[test]
fn sudo_is_used_where_the_user_is_not_root() {
    let sudo = r#"echo "sudo $*" >>"$LOG"; while [ "${1#-}" != "$1" ]; do shift; done; "$@""#;
    let outcome = System::new()
        .with("id", "echo 1000")
        .with("sudo", sudo)
        .with_manager("dnf", "")
        .run();
    assert!(outcome.passed, "{}", outcome.said);
    assert_eq!(
        outcome.installed,
        "sudo -n dnf install -y cmake\ndnf install -y cmake\n"
    );
}

#[test]
fn without_root_and_sudo_it_says_what_to_run() {
    let outcome = System::new()
        .with("id", "echo 1000")
        .with_manager("dnf", "")
        .run();
    assert!(!outcome.passed);
    assert_eq!(outcome.installed, "");
    assert!(
        outcome.said.contains("installing needs root"),
        "{}",
        outcome.said
    );
    assert!(
        outcome.said.contains("dnf install -y cmake"),
        "{}",
        outcome.said
    );
}

#[test]
fn without_a_known_manager_it_names_the_tools() {
    let outcome = System::new().run();
    assert!(!outcome.passed);
    assert!(
        outcome.said.contains("missing for the build: cmake"),
        "{}",
        outcome.said
    );
    assert!(
        outcome.said.contains("no package manager known here"),
        "{}",
        outcome.said
    );
}

#[test]
fn an_installation_that_fails_or_brings_nothing_is_reported() {
    let failed = System::new().with("dnf", "exit 1").run();
    assert!(!failed.passed);
    assert!(
        failed.said.contains("dnf could not install: cmake"),
        "{}",
        failed.said
    );
    let nothing = System::new().with("dnf", "exit 0").run();
    assert!(!nothing.passed);
    assert!(
        nothing
            .said
            .contains("still missing after the installation: cmake"),
        "{}",
        nothing.said
    );
}

#[test]
fn an_old_or_missing_rust_without_rustup_gets_the_command() {
    let system = || System::new().with("cmake", "");
    let old = system()
        .with("cargo", "echo 'cargo 1.85.0 (d73d2caf9 2024-12-31)'")
        .run();
    assert!(!old.passed);
    assert!(old.said.contains("found: cargo 1.85.0"), "{}", old.said);
    assert!(old.said.contains("https://sh.rustup.rs"), "{}", old.said);
    let missing = system().without("cargo").run();
    assert!(!missing.passed);
    assert!(
        missing.said.contains("cargo was not found"),
        "{}",
        missing.said
    );
}

#[test]
fn rustup_comes_from_the_package_manager_and_brings_the_toolchain() {
    let cargo = r#"printf '#!/bin/sh\necho cargo 1.96.0\n' >"$BIN/cargo"; chmod +x "$BIN/cargo""#;
    let rustup = format!("echo \"rustup $*\" >>\"$LOG\"\n{cargo}");
    let brings =
        format!("cat >\"$BIN/rustup\" <<'END'\n#!/bin/sh\n{rustup}\nEND\nchmod +x \"$BIN/rustup\"");
    let outcome = System::new()
        .with("cmake", "")
        .without("cargo")
        .with_manager("pacman", &brings)
        .run();
    assert!(outcome.passed, "{}", outcome.said);
    assert_eq!(
        outcome.installed,
        "pacman -Sy --needed --noconfirm rustup\n\
         rustup toolchain install stable --profile minimal --component clippy --component rustfmt\n"
    );
}

#[test]
fn brews_rustup_is_found_where_brew_keeps_it() {
    let cargo = r#"printf '#!/bin/sh\necho cargo 1.96.0\n' >"$BIN/keg/bin/cargo"; chmod +x "$BIN/keg/bin/cargo""#;
    let brings = format!(
        r#"if [ "$1" = --prefix ]; then echo "$BIN/keg"; exit; fi
cat >"$BIN/keg/bin/rustup" <<'END'
#!/bin/sh
{cargo}
END
chmod +x "$BIN/keg/bin/rustup""#
    );
    let system = System::new()
        .with("cmake", "")
        .with("cargo", "echo 'cargo 1.85.0 (d73d2caf9 2024-12-31)'")
        .with_manager("brew", &brings);
    fs::create_dir_all(system.bin().join("keg/bin")).unwrap();
    let outcome = system.run();
    assert!(outcome.passed, "{}", outcome.said);
    assert_eq!(
        outcome.installed,
        "brew install rustup\nbrew --prefix rustup\n"
    );
}

#[test]
fn newer_versions_of_rust_pass() {
    for version in [
        "1.95.0",
        "1.100.1",
        "1.97.0-nightly (abc 2026-05-01)",
        "2.0.0",
    ] {
        let outcome = System::new()
            .with("cmake", "")
            .with("cargo", &format!("echo 'cargo {version}'"))
            .run();
        assert!(outcome.passed, "{version}: {}", outcome.said);
    }
}
