//! Clocks of the cores: `/sys/devices/system/cpu/cpuN/cpufreq`
//! (Documentation/admin-guide/pm/cpufreq.rst), in kHz.

use std::path::{Path, PathBuf};

use super::Reading;
use super::check::{self, megahertz};
use super::files::{self, NOT_REPORTED};

/// Clocks read in a round at most: on a machine with hundreds of cores each costs as much as all
/// other sensors together. The next round reads the next ones.
const A_ROUND: usize = 16;

pub(super) struct Clocks {
    folder: PathBuf,
    /// `None` before they were looked for.
    cores: Option<Vec<PathBuf>>,
    /// MHz of each core at its last reading.
    known: Vec<Option<f32>>,
    next: usize,
    max: Reading<f32>,
}

impl Clocks {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            folder: root.join("sys/devices/system/cpu"),
            cores: None,
            known: Vec::new(),
            next: 0,
            max: Err(NOT_REPORTED),
        }
    }

    /// MHz of each core that tells; of the many cores of a large machine some are from the
    /// rounds before.
    pub(super) fn read(&mut self) -> Vec<f32> {
        let cores = self.cores.get_or_insert_with(|| {
            let cores = files::numbered(&self.folder, "cpu");
            let folders = cores
                .into_iter()
                .map(|(_, name)| self.folder.join(name).join("cpufreq"));
            folders.filter(|folder| folder.is_dir()).collect()
        });
        if self.known.len() != cores.len() {
            self.known = vec![None; cores.len()];
            let most = cores
                .iter()
                .filter_map(|core| kilohertz(&core.join("cpuinfo_max_freq")).ok());
            let most = most.fold(0.0, f32::max);
            self.max = if most > 0.0 {
                Ok(most)
            } else {
                Err(NOT_REPORTED)
            };
        }
        for _ in 0..cores.len().min(A_ROUND) {
            let core = self.next % cores.len();
            self.known[core] = kilohertz(&cores[core].join("scaling_cur_freq")).ok();
            self.next = (core + 1) % cores.len();
        }
        self.known.iter().flatten().copied().collect()
    }

    /// The highest clock of any core, in MHz.
    pub(super) fn max(&self) -> Reading<f32> {
        self.max
    }
}

/// MHz from a file in kHz; a clock that stands is none.
fn kilohertz(file: &Path) -> Reading<f32> {
    let value: u64 = files::number(file)?;
    if value == 0 {
        return Err(check::NONSENSE);
    }
    #[expect(clippy::cast_precision_loss, reason = "it is checked to be small")]
    megahertz(value as f64 / 1000.0)
}

pub(super) fn mean(clocks: &[f32]) -> Reading<f32> {
    if clocks.is_empty() {
        return Err(NOT_REPORTED);
    }
    Ok(clocks.iter().sum::<f32>() / clocks.len() as f32)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn many_cores_take_several_rounds() {
        let root = tempfile::tempdir().unwrap();
        for core in 0..40 {
            let folder = root
                .path()
                .join(format!("sys/devices/system/cpu/cpu{core}/cpufreq"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(
                folder.join("scaling_cur_freq"),
                format!("{}\n", 1_000_000 + core),
            )
            .unwrap();
            fs::write(folder.join("cpuinfo_max_freq"), "4200000\n").unwrap();
        }
        let mut clocks = Clocks::new(root.path());
        assert_eq!(clocks.read().len(), A_ROUND);
        clocks.read();
        assert_eq!(clocks.read().len(), 40);
        assert_eq!(clocks.max(), Ok(4200.0));
    }

    #[test]
    fn nonsense_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        for (core, text) in ["3000000", "0", "-1", "99999999999999", "x"]
            .iter()
            .enumerate()
        {
            let folder = root
                .path()
                .join(format!("sys/devices/system/cpu/cpu{core}/cpufreq"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("scaling_cur_freq"), text).unwrap();
        }
        let mut clocks = Clocks::new(root.path());
        assert_eq!(clocks.read(), [3000.0]);
        assert_eq!(clocks.max(), Err(NOT_REPORTED));
        assert_eq!(mean(&[]), Err(NOT_REPORTED));
        assert!(Clocks::new(&root.path().join("nowhere")).read().is_empty());
    }
}
