//! Cards in `/sys/class/drm` (Documentation/gpu/drm-uapi.rst), and this process's share of one
//! (Documentation/gpu/drm-usage-stats.rst).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::super::{Link, Reading, check, files};

/// A graphics card of one vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    /// `/sys/class/drm/card0`
    pub folder: PathBuf,
    /// Its PCI address, `0000:03:00.0`; empty when it has none.
    pub address: String,
    pub name: String,
}

/// The largest list of names that is read.
const MOST_NAMES: u64 = 8 << 20;

impl Card {
    /// The folder of the device: `/sys/class/drm/card0/device`.
    pub fn device(&self) -> PathBuf {
        self.folder.join("device")
    }

    /// Its link to the machine (Documentation/ABI/testing/sysfs-bus-pci): `16.0 GT/s PCIe` and the
    /// number of lanes.
    pub fn link(&self) -> Reading<Link> {
        let speed = files::text(&self.device().join("current_link_speed"))?;
        let speed = speed
            .split_whitespace()
            .next()
            .and_then(|number| number.parse().ok());
        let lanes = files::number::<u32>(&self.device().join("current_link_width"))?;
        check::link(speed.ok_or(files::NOT_REPORTED)?, lanes)
    }

    /// The first chip of the card's sensors, if it has one.
    pub fn hwmon(&self) -> Option<PathBuf> {
        let folder = self.device().join("hwmon");
        let chips = files::numbered(&folder, "hwmon");
        chips.first().map(|(_, name)| folder.join(name))
    }
}

/// The cards of a vendor, by its PCI number: `0x1002`.
pub(super) fn cards(root: &Path, vendor: &str, maker: &str) -> Vec<Card> {
    let class = root.join("sys/class/drm");
    let found = files::numbered(&class, "card").into_iter();
    let found = found.filter_map(|(_, name)| {
        let folder = class.join(name);
        let device = folder.join("device");
        (files::line(&device.join("vendor"))? == vendor).then(|| Card {
            address: address(&device),
            name: name_of(root, &device, vendor, maker),
            folder,
        })
    });
    found.collect()
}

fn address(device: &Path) -> String {
    let uevent = files::text(&device.join("uevent")).unwrap_or_default();
    let slot = uevent
        .lines()
        .find_map(|line| line.strip_prefix("PCI_SLOT_NAME="));
    slot.unwrap_or_default().to_owned()
}

/// What the card calls itself, else what the lists of names that come with the system call it.
fn name_of(root: &Path, device: &Path, vendor: &str, maker: &str) -> String {
    if let Some(name) = files::line(&device.join("product_name")) {
        return name;
    }
    let number = |file: &str| {
        let line = files::line(&device.join(file))?;
        line.strip_prefix("0x").map(str::to_lowercase)
    };
    let Some(id) = number("device") else {
        return format!("{maker} GPU");
    };
    let revision = number("revision").unwrap_or_default();
    let listed = list(&root.join("usr/share/libdrm/amdgpu.ids"))
        .and_then(|names| in_amdgpu_ids(&names, &id, &revision));
    let listed = listed.or_else(|| {
        ["usr/share/hwdata/pci.ids", "usr/share/misc/pci.ids"]
            .iter()
            .find_map(|path| in_pci_ids(&list(&root.join(path))?, vendor, &id))
    });
    match listed {
        Some(name) if name.starts_with(maker) => name,
        Some(name) => format!("{maker} {name}"),
        None => format!("{maker} GPU {id}"),
    }
}

