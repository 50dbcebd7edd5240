//! The engine: one thread that owns llama.cpp, commands in, events out.
//!
//! ```text
//! EngineHandle ──Command──► engine thread: scheduler plans a step, llama decodes, samplers choose
//!              ◄─EngineEvent── (tokens are merged while the receiver is slow; none is lost)
//! ```
//! [`llama`] is the only place that names llama.cpp and the only one that is unsafe.
//! [`fake`] answers the same commands with virtual time, for tests of the rest.

mod carry;
mod command;
mod contention;
mod event;
pub mod fake;
mod forecast;
mod groups;
mod handle;
mod held;
pub mod llama;
mod missed;
mod origin;
mod outbox;
mod prefix;
mod prompt;
mod reply;
mod scheduler;
mod seen;
mod shelf;
mod slots;
mod stops;
mod templates;
mod timing;
pub mod trace;
mod unmet;
mod utf8;
mod worker;

pub use command::{
    BenchId, BenchRequest, BenchTest, Command, ConversationId, CountId, Exact, GenerateRequest,
    LoadId, LoadRequest, PreviewRequest, RequestId,
};
pub use event::{
    BenchSample, CameFrom, ContextInfo, Device, DeviceKind, DeviceMemory, EngineError, EngineEvent,
    ErrorKind, KvOutcome, ModelInfo, PrefixSharing, StopReason,
};
pub use forecast::{Change, DeviceForecast, Forecast};
pub use handle::{EngineHandle, EngineStopped};
pub use held::{HeldModel, LetGo};
pub use missed::{Missed, Part};
pub use origin::{Batches, Origin};
pub use seen::{Prompt, PromptOf, PromptToken, TextSize};
pub use timing::{Timings, TokenRate};
pub use unmet::{beyond_training, unmet, without_gpu};
