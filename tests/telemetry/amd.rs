//! AMD GPUs. The trees have the files and units of the kernel's documentation
//! (Documentation/gpu/amdgpu/, Documentation/hwmon/sysfs-interface.rst).

use std::time::{Duration, Instant};

use llmdeck::telemetry::{AmdSource, GpuMemory, Pool, Sources, Vendor};

use crate::tree::Tree;

const CARD: &str = "sys/class/drm/card1/device";

/// A Radeon RX 7900 XTX with a display, and the ASPEED chip of the board as card 0.
fn desktop() -> Tree {
    let tree = Tree::new(&[
        ("sys/class/drm/card0/device/vendor", "0x1a03"),
        ("sys/class/drm/card1-DP-1/status", "connected"),
    ]);
    for (file, text) in [
        ("vendor", "0x1002"),
        ("device", "0x744c"),
        ("revision", "0xc8"),
        ("uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0"),
        ("gpu_busy_percent", "97"),
        ("mem_info_vram_total", "25753026560"),
        ("mem_info_vram_used", "18522218496"),
        ("mem_info_gtt_total", "33561468928"),
        ("mem_info_gtt_used", "67108864"),
        ("pp_dpm_sclk", "0: 500Mhz\n1: 2371Mhz *\n2: 2526Mhz"),
        ("hwmon/hwmon5/name", "amdgpu"),
        ("hwmon/hwmon5/temp1_input", "61000"),
        ("hwmon/hwmon5/power1_average", "312000000"),
        ("hwmon/hwmon5/power1_cap", "339000000"),
        ("hwmon/hwmon5/freq1_input", "2371000000"),
        ("hwmon/hwmon5/freq2_input", "1249000000"),
        ("hwmon/hwmon5/pwm1", "102"),
    ] {
        tree.write(&format!("{CARD}/{file}"), text);
    }
    // Size 120, layout 1.3: a card.
    tree.write_bytes(&format!("{CARD}/gpu_metrics"), &[120, 0, 1, 3, 0, 0]);
    tree.write(
        "usr/share/libdrm/amdgpu.ids",
        "1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX",
    );
    tree
}

#[test]
fn a_card_tells_everything() {
    let tree = desktop();
    let gpus = AmdSource::new(tree.root()).read(Instant::now()).unwrap();
    let [gpu] = gpus.as_slice() else {
        panic!("{gpus:?}")
    };
    assert_eq!(
        (gpu.vendor, gpu.name.as_str()),
        (Vendor::Amd, "AMD Radeon RX 7900 XTX")
    );
    assert_eq!(gpu.id, "0000:03:00.0");
    assert_eq!(gpu.memory, GpuMemory::Own);
    assert_eq!((gpu.load, gpu.temperature), (Ok(97.0), Ok(61.0)));
    assert_eq!((gpu.power, gpu.power_limit), (Ok(312.0), Ok(339.0)));
    assert_eq!((gpu.clock, gpu.clock_max), (Ok(2371.0), Ok(2526.0)));
    assert_eq!((gpu.memory_clock, gpu.fan), (Ok(1249.0), Ok(40.0)));
    assert_eq!(gpu.memory_used, Ok(18_522_218_496));
    assert_eq!(gpu.memory_total, Ok(25_753_026_560));
    assert_eq!(gpu.pcie_sent, Err("not reported by this GPU"));
}

/// A table of metrics of that layout and size, with these bits at the place of its throttle status.
fn metrics(size: u8, layout: [u8; 2], at: usize, bits: u64) -> Vec<u8> {
    let mut table = vec![0xff; usize::from(size)];
    table[..4].copy_from_slice(&[size, 0, layout[0], layout[1]]);
    table[at..at + 8].copy_from_slice(&bits.to_le_bytes());
    table
}

#[test]
fn what_holds_its_clocks_down_is_told_where_bits_mean_the_same_everywhere() {
    use llmdeck::telemetry::Throttle;
    let tree = desktop();
    let mut source = AmdSource::new(tree.root());
    let mut throttle = |table: &[u8]| {
        tree.write_bytes(&format!("{CARD}/gpu_metrics"), table);
        source.read(Instant::now()).unwrap().remove(0).throttle
    };
    let told = |bits: u64| metrics(120, [1, 3], 112, bits);
    assert_eq!(throttle(&told(0)), Ok(vec![]));
    // PPT0 and the hotspot's temperature.
    let reasons = Ok(vec![Throttle::PowerLimit, Throttle::Heat]);
    assert_eq!(throttle(&told(1 | 1 << 36)), reasons);
    let reasons = Ok(vec![Throttle::CurrentLimit, Throttle::Overheat]);
    assert_eq!(throttle(&told(1 << 16 | 1 << 47)), reasons);
    // One that is part of the CPU.
    let apu = metrics(128, [2, 2], 120, 1 << 6);
    assert_eq!(throttle(&apu), Ok(vec![Throttle::PowerLimit]));
    let unknown = Err("not reported by this GPU");
    assert_eq!(
        throttle(&told(u64::MAX)),
        unknown,
        "the driver does not know"
    );
    assert_eq!(throttle(&metrics(120, [1, 1], 112, 1)), unknown);
    assert_eq!(throttle(&told(1)[..100]), unknown, "cut short");
    assert_eq!(throttle(&[1]), unknown);
}