fn list(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MOST_NAMES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lines like `744C, C8, AMD Radeon RX 7900 XTX`, with tabs between the fields.
fn in_amdgpu_ids(names: &str, id: &str, revision: &str) -> Option<String> {
    names.lines().find_map(|line| {
        let mut fields = line.splitn(3, ',').map(str::trim);
        let (device, rev, name) = (fields.next()?, fields.next()?, fields.next()?);
        (device.eq_ignore_ascii_case(id) && rev.eq_ignore_ascii_case(revision))
            .then(|| name.to_owned())
    })
}

/// Lines like `8086  Intel Corporation` with `\t56a0  DG2 [Arc A770]` below.
fn in_pci_ids(names: &str, vendor: &str, id: &str) -> Option<String> {
    let vendor = vendor.trim_start_matches("0x");
    let begins = |line: &&str| line.split_whitespace().next() == Some(vendor);
    let mut lines = names
        .lines()
        .skip_while(|line| line.starts_with('\t') || !begins(line));
    lines.next()?;
    let devices = lines.take_while(|line| line.starts_with('\t') || line.starts_with('#'));
    let mut own = devices.filter(|line| !line.starts_with("\t\t"));
    own.find_map(|line| {
        let name = line.trim_start().strip_prefix(id)?.trim();
        // The name in brackets is the one on the box.
        let inner = name
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'));
        Some(inner.map_or(name, |(inner, _)| inner).to_owned())
    })
}

/// Bytes that this process holds on the card at that address, in regions with one of these names;
/// a handle that was duplicated counts once. An error where its driver tells of none of them.
pub(super) fn share_of_process(root: &Path, address: &str, regions: &[&str]) -> Reading<u64> {
    const NOT_USED: &str = "this process does not use it";
    let folder = root.join("proc/self/fdinfo");
    let entries = std::fs::read_dir(&folder).map_err(|_| files::NOT_REPORTED)?;
    let mut seen = BTreeSet::new();
    let mut bytes: Option<u64> = None;
    for entry in entries.flatten() {
        // Of the many files of a process few are a card's.
        let handle = root.join("proc/self/fd").join(entry.file_name());
        let target = std::fs::read_link(handle).unwrap_or_default();
        if !target.starts_with("/dev/dri") {
            continue;
        }
        let Ok(text) = files::text(&entry.path()) else {
            continue;
        };
        let value = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        if value("drm-pdev") != Some(address) {
            continue;
        }
        if seen.insert(value("drm-client-id").unwrap_or_default().to_owned()) {
            let of = |region: &&str| {
                let resident = value(&format!("drm-resident-{region}"));
                in_bytes(resident.or_else(|| value(&format!("drm-memory-{region}")))?)
            };
            let held = regions.iter().filter_map(of).chain(bytes);
            bytes = held.reduce(u64::saturating_add);
        }
    }
    if seen.is_empty() {
        return Err(NOT_USED);
    }
    bytes.ok_or(files::NOT_REPORTED)
}

/// `1024 KiB`, `3 MiB` or plain bytes.
fn in_bytes(text: &str) -> Option<u64> {
    let mut words = text.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    let unit = match words.next() {
        None => 1,
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        Some(_) => return None,
    };
    Some(number.saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_on_the_box() {
        let amd = "# List\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n";
        let found = in_amdgpu_ids(amd, "744c", "cc");
        assert_eq!(found.as_deref(), Some("AMD Radeon RX 7900 XT"));
        assert_eq!(in_amdgpu_ids(amd, "744c", "00"), None);
        let pci = "1002  AMD\n\t56a0  Not this\n8086  Intel Corporation\n\t1234  A thing\n\t\t8086 56a0  Sub\n# comment\n\t56a0  DG2 [Arc A770]\n\t56a1  Plain\n9999  Other\n\t56a2  Far\n";
        let found = |id| in_pci_ids(pci, "0x8086", id);
        assert_eq!(found("56a0").as_deref(), Some("Arc A770"));
        assert_eq!(found("56a1").as_deref(), Some("Plain"));
        assert_eq!((found("56a2"), in_pci_ids("", "0x8086", "1")), (None, None));
    }

    #[test]
    #[cfg(unix)]
    fn the_share_of_this_process_counts_a_client_once() {
        let root = tempfile::tempdir().unwrap();
        let proc = root.path().join("proc/self");
        std::fs::create_dir_all(proc.join("fd")).unwrap();
        std::fs::create_dir_all(proc.join("fdinfo")).unwrap();
        let card = "drm-driver: amdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t7\ndrm-memory-vram:\t2048 KiB\ndrm-memory-gtt: 1 MiB\n";
        let other = card.replace("03:00", "04:00");
        let unreadable = card.replace("03:00", "05:00").replace("2048", "many");
        for (number, target, text) in [
            ("3", "/dev/dri/renderD128", card),
            ("4", "/dev/dri/renderD128", card),
            ("5", "/dev/dri/renderD129", other.as_str()),
            ("6", "/tmp/file", card),
            ("7", "/dev/dri/renderD130", unreadable.as_str()),
        ] {
            std::os::unix::fs::symlink(target, proc.join("fd").join(number)).unwrap();
            std::fs::write(proc.join("fdinfo").join(number), text).unwrap();
        }
        let share = |regions: &[&str]| share_of_process(root.path(), "0000:03:00.0", regions);
        assert_eq!(share(&["vram"]), Ok(2 << 20));
        assert_eq!(share(&["vram", "gtt"]), Ok(3 << 20));
        assert_eq!(share(&["local0"]), Err(files::NOT_REPORTED));
        let at = |address| share_of_process(root.path(), address, &["vram"]);
        assert_eq!(at("0000:05:00.0"), Err(files::NOT_REPORTED));
        let unused = at("0000:09:00.0");
        assert_eq!(unused, Err("this process does not use it"));
    }
}
