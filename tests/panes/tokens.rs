//! States of the walk through tokens, and of the preview.

use llmdeck::app::{Pane, Recorded, Shade, State, View, Walk};
use llmdeck::engine::trace::{CandidateTrace, Ids, Stage, StageTrace, TokenTrace, Trace};
use llmdeck::engine::{Origin, RequestId};
use llmdeck::params::Param;
use llmdeck::store::{Kept, MessageId};

use crate::states;

const PIECES: [&str; 14] = [
    "A",
    " mutex",
    " is",
    " a",
    " lock",
    ":",
    " one",
    " thread",
    " at",
    " a",
    " time",
    " holds",
    " it",
    "<|im_end|>",
];
const OTHERS: [&str; 6] = [" in", " within", "\n", " 日本", "\u{1b}[2J", " holds"];

fn stage(stage: Stage, kept: u32, mass: f32) -> StageTrace {
    StageTrace { stage, kept, mass }
}

fn token(at: usize) -> TokenTrace {
    let sure = [0.93, 0.41, 0.98, 0.62, 0.05][at % 5];
    let rest = |place: usize| (1.0 - sure) * 0.5_f32.powi(place as i32 + 1);
    let chosen = CandidateTrace {
        token: at as i32,
        p: sure,
        after: vec![sure, sure * 1.02, sure * 1.03, sure * 1.01],
    };
    let others = (0..OTHERS.len()).map(|place| CandidateTrace {
        token: 100 + place as i32,
        p: rest(place),
        after: match place {
            0 => vec![rest(0); 4],
            1 | 2 => vec![rest(place); place],
            _ => Vec::new(),
        },
    });
    let mut candidates: Vec<_> = others.chain([chosen]).collect();
    candidates.sort_by(|a, b| b.p.total_cmp(&a.p));
    TokenTrace {
        at: at as u32,
        token: at as i32,
        rank: u32::from(sure < 0.4) * 3,
        entropy: 4.0 * (1.0 - sure),
        stages: vec![
            stage(Stage::TopK, 40, 0.987),
            stage(Stage::TopP, 12, 0.951),
            stage(Stage::MinP, 3, 0.9),
            stage(Stage::Temperature, 3, 0.9),
        ],
        candidates,
    }
}

fn trace() -> Trace {
    let pieces = PIECES.iter().enumerate();
    let others = OTHERS.iter().enumerate();
    let piece = |id: usize, text: &&str| (id as i32, text.as_bytes().into());
    Trace {
        tokens: (0..PIECES.len()).map(token).collect(),
        pieces: pieces
            .map(|(id, text)| piece(id, text))
            .chain(others.map(|(id, text)| piece(100 + id, text)))
            .collect(),
    }
}

/// In the middle of a reply.
pub fn walk(size: (u16, u16)) -> State {
    let mut state = states::finished(size);
    let mut recorded = Recorded::new(Kept {
        origin: Origin {
            fingerprint: "f00dbeef".repeat(8),
            program: "llmdeck 0.1.0".into(),
            devices: vec!["CPU".into()],
            seed: 42,
            ..Origin::default()
        },
        ids: Ids {
            prompt: vec![1],
            chosen: (0..14).collect(),
        },
        trace: trace(),
        ..Kept::default()
    });
    recorded.message = Some(MessageId(12));
    state.tokens.replies.insert(RequestId(1), recorded);
    state.tokens.walk = Some(Walk {
        reply: RequestId(1),
        token: 8,
        candidate: 2,
        shade: Shade::Off,
    });
    state.view = View::Tokens;
    state
}

/// The same, shaded.
pub fn shaded(size: (u16, u16)) -> State {
    let mut state = walk(size);
    if let Some(walk) = &mut state.tokens.walk {
        walk.shade = Shade::On;
    }
    state
}

