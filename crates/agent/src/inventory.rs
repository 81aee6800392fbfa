//! What this machine has: processors, memory, disk, GPUs by NVML where a driver is.

use crate::{Options, runtime::Facts};
use anyhow::Context;
use api::node::{Gpu, Inventory};
use nix::sys::{statvfs::statvfs, utsname::uname};

/// Reads the inventory.
pub fn read(options: &Options, facts: Facts) -> Inventory {
    let names = uname().ok();
    let text = |value: Option<&std::ffi::OsStr>| {
        value.and_then(std::ffi::OsStr::to_str).unwrap_or("unknown").to_owned()
    };
    let host = text(names.as_ref().map(|names| names.nodename()));
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let disk = statvfs(&options.data)
        .map(|stat| stat.blocks_available().saturating_mul(stat.fragment_size()) >> 20)
        .unwrap_or(0);
    Inventory {
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        hostname: options.name.clone().unwrap_or(host),
        kernel: text(names.as_ref().map(|names| names.release())),
        cpu_count: i64::try_from(cpus).unwrap_or(1),
        memory_mib: memory_mib(),
        disk_mib: i64::try_from(disk).unwrap_or(i64::MAX),
        gpus: options.simulate.clone().unwrap_or_else(gpus),
        simulated: options.simulate.is_some(),
        runtime: facts.runtime,
        not_enforced: facts.not_enforced,
    }
}

fn memory_mib() -> i64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<i64>().ok());
    kib.unwrap_or(0) / 1024
}

/// Asks NVML; without a driver there are none.
fn gpus() -> Vec<Gpu> {
    let Ok(nvml) = nvml_wrapper::Nvml::init() else { return Vec::new() };
    let count = nvml.device_count().unwrap_or(0);
    (0..count)
        .filter_map(|index| {
            let device = nvml.device_by_index(index).ok()?;
            Some(Gpu {
                index: i64::from(index),
                uuid: device.uuid().ok()?,
                model: short_model(&device.name().ok()?),
                memory_mib: i64::try_from(device.memory_info().ok()?.total >> 20).ok()?,
            })
        })
        .collect()
}

/// Returns the device node of a GPU by its UUID. The driver numbers devices on its own: the index is
/// not the number of the node.
pub fn device_of(uuid: &str) -> anyhow::Result<String> {
    let nvml = nvml_wrapper::Nvml::init().context("ask the GPU driver")?;
    let device = nvml.device_by_uuid(uuid).with_context(|| format!("find the GPU {uuid}"))?;
    let minor =
        device.minor_number().with_context(|| format!("find the node of the GPU {uuid}"))?;
    Ok(format!("/dev/nvidia{minor}"))
}

/// `NVIDIA H200` becomes `H200`; `NVIDIA A100-SXM4-80GB` stays whole behind the maker's name.
fn short_model(name: &str) -> String {
    name.trim_start_matches("NVIDIA ").trim().to_owned()
}

/// Memory of well-known models, MiB; others are taken as 24 GiB.
fn memory_of(model: &str) -> i64 {
    match model {
        "B200" => 183_359,
        "H200" => 143_771,
        "H100" | "A100" => 81_559,
        "L40S" | "A40" => 46_068,
        "T4" => 15_360,
        _ => 24_576,
    }
}

/// Parses `2x8xH100,4xL40S` into one list of made-up GPUs per node: `[N x]G x MODEL`.
///
/// # Errors
/// Plain words on what is wrong.
pub fn parse_simulate(text: &str) -> Result<Vec<Vec<Gpu>>, String> {
    let mut nodes = Vec::new();
    for part in text.split(',').map(str::trim) {
        let words: Vec<&str> = part.split('x').collect();
        let number =
            |word: &str, most: usize| word.parse::<usize>().ok().filter(|n| (1..=most).contains(n));
        let (count, gpus, model) = match words.as_slice() {
            [gpus, model] => (Some(1), number(gpus, 16), *model),
            [count, gpus, model] => (number(count, 16), number(gpus, 16), *model),
            _ => (None, None, ""),
        };
        let fits = (1..=40).contains(&model.len())
            && model.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let (Some(count), Some(gpus), true) = (count, gpus, fits) else {
            return Err(format!(
                "{part:?} is not of the form [NODESx]GPUSxMODEL, such as 2x8xH100"
            ));
        };
        for _ in 0..count {
            let node = nodes.len();
            nodes.push((0..gpus).map(|index| made_up(node, index, model)).collect());
        }
    }
    Ok(nodes)
}

fn made_up(node: usize, index: usize, model: &str) -> Gpu {
    Gpu {
        index: i64::try_from(index).unwrap_or(0),
        uuid: format!("GPU-simulated-{node:04}-{index:02}"),
        model: model.to_owned(),
        memory_mib: memory_of(model),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulation_is_parsed_or_refused() {
        let nodes = parse_simulate("2x8xH100,4xL40S").unwrap();
        assert_eq!(nodes.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 4]);
        assert_eq!((nodes[0][7].index, nodes[2][0].model.as_str()), (7, "L40S"));
        for bad in ["", "H100", "0xH100", "2x99xH100", "8x", "1x2x3xH100", "8xH 100", "-1xH100"] {
            assert!(parse_simulate(bad).is_err(), "{bad}");
        }
    }
}
