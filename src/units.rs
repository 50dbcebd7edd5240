//! Numbers with their units, as people read them.

/// Bytes in the largest binary unit that gives at least one: `4.7 GiB`.
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ if value >= 99.95 => format!("{value:.0} {}", units[unit]),
        _ => format!("{value:.1} {}", units[unit]),
    }
}

/// A share of a whole in the whole's unit: `3.1 / 15.6 GiB`.
pub fn bytes_of(used: u64, total: u64) -> String {
    let (used_text, total_text) = (bytes(used), bytes(total));
    match (used_text.split_once(' '), total_text.split_once(' ')) {
        (Some((value, unit)), Some((_, same))) if unit == same => format!("{value} / {total_text}"),
        _ => format!("{used_text} / {total_text}"),
    }
}

/// A count with separators: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of what takes an s: `1 token`, `1,234 tokens`.
pub fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(number))
}

/// Tokens per second: `24.9 tok/s`.
pub fn rate(per_second: f64) -> String {
    format!("{} tok/s", per_second_alone(per_second))
}

/// The number of a rate where the unit stands already: `24.9`, `1,241`.
pub fn per_second_alone(per_second: f64) -> String {
    if per_second >= 99.95 {
        count(per_second.round() as u64)
    } else {
        format!("{per_second:.1}")
    }
}

/// Bytes per second: `98.2 MiB/s`.
pub fn byte_rate(per_second: f64) -> String {
    format!("{}/s", bytes(per_second as u64))
}

/// A duration from milliseconds: `312 ms`, `3.4 s`, `2 min 05 s`.
pub fn duration(ms: f64) -> String {
    let seconds = ms / 1000.0;
    match () {
        () if ms < 9.95 => format!("{ms:.1} ms"),
        () if ms < 999.5 => format!("{ms:.0} ms"),
        () if seconds < 59.95 => format!("{seconds:.1} s"),
        () => format!("{} min {:02} s", seconds as u64 / 60, seconds as u64 % 60),
    }
}

/// The time left, rounded so that it does not pretend to be known: `3 s`, `2 min`.
pub fn time_left(ms: f64) -> String {
    let seconds = (ms / 1000.0).ceil().max(1.0);
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

/// Parameters of a model: `494 M`, `7.6 B`.
pub fn parameters(number: u64) -> String {
    let value = number as f64;
    match () {
        () if value >= 1e9 => format!("{:.1} B", value / 1e9),
        () if value >= 1e6 => format!("{:.0} M", value / 1e6),
        () => count(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit_the_size() {
        assert_eq!(bytes(900), "900 B");
        assert_eq!(bytes(4_900_000), "4.7 MiB");
        assert_eq!(bytes(137 << 30), "137 GiB");
        assert_eq!(bytes_of(3 << 30, 16 << 30), "3.0 / 16.0 GiB");
        assert_eq!(bytes_of(3 << 20, 16 << 30), "3.0 MiB / 16.0 GiB");
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(0, "token"), "0 tokens");
        assert_eq!(counted(1_usize, "vote"), "1 vote");
        assert_eq!(counted(1_234_u32, "prompt token"), "1,234 prompt tokens");
        assert_eq!(rate(24.94), "24.9 tok/s");
        assert_eq!(rate(1880.4), "1,880 tok/s");
        assert_eq!(parameters(494_000_000), "494 M");
    }

    #[test]
    fn durations_fit_the_size() {
        let cases = [
            (3.12, "3.1 ms"),
            (312.0, "312 ms"),
            (999.9, "1.0 s"),
            (3400.0, "3.4 s"),
            (125_000.0, "2 min 05 s"),
        ];
        for (ms, text) in cases {
            assert_eq!(duration(ms), text);
        }
        assert_eq!(time_left(100.0), "1 s");
        assert_eq!(time_left(180_000.0), "3 min");
    }
}
