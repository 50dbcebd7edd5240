//! One round of readings.

/// A reading, or why there is none (`no driver`, `not reported by this GPU`).
pub type Reading<T> = Result<T, Missing>;

/// Why a reading is missing, in a few words for the screen.
pub type Missing = &'static str;

/// All readings of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub at: Moment,
    pub cpu: CpuSample,
    pub memory: MemorySample,
    pub process: ProcessSample,
    /// Every thermal zone the kernel names.
    pub zones: Vec<Zone>,
    /// Each GPU found, or why none is shown.
    pub gpus: Result<Vec<GpuSample>, String>,
}

/// When a sample was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since the sensors were started; never goes back.
    pub ms: u64,
    /// Milliseconds since 1970, UTC, by the machine's clock, which may be set.
    pub unix_ms: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CpuSample {
    /// Percent of all cores, 0 to 100; in a container with a quota, percent of that.
    pub load: Reading<f32>,
    /// Percent of each core, 0 to 100.
    pub cores: Vec<f32>,
    /// Percent of the time in which the hypervisor ran somebody else.
    pub steal: Reading<f32>,
    /// Mean clock of the cores in MHz.
    pub clock: Reading<f32>,
    /// The highest clock a core can have, in MHz.
    pub clock_max: Reading<f32>,
    /// MHz of each core, as far as it was read.
    pub clocks: Vec<f32>,
    /// Degrees Celsius.
    pub temperature: Reading<f32>,
    /// Watts of the CPU packages and their memory, as RAPL counts them.
    pub power: Reading<f32>,
    /// Joules since the sensors were started; from the same counters.
    pub energy: Reading<f64>,
    /// Tasks that run or want to, over the last minute.
    pub load_average: Reading<f32>,
    /// Cores' worth of time that the container may use; no quota is `Err("no limit")`.
    pub quota: Reading<f32>,
    /// Percent of the time in which the quota held the container back.
    pub held_back: Reading<f32>,
}

/// Bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct MemorySample {
    pub total: Reading<u64>,
    /// Not available to programs: total less what the kernel calls available.
    pub used: Reading<u64>,
    /// No swap configured is `Err("none configured")`.
    pub swap_total: Reading<u64>,
    pub swap_used: Reading<u64>,
    /// Bytes per second read back from swap, by the whole machine.
    pub swap_in: Reading<f64>,
    /// Bytes per second written to swap, by the whole machine.
    pub swap_out: Reading<f64>,
    /// Resident memory of this process.
    pub process: Reading<u64>,
    /// RAM that CPU and GPU share, with what the firmware set aside for the GPU; a machine whose
    /// GPU has memory of its own has `Err("the GPU has its own")`.
    pub pool: Reading<Pool>,
}

/// Memory that CPU and GPU share, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    pub used: u64,
    pub total: u64,
}

/// What this process does, per second.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessSample {
    /// Percent of one core; 400 is four cores.
    pub cpu: Reading<f32>,
    /// Page faults that waited for a disk.
    pub major_faults: Reading<f64>,
    /// Page faults that did not.
    pub minor_faults: Reading<f64>,
    /// Bytes fetched from disks for it, mapped files included.
    pub disk_read: Reading<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    pub name: String,
    /// Degrees Celsius.
    pub temperature: Reading<f32>,
}

/// Who made a GPU, which is who answers for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Nvidia,
    Amd,
    Intel,
    Apple,
}

/// Whose memory a GPU works in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuMemory {
    Own,
    /// The machine's; the fields of the sample then tell the part that the GPU uses or may use.
    Shared,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GpuSample {
    /// Counts from 0 over all vendors.
    pub index: u32,
    pub vendor: Vendor,
    pub name: String,
    /// What the driver calls it: a UUID or a PCI address; may be empty.
    pub id: String,
    pub memory: GpuMemory,
    /// Percent, 0 to 100.
    pub load: Reading<f32>,
    /// Bytes.
    pub memory_used: Reading<u64>,
    pub memory_total: Reading<u64>,
    /// Bytes that this process uses of it.
    pub memory_process: Reading<u64>,
    /// Bytes that the firmware set aside of RAM for it; 0 where the GPU has its own.
    pub set_aside: Reading<Pool>,
    /// Degrees Celsius.
    pub temperature: Reading<f32>,
    /// Watts.
    pub power: Reading<f32>,
    pub power_limit: Reading<f32>,
    /// Joules since the driver was loaded.
    pub energy: Reading<f64>,
    /// MHz of the cores.
    pub clock: Reading<f32>,
    pub clock_max: Reading<f32>,
    /// MHz of the memory.
    pub memory_clock: Reading<f32>,
    /// What holds its clocks down; empty = nothing.
    pub throttle: Reading<Vec<Throttle>>,
    /// Bytes per second from and to the GPU.
    pub pcie_sent: Reading<f64>,
    pub pcie_received: Reading<f64>,
    pub link: Reading<Link>,
    /// Percent of the fastest the fan can do.
    pub fan: Reading<f32>,
}