#[test]
fn its_link_is_the_one_the_card_tells_else_the_one_of_its_device() {
    use llmdeck::telemetry::Link;
    let link = |gigatransfers, lanes| {
        Ok(Link {
            gigatransfers,
            lanes,
        })
    };
    let tree = desktop();
    let mut source = AmdSource::new(tree.root());
    let mut read = || source.read(Instant::now()).unwrap().remove(0).link;
    assert_eq!(read(), Err("not reported by this GPU"));
    tree.write(&format!("{CARD}/current_link_speed"), "16.0 GT/s PCIe");
    tree.write(&format!("{CARD}/current_link_width"), "16");
    assert_eq!(read(), link(16.0, 16));
    let mut table = metrics(120, [1, 3], 112, 0);
    table[74..78].copy_from_slice(&[4, 0, 80, 0]);
    tree.write_bytes(&format!("{CARD}/gpu_metrics"), &table);
    assert_eq!(read(), link(8.0, 4));
    tree.write_bytes(
        &format!("{CARD}/gpu_metrics"),
        &metrics(120, [1, 3], 112, 0),
    );
    tree.write(&format!("{CARD}/current_link_speed"), "Unknown");
    assert!(read().is_err());
}

#[test]
fn what_a_card_lies_about_is_missing_and_the_rest_is_there() {
    let tree = desktop();
    let mut source = AmdSource::new(tree.root());
    for (file, text) in [
        ("gpu_busy_percent", "4294967295"),
        ("mem_info_vram_used", "99999999999999"),
        ("hwmon/hwmon5/temp1_input", "-273150"),
        ("hwmon/hwmon5/power1_average", "1000000000000000000"),
        ("hwmon/hwmon5/freq1_input", "NaN"),
    ] {
        tree.write(&format!("{CARD}/{file}"), text);
    }
    tree.remove(&format!("{CARD}/hwmon/hwmon5/freq2_input"));
    let gpu = source.read(Instant::now()).unwrap().remove(0);
    for reading in [gpu.load, gpu.temperature, gpu.power, gpu.clock] {
        assert_eq!(reading, Err("nonsense reading"));
    }
    assert_eq!(gpu.memory_used, Err("nonsense reading"));
    assert_eq!(gpu.memory_clock, Err("not reported by this GPU"));
    assert_eq!(gpu.memory_total, Ok(25_753_026_560));
}

#[test]
fn a_card_that_comes_later_is_found_and_one_that_goes_is_gone() {
    let tree = Tree::new(&[]);
    let mut source = AmdSource::new(tree.root());
    let start = Instant::now();
    assert_eq!(source.read(start), Err("no AMD GPU found".to_owned()));
    let later = desktop();
    let mut source = AmdSource::new(later.root());
    assert_eq!(source.read(start).unwrap().len(), 1);
    later.remove("sys/class/drm/card1");
    let silent = source.read(start).unwrap();
    assert_eq!(silent[0].load, Err("not reported by this GPU"));
    let gone = source.read(start + Duration::from_secs(30));
    assert_eq!(gone, Err("no AMD GPU found".to_owned()));
}

/// A Ryzen AI Max+ 395 with 32 GiB set aside for its GPU, of 128.
#[test]
fn strix_halo_is_one_pool() {
    let tree = Tree::new(&[
        (
            "proc/meminfo",
            "MemTotal: 98304000 kB\nMemAvailable: 48304000 kB",
        ),
        ("proc/stat", "cpu 1 0 1 8 0 0 0 0\ncpu0 1 0 1 8 0 0 0 0"),
    ]);
    for (file, text) in [
        ("vendor", "0x1002"),
        ("device", "0x1586"),
        ("revision", "0xc1"),
        ("uevent", "PCI_SLOT_NAME=0000:c5:00.0"),
        ("gpu_busy_percent", "80"),
        ("mem_info_vram_total", "34359738368"),
        ("mem_info_vram_used", "1073741824"),
        ("mem_info_gtt_total", "65000000000"),
        ("mem_info_gtt_used", "40000000000"),
        ("hwmon/hwmon3/temp1_input", "70000"),
        ("hwmon/hwmon3/power1_input", "90000000"),
    ] {
        tree.write(&format!("{CARD}/{file}"), text);
    }
    // Layout 3.0: part of the CPU.
    tree.write_bytes(&format!("{CARD}/gpu_metrics"), &[8, 1, 3, 0, 0, 0]);
    let mut sources = Sources::of(tree.root());
    // The machine that tests run on may have another vendor's GPU.
    sources.gpus.retain(|source| source.name == "amd");
    let sample = sources.read(Instant::now());
    let gpus = sample.gpus.unwrap();
    assert_eq!(gpus[0].memory, GpuMemory::Shared);
    assert_eq!(gpus[0].name, "AMD GPU 1586");
    assert_eq!(gpus[0].memory_used, Ok(41_073_741_824));
    assert_eq!(gpus[0].memory_total, Ok(99_359_738_368));
    assert_eq!(gpus[0].power, Ok(90.0));
    if cfg!(target_os = "linux") {
        let pool = Pool {
            used: 50_000_000 * 1024 + 1_073_741_824,
            total: 98_304_000 * 1024 + 34_359_738_368,
        };
        assert_eq!(sample.memory.pool, Ok(pool));
    }
}
