//! What reading a header takes in memory, whatever the file claims: every allocation is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{BufReader, Read, repeat};
use std::sync::atomic::{AtomicUsize, Ordering};

use llmdeck::gguf::write::HeaderWriter;
use llmdeck::gguf::{Header, TensorType};

/// Bytes that reading a header may take.
const MOST: usize = 64 << 20;
/// What a claim may be changed to: lengths and counts that are large, larger, and absurd.
const CLAIMS: [u64; 5] = [1 << 20, 1 << 26, 1 << 31, 1 << 40, u64::MAX];

/// The system's allocator, counted.
struct Counted;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: every call goes to the system's allocator as it came; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promises about the layout are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the pointer came from `alloc` above, with the same layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The most bytes that were allocated at once while this ran, beside those before.
fn peak(run: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    run();
    PEAK.load(Ordering::Relaxed) - before
}

fn header() -> Vec<u8> {
    let mut header = HeaderWriter::default();
    header
        .text("general.architecture", "llama")
        .u32("llama.block_count", 1)
        .u32("llama.context_length", 64)
        .u32("llama.embedding_length", 32)
        .u32("llama.attention.head_count", 4)
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .i32s("llama.feed_forward_length", [1, 2])
        .text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", ["a", "b"])
        .tensor("token_embd.weight", &[32, 2], TensorType::Q8_0);
    header.header()
}

/// The allocations of one test would be counted to another: there is one.
#[test]
fn no_claim_makes_a_header_take_more_than_it_may() {
    assert!(peak(|| drop(vec![0_u8; MOST])) >= MOST, "it is counted");
    let original = header();
    let mut refused = 0;
    for at in 0..original.len().saturating_sub(8) {
        for claim in CLAIMS {
            let mut bytes = original.clone();
            bytes[at..at + 8].copy_from_slice(&claim.to_le_bytes());
            // A file that has as much as anybody may claim: of texts of one byte, of zeros.
            for filler in [0, 1] {
                let endless = bytes.as_slice().chain(repeat(filler));
                let endless = BufReader::with_capacity(1 << 20, endless);
                let taken = peak(|| {
                    if let Err(error) = Header::parse(endless, u64::MAX) {
                        assert!(!error.reason.is_empty());
                        refused += 1;
                    }
                });
                assert!(
                    taken <= MOST,
                    "{claim} at byte {at}, then {filler}s: {taken} bytes"
                );
            }
        }
    }
    assert!(refused > 1000, "{refused} were refused");
}