/// Recorded after it was made: another token would have been drawn now.
pub fn computed(size: (u16, u16)) -> State {
    let mut state = walk(size);
    if let Some(recorded) = state.tokens.replies.get_mut(&RequestId(1)) {
        recorded.kept.marks.computed_later = 14;
        let drawn = &mut recorded.kept.trace.tokens[8];
        drawn.token = 101;
        drawn.rank = 2;
    }
    state
}

/// At a token that was taken by hand.
pub fn by_hand(size: (u16, u16)) -> State {
    let mut state = walk(size);
    if let Some(recorded) = state.tokens.replies.get_mut(&RequestId(1)) {
        recorded.kept.marks.by_hand = vec![8];
        recorded.kept.trace.tokens[8].token = 101;
    }
    state
}

/// With more stages than there is room for.
pub fn many_stages(size: (u16, u16)) -> State {
    let mut state = walk(size);
    if let Some(recorded) = state.tokens.replies.get_mut(&RequestId(1)) {
        let token = &mut recorded.kept.trace.tokens[8];
        let before = [
            Stage::LogitBias,
            Stage::Penalties,
            Stage::Dry,
            Stage::TopNSigma,
        ];
        let before = before.map(|one| stage(one, 151_936, 1.0));
        for candidate in &mut token.candidates {
            candidate
                .after
                .splice(0..0, before.iter().map(|_| candidate.p));
        }
        token.stages.splice(0..0, before);
    }
    state
}

/// Tokens that cannot be seen, or not by themselves.
const ODD: [&[u8]; 12] = [
    b"one",
    b"\n",
    "日".as_bytes().split_at(2).0,
    "日".as_bytes().split_at(2).1,
    "e".as_bytes(),
    "\u{301}".as_bytes(),
    "\u{202e}שלום".as_bytes(),
    b"\x1b[2J\x07",
    "\u{200b}".as_bytes(),
    b"",
    b"\xff",
    b"                                        ",
];

/// On one of the odd tokens.
fn odd_at(size: (u16, u16), at: usize) -> State {
    let mut state = walk(size);
    if let Some(recorded) = state.tokens.replies.get_mut(&RequestId(1)) {
        let trace = &mut recorded.kept.trace;
        trace.tokens.truncate(ODD.len());
        let pieces = ODD.iter().zip(0..);
        let pieces = pieces.map(|(piece, id)| (id, (*piece).into()));
        trace.pieces.extend(pieces);
        let p = trace.tokens[at].candidates[6].p;
        // One below those that fit.
        trace.tokens[at].candidates.push(CandidateTrace {
            token: 11,
            p: p / 1e6,
            after: vec![],
        });
        recorded.kept.ids.chosen.truncate(ODD.len() + 3);
    }
    if let Some(walk) = &mut state.tokens.walk {
        (walk.token, walk.candidate) = (at, 7);
    }
    state
}

/// On a token that breaks the line.
pub fn odd_break(size: (u16, u16)) -> State {
    odd_at(size, 1)
}

/// On half a character.
pub fn odd_half(size: (u16, u16)) -> State {
    odd_at(size, 2)
}

/// On a token that writes nothing.
pub fn odd_empty(size: (u16, u16)) -> State {
    odd_at(size, 9)
}

/// A reply that was not recorded.
pub fn not_recorded(size: (u16, u16)) -> State {
    let mut state = walk(size);
    if let Some(recorded) = state.tokens.replies.get_mut(&RequestId(1)) {
        recorded.kept.trace = Trace::default();
    }
    state
}

/// A sampling value is selected.
pub fn preview(size: (u16, u16)) -> State {
    let mut state = states::finished(size);
    state.focus = Pane::Parameters;
    state.side = Some(Pane::Parameters);
    let at = state
        .params
        .visible
        .iter()
        .position(|one| *one == Param::TopK);
    state.params.selected = at.unwrap();
    state.preview.outcome = Some(Ok(Box::new(Trace {
        tokens: vec![token(8)],
        ..trace()
    })));
    state
}
