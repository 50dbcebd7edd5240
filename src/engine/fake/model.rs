//! Loads and changes of parameters.

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use super::{Caches, FINGERPRINT, Fake, Loaded, error};
use crate::engine::{
    CameFrom, Change, Command, ContextInfo, DeviceForecast, DeviceMemory, EngineEvent, ErrorKind,
    Forecast, HeldModel, KvOutcome, LetGo, LoadId, ModelInfo,
};
use crate::params::LoadParams;

/// Bytes of cache that a token takes.
const CACHE_PER_TOKEN: u64 = 12_288;

impl Fake {
    pub(super) async fn load(&mut self, id: LoadId, path: &Path, params: LoadParams) {
        let means = |(held, _): &(Loaded, Caches)| {
            held.info.path == path && held.params.is_same_load(&params)
        };
        if self.held.as_ref().is_some_and(means) {
            let Some((model, caches)) = self.held.take() else {
                return;
            };
            self.hold().await;
            self.caches = caches;
            return self
                .run_with(id, Loaded { params, ..model }, CameFrom::Memory)
                .await;
        }
        if !self.read(id, path).await {
            return;
        }
        let models = self.script.models.min(params.models_max);
        let is_another = |model: &Loaded| model.info.path != path;
        if models < 2 {
            self.let_go(LetGo::Memory).await;
            self.caches.clear();
        } else if self.model.as_ref().is_some_and(is_another) {
            self.let_go(LetGo::Replaced).await;
            self.hold().await;
        } else {
            self.let_go(LetGo::LoadedAgain).await;
            self.caches.clear();
        }
        let model = self.place(info(path), params);
        self.run_with(id, model, CameFrom::File).await;
    }

    /// Reads the file, which takes its time; false when that failed, which is told.
    async fn read(&mut self, id: LoadId, path: &Path) -> bool {
        let running = self.model.is_some();
        let what = format!("loading {}", path.display());
        for step in 1..=4u8 {
            let progress = f32::from(step) / 4.0;
            self.tell(EngineEvent::Loading { id, progress }).await;
            let cancels =
                |command: &Command| matches!(command, Command::CancelLoad(other) if *other == id);
            if !self.wait(self.script.load_time / 4, cancels).await {
                let error = error(ErrorKind::Cancelled, what, "it was stopped");
                self.tell(EngineEvent::LoadFailed { id, error, running })
                    .await;
                return false;
            }
        }
        if path.extension().is_none_or(|extension| extension != "gguf") {
            let error = error(ErrorKind::BadData, what, "the file is no GGUF");
            self.tell(EngineEvent::LoadFailed { id, error, running })
                .await;
            return false;
        }
        true
    }

    /// Runs a model and says that it does.
    async fn run_with(&mut self, id: LoadId, model: Loaded, came_from: CameFrom) {
        let took = match came_from {
            CameFrom::File => self.script.load_time,
            CameFrom::Memory => Duration::ZERO,
        };
        let (info, context) = (model.info.clone(), context_info(&model));
        let models_max = model.params.models_max;
        self.model = Some(model);
        if models_max < 2 {
            self.let_go(LetGo::OneAtMost).await;
        }
        self.tell(EngineEvent::Loaded {
            id,
            model: Box::new(info),
            context: Box::new(context),
            came_from,
            took,
        })
        .await;
    }

    /// Holds the model that runs, if any, with its caches.
    async fn hold(&mut self) {
        let Some(model) = self.model.take() else {
            return;
        };
        let caches = std::mem::take(&mut self.caches);
        self.tell(EngineEvent::Held(Box::new(HeldModel {
            model: model.info.clone(),
            context: context_info(&model),
            asked: model.params.clone(),
            tokens: caches.values().map(Vec::len).sum::<usize>() as u32,
        })))
        .await;
        self.held = Some((model, caches));
    }

    pub(super) async fn let_go(&mut self, why: LetGo) {
        if let Some((model, _)) = self.held.take() {
            let name = model.info.name;
            self.tell(EngineEvent::LetGo { name, why }).await;
        }
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
        let loaded = self.place(before.info, params);
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
        if loaded.params.models_max < 2 {
            self.let_go(LetGo::OneAtMost).await;
        }
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
        let loaded = self.place(before.info.clone(), params);
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

    fn place(&self, info: ModelInfo, params: LoadParams) -> Loaded {
        let n_ctx = if params.context.n_ctx == 0 {
            self.script.n_ctx
        } else {
            params.context.n_ctx
        };
        Loaded {
            info,
            params,
            n_ctx,
        }
    }
}

fn info(path: &Path) -> ModelInfo {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    ModelInfo {
        path: path.into(),
        fingerprint: FINGERPRINT.into(),
        name: name.into_owned(),
        arch: "fake".into(),
        quant: "Q8_0".into(),
        n_params: 500_000_000,
        size_bytes: 530_000_000,
        n_ctx_train: 32_768,
        n_layer: 24,
        n_vocab: 2_000,
        has_chat_template: true,
        ..ModelInfo::default()
    }
}

fn context_info(loaded: &Loaded) -> ContextInfo {
    let memory = DeviceMemory {
        name: "CPU".into(),
        weights: loaded.info.size_bytes,
        kv: u64::from(loaded.n_ctx) * CACHE_PER_TOKEN,
        compute: 0,
    };
    ContextInfo {
        devices: vec![memory],
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
