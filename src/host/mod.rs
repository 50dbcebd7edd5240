//! What the system gives this process: memory, and the limits of the cgroup it runs in.
//!
//! One reader for gauges, plans and the command line, so that they say the same. It reads below a
//! root folder that it is given, so that tests bring machines of their own.

mod cgroup;
mod memory;

pub use cgroup::{Cgroup, Group, MemoryLimit, Version};
pub use memory::{Memory, MemoryReader};

/// The number behind a name in lines like `MemTotal:  123 kB` or `pswpin 12`.
pub fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = rest
            .strip_prefix(':')
            .or_else(|| rest.starts_with([' ', '\t']).then_some(rest))?;
        rest.split_whitespace().next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "MemTotalExtra: 1 kB\nMemTotal:       16384 kB\npswpin 12\nbad: x\n";
        assert_eq!(field(text, "MemTotal"), Some(16384));
        assert_eq!(field(text, "pswpin"), Some(12));
        assert_eq!(field(text, "bad"), None);
        assert_eq!(field(text, "pswp"), None);
    }
}
