//! Loads and changes of parameters.

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use super::{FINGERPRINT, Fake, Loaded, error};
use crate::engine::{
    Change, Command, ContextInfo, DeviceForecast, EngineEvent, ErrorKind, Forecast, KvOutcome,
    LoadId, ModelInfo,
};
use crate::params::LoadParams;

impl Fake {
    pub(super) async fn load(&mut self, id: LoadId, path: &Path, params: LoadParams) {
        let running = self.model.is_some();
        for step in 1..=4u8 {
            self.tell(EngineEvent::Loading {
                id,
                progress: f32::from(step) / 4.0,
            })
            .await;
            let cancels =
                |command: &Command| matches!(command, Command::CancelLoad(other) if *other == id);
            if !self.wait(self.script.load_time / 4, cancels).await {
                let error = error(
                    ErrorKind::Cancelled,
                    format!("loading {}", path.display()),
                    "it was stopped",
                );
                self.tell(EngineEvent::LoadFailed { id, error, running })
                    .await;
                return;
            }
        }
        if path.extension().is_none_or(|extension| extension != "gguf") {
            let error = error(
                ErrorKind::BadData,
                format!("loading {}", path.display()),
                "the file is no GGUF",
            );
            self.tell(EngineEvent::LoadFailed { id, error, running })
                .await;
            return;
        }
        self.caches.clear();
        let loaded = self.place(params);
        let model = ModelInfo {
            path: path.into(),
            fingerprint: FINGERPRINT.into(),
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            arch: "fake".into(),
            quant: "Q8_0".into(),
            n_params: 500_000_000,
            size_bytes: 530_000_000,
            n_ctx_train: 32_768,
            n_layer: 24,
            n_vocab: 2_000,
            has_chat_template: true,
            ..ModelInfo::default()
        };
        let context = Box::new(context_info(&loaded));
        self.model = Some(loaded);
        self.tell(EngineEvent::Loaded {
            id,
            model: Box::new(model),
            context,
            took: self.script.load_time,
        })
        .await;
    }

    pub(super) async fn retune(&mut self, id: LoadId, params: LoadParams) {
        let Some(before) = self.model.clone() else {
            let error = error(
                ErrorKind::NoModel,
                "applying parameters".into(),
                "no model is loaded",
            );
            self.tell(EngineEvent::RetuneFailed {
                id,
                error,
                running: false,
            })
            .await;
            return;
        };
        let took = if before.params.model == params.model {
            Duration::from_millis(50)
        } else {
            self.script.load_time
        };
        sleep(took).await;
        let loaded = self.place(params);
        if loaded.n_ctx > self.script.max_ctx {
            let why = format!("there is room for {} tokens", self.script.max_ctx);
            let error = error(
                ErrorKind::NoMemory,
                format!("a context of {} tokens", loaded.n_ctx),
                &why,
            );
            self.tell(EngineEvent::RetuneFailed {
                id,
                error,
                running: true,
            })
            .await;
            return;
        }
        let tokens = self.caches.values().map(Vec::len).sum::<usize>() as u32;
        let context = Box::new(context_info(&loaded));
        self.model = Some(loaded);
        self.tell(EngineEvent::Retuned {
            id,
            context,
            kv: KvOutcome::Kept { tokens },
            took,
        })
        .await;
    }

    pub(super) async fn foresee(&mut self, id: LoadId, params: LoadParams) {
        let Some(before) = self.model.clone() else {
            return;
        };
        let change = if before.params.model != params.model {
            Change::Reload
        } else if before.params.context != params.context {
            Change::NewContext
        } else {
            Change::Live
        };
        let loaded = self.place(params);
        let outcome = if loaded.n_ctx > self.script.max_ctx {
            let why = format!("there is room for {} tokens", self.script.max_ctx);
            let what = format!("a context of {} tokens", loaded.n_ctx);
            Err(error(ErrorKind::NoMemory, what, &why))
        } else {
            let (now, then) = (context_info(&before), context_info(&loaded));
            let devices = now.devices.into_iter().zip(then.devices);
            let devices = devices.map(|(before, after)| DeviceForecast {
                name: after.name.clone(),
                before,
                after,
                total: 16 << 30,
            });
            Ok(Box::new(Forecast {
                change,
                n_ctx: then.n_ctx,
                n_gpu_layers: then.n_gpu_layers,
                devices: devices.collect(),
                kv: KvOutcome::Kept {
                    tokens: self.caches.values().map(Vec::len).sum::<usize>() as u32,
                },
                fits: true,
                notes: Vec::new(),
            }))
        };
        self.tell(EngineEvent::Foreseen { id, outcome }).await;
    }

    pub(super) fn place(&self, params: LoadParams) -> Loaded {
        let n_ctx = if params.context.n_ctx == 0 {
            self.script.n_ctx
        } else {
            params.context.n_ctx
        };
        Loaded { params, n_ctx }
    }
}

fn context_info(loaded: &Loaded) -> ContextInfo {
    ContextInfo {
        params: loaded.params.clone(),
        n_ctx: loaded.n_ctx,
        n_batch: 2048,
        n_ubatch: 512,
        n_seq_max: 4,
        n_threads: 2,
        n_threads_batch: 2,
        ..ContextInfo::default()
    }
}
