//! What this process has used so far: processor time and the most memory it held. Reads the system's own books; only for measuring.
use std::path::Path;

use super::disk::RealDisk;

/// Clock ticks a second in `/proc/self/stat`: fixed at 100 in the interface of Linux.
const TICKS: f64 = 100.0;
/// More than the files in question ever hold.
const LIMIT: u64 = 64 * 1024;

/// What a process used since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Seconds of processor time, in the program and in the system on its behalf; steps of 10 ms.
    pub cpu_seconds: f64,
    /// The most memory held at once, in units of 1024 bytes (`VmHWM`).
    pub peak_kb: u64,
}

/// The use so far; `None` where the system has no `/proc`.
pub fn of_this_process() -> Option<Usage> {
    let folder = RealDisk::root().ok()?.open(Path::new("/proc/self")).ok()?;
    let text = |name: &str| folder.read(name, LIMIT).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Some(Usage { cpu_seconds: cpu_seconds(&text("stat")?)?, peak_kb: peak_kb(&text("status")?)? })
}

/// Fields 14 and 15 of `stat`; the second field is a name that may hold spaces and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

fn peak_kb(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 9";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("7 (a) S 1"), None);
    }

    #[test]
    fn the_peak_is_read_in_its_unit() {
        assert_eq!(peak_kb("VmPeak:\t  9 kB\nVmHWM:\t  1234 kB\n"), Some(1234));
        assert_eq!(peak_kb("VmPeak:\t  9 kB\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_used_something() {
        assert!(of_this_process().unwrap().peak_kb > 0);
    }
}