/// How a GPU is connected now: both sink while it has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Billions of transfers per second of a lane.
    pub gigatransfers: f32,
    pub lanes: u32,
}

impl GpuSample {
    /// A GPU that tells nothing, for this reason.
    pub fn silent(index: u32, vendor: Vendor, name: impl Into<String>, why: Missing) -> Self {
        Self {
            index,
            vendor,
            name: name.into(),
            id: String::new(),
            memory: GpuMemory::Own,
            load: Err(why),
            memory_used: Err(why),
            memory_total: Err(why),
            memory_process: Err(why),
            set_aside: Err(why),
            temperature: Err(why),
            power: Err(why),
            power_limit: Err(why),
            energy: Err(why),
            clock: Err(why),
            clock_max: Err(why),
            memory_clock: Err(why),
            throttle: Err(why),
            pcie_sent: Err(why),
            pcie_received: Err(why),
            link: Err(why),
            fan: Err(why),
        }
    }
}

/// Why a GPU does not run as fast as it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// It takes as much power as it may.
    PowerLimit,
    /// It draws as much current as it may.
    CurrentLimit,
    /// The board or the power supply asked for less, at once.
    PowerBrake,
    /// The driver slows it down because it, or its memory, is hot.
    Heat,
    /// The hardware slows it down because it is too hot.
    Overheat,
    /// The hardware slows it down: heat, power or the supply.
    Hardware,
    /// Another GPU of its group is slow.
    SyncBoost,
}

impl Throttle {
    /// In a few words for the screen.
    pub fn what(self) -> &'static str {
        match self {
            Self::PowerLimit => "power limit",
            Self::CurrentLimit => "current limit",
            Self::PowerBrake => "power brake",
            Self::Heat => "hot",
            Self::Overheat => "overheated",
            Self::Hardware => "hardware slowdown",
            Self::SyncBoost => "waits for its group",
        }
    }
}

/// Nothing has been read yet: what tests and the first frame begin with.
impl Default for Sample {
    fn default() -> Self {
        const NOT_READ: Missing = "not read yet";
        Self {
            at: Moment::default(),
            cpu: CpuSample::missing(NOT_READ),
            memory: MemorySample::missing(NOT_READ),
            process: ProcessSample::missing(NOT_READ),
            zones: Vec::new(),
            gpus: Err(NOT_READ.to_owned()),
        }
    }
}

impl Sample {
    /// Whether it says the same, whenever it was taken.
    pub fn reads_like(&self, other: &Self) -> bool {
        let Self {
            at: _,
            cpu,
            memory,
            process,
            zones,
            gpus,
        } = self;
        *cpu == other.cpu
            && *memory == other.memory
            && *process == other.process
            && *zones == other.zones
            && *gpus == other.gpus
    }
}

impl CpuSample {
    /// A CPU that tells nothing, for this reason.
    pub fn missing(why: Missing) -> Self {
        Self {
            load: Err(why),
            cores: Vec::new(),
            steal: Err(why),
            clock: Err(why),
            clock_max: Err(why),
            clocks: Vec::new(),
            temperature: Err(why),
            power: Err(why),
            energy: Err(why),
            load_average: Err(why),
            quota: Err(why),
            held_back: Err(why),
        }
    }
}

impl MemorySample {
    /// A machine that does not tell about its memory, for this reason.
    pub fn missing(why: Missing) -> Self {
        Self {
            total: Err(why),
            used: Err(why),
            swap_total: Err(why),
            swap_used: Err(why),
            swap_in: Err(why),
            swap_out: Err(why),
            process: Err(why),
            pool: Err(why),
        }
    }
}

impl ProcessSample {
    /// Nothing known of this process, for this reason.
    pub fn missing(why: Missing) -> Self {
        Self {
            cpu: Err(why),
            major_faults: Err(why),
            minor_faults: Err(why),
            disk_read: Err(why),
        }
    }
}
