//! Layers on another device: llama.cpp's RPC backend on the loopback interface is one that every
//! machine has. It stays registered, so all of it happens in a process of its own.

use std::net::{TcpListener, TcpStream};
use std::process::Command;

use llmdeck::engine::{DeviceKind, EngineEvent, KvOutcome, llama};
use llmdeck::params::GpuLayers;
use llmdeck::plan::HOST;

use crate::harness::{Engine, at_most, endless, guide, small, user};

const CHILD: &str = "LLMDECK_TEST_OFFLOAD";

#[test]
fn layers_move_between_devices_under_a_reply() {
    if std::env::var_os(CHILD).is_some() {
        return offload();
    }
    let test = "offload::layers_move_between_devices_under_a_reply";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
}

fn offload() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = free.local_addr().unwrap().to_string();
    drop(free);
    let server = endpoint.clone();
    std::thread::spawn(move || llama::rpc::serve(&server, 1));
    while TcpStream::connect(&endpoint).is_err() {
        std::thread::yield_now();
    }
    llama::rpc::connect(&endpoint).unwrap();
    let devices = llama::devices();
    let remote = devices
        .iter()
        .find(|device| device.backend == "RPC")
        .unwrap();
    assert_eq!(remote.kind, DeviceKind::Gpu);
    let peak = llama::measure_device(&remote.name).expect("a device that computes");
    assert!(peak.bytes_per_second > 10_000_000, "{peak:?}");
    assert!(peak.operations_per_second > Some(1e7), "{peak:?}");

    let mut params = small();
    params.model.n_gpu_layers = GpuLayers::Count(0);
    let mut engine = Engine::start();
    let (model, context) = engine.load(&guide(), params.clone()).unwrap();
    assert_eq!(context.n_gpu_layers, 0);
    let question = [user("What does temperature do?")];
    let expected = engine.answer(1, &question, endless(), at_most(40)).text;

    for (asked, layers) in [
        (GpuLayers::Count(2), 2),
        (GpuLayers::Auto, model.n_layer + 1),
    ] {
        params.model.n_gpu_layers = asked;
        let id = engine.ask(1, &question, endless(), at_most(40));
        let (mut tokens, mut retuned) = (0, None);
        let reply = engine
            .reply_and(id, |engine, event| match event {
                EngineEvent::Tokens { .. } => {
                    tokens += 1;
                    if tokens == 5 {
                        engine.retune(params.clone());
                    }
                }
                EngineEvent::Retuned { context, kv, .. } => {
                    retuned = Some((context.clone(), kv.clone()));
                }
                EngineEvent::RetuneFailed { error, .. } => panic!("{error}"),
                _ => {}
            })
            .unwrap();
        let (context, kv) = retuned.expect("the retune came before the end");
        assert_eq!(context.n_gpu_layers, layers);
        assert!(
            matches!(kv, KvOutcome::Kept { tokens } if tokens > 0),
            "{kv:?}"
        );
        let reads = |device: &str| context.reads.iter().any(|reads| reads.device == device);
        assert!(reads(&remote.name), "{:?}", context.reads);
        assert_eq!(reads(HOST), layers <= model.n_layer, "{:?}", context.reads);
        let there = context
            .devices
            .iter()
            .find(|device| device.name == remote.name)
            .unwrap();
        assert!(there.weights > 0 && there.kv > 0, "{there:?}");
        assert_eq!(reply.text, expected);
    }

    // With all of the device to be left free, nothing is placed there, and that is told.
    params.model.fit = true;
    params.model.fit_target = remote.memory_total;
    let (_, context) = engine.load(&guide(), params).unwrap();
    assert_eq!(context.n_gpu_layers, 0);
    assert!(
        context
            .notes
            .iter()
            .any(|note| note.starts_with("n-gpu-layers: 0 of")),
        "{:?}",
        context.notes
    );
}
