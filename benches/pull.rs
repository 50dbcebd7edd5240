//! A download of the real program beside curl's, from a server on loopback that sends at the rate of
//! gigabit Ethernet, in turns: the program should reach at least 0.9 of curl's rate. Its peak of
//! memory is read from /proc, for a small and a large file.
//!
//! `cargo bench --bench pull`; the large file takes 512 MiB of the temporary folder twice.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes per second of gigabit Ethernet after its headers.
const GIGABIT: f64 = 118e6;
const SMALL: usize = 32 << 20;
const LARGE: usize = 512 << 20;
const ROUNDS: usize = 3;

fn main() {
    if Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("curl is not there to compare with");
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let small = serve(SMALL);
    let (_, memory) = ours(place.path(), &small, SMALL);
    println!(
        "peak memory, {} MiB file: {} KiB",
        SMALL >> 20,
        memory.unwrap_or(0)
    );
    let large = serve(LARGE);
    let mut rates = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let curl = curl(place.path(), &large, LARGE);
        let (ours, memory) = ours(place.path(), &large, LARGE);
        println!(
            "round {round}: curl {:.1} MB/s, llmdeck {:.1} MB/s, ratio {:.3}; peak memory {} KiB",
            curl / 1e6,
            ours / 1e6,
            ours / curl,
            memory.unwrap_or(0)
        );
        rates.0.push(curl);
        rates.1.push(ours);
    }
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    println!("mean ratio {:.3}", mean(&rates.1) / mean(&rates.0));
}

/// Bytes per second of `llmdeck models pull`, the check of its GGUF magic and hash included, and
/// its peak of memory in KiB.
fn ours(place: &Path, address: &str, bytes: usize) -> (f64, Option<u64>) {
    let data = place.join("data");
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_llmdeck"))
        .args([
            "models",
            "pull",
            "--json",
            &format!("{address}/m.gguf"),
            "--data-dir",
        ])
        .arg(&data)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program");
    let memory = peak(&mut child);
    let seconds = began.elapsed().as_secs_f64();
    assert!(child.wait().expect("ended").success());
    std::fs::remove_dir_all(&data).expect("removed");
    (bytes as f64 / seconds, memory)
}

fn curl(place: &Path, address: &str, bytes: usize) -> f64 {
    let file = place.join("curl.gguf");
    let began = Instant::now();
    let status = Command::new("curl")
        .args(["-sS", "-o"])
        .arg(&file)
        .arg(format!("{address}/m.gguf"))
        .status();
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.expect("curl").success());
    std::fs::remove_file(file).expect("removed");
    bytes as f64 / seconds
}

/// The most memory that a process had, read until it ends.
fn peak(child: &mut Child) -> Option<u64> {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait().expect("a child").is_none() {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(now);
        thread::sleep(Duration::from_millis(10));
    }
    peak
}

/// A server of one file; the address.
fn serve(bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let piece: Arc<Vec<u8>> = Arc::new(
        (0..1 << 20)
            .map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect(),
    );
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let piece = Arc::clone(&piece);
            thread::spawn(move || send(stream, bytes, &piece));
        }
    });
    address
}

/// Sends the file at the rate of gigabit Ethernet.
fn send(mut stream: TcpStream, bytes: usize, piece: &[u8]) -> std::io::Result<()> {
    for line in BufReader::new(stream.try_clone()?).lines() {
        if line?.is_empty() {
            break;
        }
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\nGGUF"
    )?;
    let began = Instant::now();
    let mut sent = 4;
    while sent < bytes {
        let next = piece.len().min(bytes - sent);
        stream.write_all(&piece[..next])?;
        sent += next;
        let due = Duration::from_secs_f64(sent as f64 / GIGABIT);
        thread::sleep(due.saturating_sub(began.elapsed()));
    }
    Ok(())
}
