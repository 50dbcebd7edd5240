//! Everything the doctor found, as data; the text and the JSON object are made from it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::measure::Measured;
use super::sensors::Sensor;
use super::terminal::Terminal;
use crate::cli::lossy;
use crate::engine::{Device, DeviceKind};

#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// Of this program.
    pub version: &'static str,
    pub llama_cpp: String,
    /// The GPU backends this binary was built with.
    pub gpu_backends: Vec<&'static str>,
    /// Instruction sets in use, as llama.cpp tells them.
    pub cpu_features: Vec<String>,
    pub devices: Vec<DeviceReport>,
    pub folders: Vec<Folder>,
    pub files: Vec<File>,
    pub model: ModelReport,
    pub terminal: Terminal,
    pub sensors: Vec<Sensor>,
    /// `None` unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// What to do about what is missing.
    pub hints: Vec<String>,
}

/// A device that llama.cpp can compute on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DeviceReport {
    pub name: String,
    pub description: String,
    pub backend: String,
    pub is_gpu: bool,
    /// Bytes; `None` when the backend does not say.
    pub memory_total: Option<u64>,
    pub memory_free: Option<u64>,
}

/// A folder the program uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Folder {
    pub name: &'static str,
    #[serde(serialize_with = "lossy::path")]
    pub path: PathBuf,
    pub exists: bool,
    /// Whether files can be made in it, or it can be made itself.
    pub writable: bool,
}

/// A configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct File {
    pub name: String,
    #[serde(serialize_with = "lossy::path")]
    pub path: PathBuf,
    pub exists: bool,
    /// Why it cannot be used.
    pub error: Option<String>,
}

/// The model that is used when none is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ModelReport {
    /// `given`, `configured` or `built-in`.
    pub origin: &'static str,
    #[serde(serialize_with = "lossy::optional")]
    pub path: Option<PathBuf>,
    /// Bytes.
    pub size: Option<u64>,
    pub error: Option<String>,
}

/// The GPU backends that this binary was built with.
pub(super) fn gpu_backends() -> Vec<&'static str> {
    let all = [
        ("CUDA", cfg!(feature = "cuda")),
        ("Vulkan", cfg!(feature = "vulkan")),
        ("Metal", cfg!(feature = "metal")),
        ("ROCm", cfg!(feature = "rocm")),
    ];
    all.into_iter()
        .filter(|(_, built)| *built)
        .map(|(name, _)| name)
        .collect()
}

/// `CPU : SSE3 = 1 | AVX = 0 | REPACK = 1 |` → `SSE3`, `REPACK`
pub(super) fn cpu_features(system_info: &str) -> Vec<String> {
    system_info
        .split('|')
        .filter_map(|part| part.rsplit(':').next()?.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
        .filter(|(_, value)| !matches!(*value, "0" | ""))
        .map(|(name, value)| {
            if value == "1" {
                name.to_owned()
            } else {
                format!("{name}={value}")
            }
        })
        .collect()
}

impl From<Device> for DeviceReport {
    fn from(device: Device) -> Self {
        let known = |bytes: u64| (device.memory_total > 0).then_some(bytes);
        Self {
            is_gpu: matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu),
            memory_total: known(device.memory_total),
            memory_free: known(device.memory_free),
            name: device.name,
            description: device.description,
            backend: device.backend,
        }
    }
}

impl Folder {
    /// Looks at a folder without making it.
    pub(super) fn read(name: &'static str, path: &Path) -> Self {
        let nearest = path.ancestors().find(|folder| folder.exists());
        Self {
            name,
            path: path.to_owned(),
            exists: path.is_dir(),
            writable: nearest.is_some_and(is_writable),
        }
    }
}

#[cfg(unix)]
fn is_writable(folder: &Path) -> bool {
    use rustix::fs::{Access, access};
    folder.is_dir() && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|facts| facts.is_dir() && !facts.permissions().readonly())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_that_are_off_are_left_out() {
        let text = "CPU : SSE3 = 1 | AVX = 1 | AVX512 = 0 | REPACK = 1 | CUDA : ARCHS = 900 | ";
        assert_eq!(cpu_features(text), ["SSE3", "AVX", "REPACK", "ARCHS=900"]);
        assert!(cpu_features("").is_empty());
    }

    #[test]
    fn a_backend_that_tells_no_memory_has_none() {
        let device = Device {
            name: "RPC0".to_owned(),
            description: String::new(),
            backend: "RPC".to_owned(),
            kind: DeviceKind::Gpu,
            memory_total: 0,
            memory_free: 0,
        };
        let report = DeviceReport::from(device);
        assert_eq!(
            (report.memory_total, report.memory_free, report.is_gpu),
            (None, None, true)
        );
    }

    #[test]
    fn a_folder_that_can_be_made_is_writable() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::read("data", &root.path().join("a/b"));
        assert_eq!((folder.exists, folder.writable), (false, true));
        assert!(!root.path().join("a").exists(), "looking makes nothing");
        std::fs::write(root.path().join("file"), "").unwrap();
        assert!(!Folder::read("data", &root.path().join("file/b")).writable);
    }
}
