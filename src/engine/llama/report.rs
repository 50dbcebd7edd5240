//! What llama.cpp's log says of a load: memory by device, and layers on GPUs.

use super::logs::Line;
use crate::engine::DeviceMemory;

/// Reads the lines of one load.
pub(crate) fn device_memory(lines: &[Line]) -> Vec<DeviceMemory> {
    let mut devices: Vec<DeviceMemory> = Vec::new();
    for line in lines {
        let Some((buffer, kind, bytes)) = buffer_line(&line.text) else {
            continue;
        };
        let name = device_of(buffer);
        let index = devices
            .iter()
            .position(|device| device.name == name)
            .unwrap_or_else(|| {
                devices.push(DeviceMemory {
                    name: name.to_owned(),
                    ..DeviceMemory::default()
                });
                devices.len() - 1
            });
        match kind {
            "model" => devices[index].weights += bytes,
            "KV" | "RS" => devices[index].kv += bytes,
            _ => devices[index].compute += bytes,
        }
    }
    devices
}

/// Bytes of weights that stay in the file's page cache instead of memory of their own.
pub(crate) fn mapped_bytes(lines: &[Line]) -> u64 {
    lines
        .iter()
        .filter_map(|line| buffer_line(&line.text))
        .filter(|(buffer, kind, _)| *kind == "model" && buffer.ends_with("_Mapped"))
        .map(|(_, _, bytes)| bytes)
        .sum()
}

/// Layers on GPUs: `load_tensors: offloaded 12/25 layers to GPU`.
pub(crate) fn gpu_layers(lines: &[Line]) -> Option<u32> {
    lines.iter().find_map(|line| {
        let (_, rest) = line.text.split_once("offloaded ")?;
        let (layers, _) = rest.strip_suffix(" layers to GPU")?.split_once('/')?;
        layers.parse().ok()
    })
}

/// `load_tensors:   CPU_Mapped model buffer size =   500.00 MiB` → (buffer, kind, bytes)
fn buffer_line(text: &str) -> Option<(&str, &str, u64)> {
    let (before, after) = text.split_once(" buffer size = ")?;
    let mut words = before.split_whitespace().rev();
    let kind = words
        .next()
        .filter(|kind| ["model", "KV", "RS", "compute", "output"].contains(kind))?;
    let buffer = words.next()?;
    let mib: f64 = after.trim().strip_suffix(" MiB")?.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float to int saturates"
    )]
    let bytes = (mib * 1024.0 * 1024.0).round() as u64;
    Some((buffer, kind, bytes))
}

/// The device that a buffer's memory belongs to: `CUDA_Host` and `CPU_REPACK` are RAM.
fn device_of(buffer: &str) -> &str {
    // `RPC0[127.0.0.1:50052]`
    let buffer = buffer.split('[').next().unwrap_or(buffer);
    match buffer.split_once('_') {
        Some((_, "Host")) => "CPU",
        Some((device, _)) => device,
        None => buffer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::llama::logs::Level;

    #[test]
    fn memory_is_added_up_by_device() {
        let lines: Vec<Line> = [
            "load_tensors: offloading 12 repeating layers to GPU",
            "load_tensors: offloaded 12/25 layers to GPU",
            "load_tensors:   CPU_Mapped model buffer size =   500.50 MiB",
            "load_tensors:        CUDA0 model buffer size =   100.00 MiB",
            "llama_context:  CUDA_Host  output buffer size =     0.50 MiB",
            "llama_kv_cache:        CPU KV buffer size =    12.00 MiB",
            "llama_kv_cache:      CUDA0 KV buffer size =    24.00 MiB",
            "llama_kv_cache: size =   36.00 MiB (  4096 cells,  24 layers,  4/1 seqs), K (f16):   18.00 MiB, V (f16):   18.00 MiB",
            "llama_kv_cache: RPC0[127.0.0.1:50052] KV buffer size =     1.00 MiB",
            "sched_reserve:        CPU compute buffer size =     8.00 MiB",
        ]
        .into_iter()
        .map(|text| Line { level: Level::Info, text: text.to_owned() })
        .collect();
        let mib = |mib: u64| mib << 20;
        assert_eq!(
            device_memory(&lines),
            [
                DeviceMemory {
                    name: "CPU".into(),
                    weights: mib(500) + mib(1) / 2,
                    kv: mib(12),
                    compute: mib(8) + mib(1) / 2
                },
                DeviceMemory {
                    name: "CUDA0".into(),
                    weights: mib(100),
                    kv: mib(24),
                    compute: 0
                },
                DeviceMemory {
                    name: "RPC0".into(),
                    weights: 0,
                    kv: mib(1),
                    compute: 0
                },
            ]
        );
        assert_eq!(mapped_bytes(&lines), mib(500) + mib(1) / 2);
        assert_eq!(gpu_layers(&lines), Some(12));
    }
}
