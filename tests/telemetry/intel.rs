//! Intel GPUs. The trees have the files and units of the kernel's documentation
//! (Documentation/ABI/testing/sysfs-driver-intel-{i915,xe}-hwmon, Documentation/gpu/).

use std::time::{Duration, Instant};

use llmdeck::telemetry::{GpuMemory, IntelSource, Throttle};

use crate::tree::Tree;

/// An Arc A770 with i915.
fn arc() -> Tree {
    let tree = Tree::new(&[(
        "usr/share/hwdata/pci.ids",
        "8086  Intel Corporation\n\t56a0  DG2 [Arc A770]",
    )]);
    for (file, text) in [
        ("device/vendor", "0x8086"),
        ("device/device", "0x56a0"),
        ("device/uevent", "PCI_SLOT_NAME=0000:03:00.0"),
        ("gt/gt0/rps_act_freq_mhz", "2400"),
        ("gt/gt0/rps_RP0_freq_mhz", "2400"),
        ("gt/gt0/rc6_residency_ms", "100000"),
        ("gt/gt0/throttle_reason_pl1", "1"),
        ("gt/gt0/throttle_reason_thermal", "0"),
        ("lmem_total_bytes", "17079205888"),
        ("lmem_avail_bytes", "7079205888"),
        ("device/hwmon/hwmon2/name", "i915"),
        ("device/hwmon/hwmon2/temp1_input", "64000"),
        ("device/hwmon/hwmon2/energy1_input", "1000000"),
        ("device/hwmon/hwmon2/power1_max", "190000000"),
    ] {
        tree.write(&format!("sys/class/drm/card0/{file}"), text);
    }
    tree
}

#[test]
fn a_card_tells_load_and_power_by_its_counters() {
    let tree = arc();
    let mut source = IntelSource::new(tree.root());
    let start = Instant::now();
    let first = source.read(start).unwrap().remove(0);
    assert_eq!(
        (first.name.as_str(), first.memory),
        ("Intel Arc A770", GpuMemory::Own)
    );
    assert_eq!(first.power, Err("known from the second reading on"));
    assert_eq!((first.clock, first.clock_max), (Ok(2400.0), Ok(2400.0)));
    assert_eq!(first.memory_used, Ok(10_000_000_000));
    assert_eq!(first.throttle, Ok(vec![Throttle::PowerLimit]));
    // A quarter of two seconds asleep, 300 J.
    tree.write("sys/class/drm/card0/gt/gt0/rc6_residency_ms", "100500");
    tree.write(
        "sys/class/drm/card0/device/hwmon/hwmon2/energy1_input",
        "301000000",
    );
    let second = source
        .read(start + Duration::from_secs(2))
        .unwrap()
        .remove(0);
    assert_eq!((second.load, second.power), (Ok(75.0), Ok(150.0)));
    assert_eq!((second.power_limit, second.energy), (Ok(190.0), Ok(301.0)));
    assert_eq!(second.temperature, Ok(64.0));
}

#[test]
fn a_gpu_of_the_cpu_with_xe_works_in_the_machines_memory() {
    let tree = Tree::new(&[]);
    for (file, text) in [
        ("device/vendor", "0x8086"),
        ("device/device", "0x64a0"),
        ("device/tile0/gt0/freq0/act_freq", "0"),
        ("device/tile0/gt0/freq0/rp0_freq", "2050"),
        ("device/tile0/gt0/gtidle/idle_residency_ms", "5"),
        ("device/tile0/gt0/freq0/throttle/reason_pl1", "0"),
    ] {
        tree.write(&format!("sys/class/drm/card0/{file}"), text);
    }
    let mut source = IntelSource::new(tree.root());
    let start = Instant::now();
    let gpu = source.read(start).unwrap().remove(0);
    assert_eq!(
        (gpu.memory, gpu.name.as_str()),
        (GpuMemory::Shared, "Intel GPU 64a0")
    );
    assert_eq!((gpu.clock, gpu.clock_max), (Ok(0.0), Ok(2050.0)));
    assert_eq!(gpu.throttle, Ok(vec![]));
    assert_eq!(gpu.power, Err("not reported by this GPU"));
    // Asleep for longer than there was time.
    tree.write(
        "sys/class/drm/card0/device/tile0/gt0/gtidle/idle_residency_ms",
        "9000",
    );
    let gpu = source
        .read(start + Duration::from_secs(1))
        .unwrap()
        .remove(0);
    assert_eq!(gpu.load, Err("nonsense reading"));
}
