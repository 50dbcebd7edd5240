//! Split between this process and another: llama.cpp's RPC backend on the loopback interface is an
//! offload device that every machine has. It stays registered, so all of it happens in a process
//! of its own.

use std::net::{TcpListener, TcpStream};
use std::process::Command;

use llmdeck::engine::llama;
use llmdeck::params::{FlashAttention, GpuLayers};

use crate::compare::{off, params, planned, reported, written};
use crate::harness::Engine;
use crate::shapes;

const CHILD: &str = "LLMDECK_TEST_FIT_OFFLOAD";

#[test]
fn a_split_model_takes_on_each_side_what_was_planned() {
    if std::env::var_os(CHILD).is_some() {
        return split();
    }
    let test = "offload::a_split_model_takes_on_each_side_what_was_planned";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
    if std::env::var_os("LLMDECK_SHOW_FIT").is_some() {
        println!("{text}");
    }
}

fn split() {
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
    let mut wrong = Vec::new();
    let mut engine = Engine::start();
    for (name, shape) in shapes::all() {
        let folder = tempfile::tempdir().unwrap();
        let (path, facts) = written(&shape, folder.path());
        let all = facts.n_layer + 1;
        for (layers, flash_attn, offload_kqv) in [
            (all, FlashAttention::On, true),
            (all, FlashAttention::Off, true),
            (all / 2, FlashAttention::On, true),
            (all / 2, FlashAttention::Off, true),
            (all, FlashAttention::Off, false),
        ] {
            // Which operations on a state follow it to the host is not modelled.
            if !offload_kqv && facts.has_states() {
                continue;
            }
            let mut params = params(4096);
            params.model.n_gpu_layers = GpuLayers::Count(layers);
            params.context.flash_attn = flash_attn;
            params.context.offload_kqv = offload_kqv;
            let (_, context) = engine.load(&path, params.clone()).unwrap();
            assert_eq!(context.n_gpu_layers, layers);
            let plan = planned(&facts, &params, layers, &[1]);
            for (side, plan) in [("CPU", plan.host), (&*remote.name, plan.gpus[0])] {
                let what = format!("{name}, {layers}/{all} {flash_attn:?} {offload_kqv} on {side}");
                wrong.extend(off(&what, reported(&context, side), plan));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
