//! The OCI bundle of a workload: an allow-list root, users of its own, limits, nothing of the host.
//!
//! The root is empty but for `/usr` (read-only, without `/usr/local`) and a generated `/etc`;
//! everything a workload writes lives in memory file systems inside its own memory limit. It has a
//! loopback network and nothing else, unless a way out is opened for it.

use super::network::RESOLVER;
use crate::inventory;
use anyhow::{Context, Result};
use api::node::Work;
use oci_spec::runtime::Spec;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
};

/// First user id of the first range; each range has 65,536.
const FIRST_USER: u32 = 1_000_000;
const RANGE: u32 = 65_536;
/// Ranges of one agent; agents of one machine have their own.
pub const RANGES_PER_AGENT: u32 = 64;

/// Where a workload's users are on the host.
#[derive(Debug, Clone, Copy)]
pub enum Users {
    /// A range of its own: this program runs as root.
    Range(u32),
    /// This program's own user: it does not.
    Own {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
    },
}

impl Users {
    fn first(self) -> (u32, u32, u32) {
        match self {
            Self::Range(range) => {
                let first = FIRST_USER + range * RANGE;
                (first, first, RANGE)
            }
            Self::Own { uid, gid } => (uid, gid, 1),
        }
    }
}

/// Writes the bundle; writing it again replaces it.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, work: &Work, users: Users, init: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(folder);
    let (root, etc, tools) = (folder.join("rootfs"), folder.join("etc"), folder.join("tools"));
    for name in [
        "usr",
        "etc",
        "proc",
        "sys",
        "dev",
        "tmp",
        "run",
        "root",
        "var",
        "home",
        "opt/gpuaas",
        ".init",
    ] {
        fs::create_dir_all(root.join(name)).context("make the root")?;
    }
    fs::write(root.join(".init/gpuaas"), []).context("make the root")?;
    for name in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name)).context("link into /usr")?;
    }
    write_etc(&etc, work)?;
    write_tools(&tools, work)?;
    let (uid, gid, _) = users.first();
    if matches!(users, Users::Range(_)) {
        for path in [&root, &root.join("root"), &root.join("home"), &root.join("var")] {
            chown(path, Some(uid), Some(gid)).context("give the root to its user")?;
        }
    }
    // The folders above are for this program alone; the workload's root must be reachable.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).context("open the folder")?;
    let devices = gpu_devices(work)?;
    let spec: Spec = serde_json::from_value(config(folder, work, users, init, &devices))
        .context("make the config")?;
    spec.save(folder.join("config.json")).context("write the config")
}

fn write_etc(etc: &Path, work: &Work) -> Result<()> {
    fs::create_dir_all(etc).context("make /etc")?;
    let host = &work.spec.hostname;
    let resolver =
        if work.spec.outgoing { format!("nameserver {RESOLVER}\n") } else { String::new() };
    let files: [(&str, String); 9] = [
        ("passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n".into()),
        ("group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n".into()),
        ("hostname", format!("{host}\n")),
        ("hosts", format!("127.0.0.1 localhost {host}\n::1 localhost\n")),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".into()),
        ("resolv.conf", resolver),
        ("os-release", "NAME=\"GPUaaS workload\"\nID=gpuaas\n".into()),
        ("profile", "export PS1='\\u@\\h:\\w\\$ '\nexport PATH=/opt/gpuaas/bin:/usr/bin:/usr/sbin\n".into()),
        ("bash.bashrc", "PS1='\\u@\\h:\\w\\$ '\n".into()),
    ];
    for (name, text) in files {
        fs::write(etc.join(name), text).context("write /etc")?;
    }
    for name in ["alternatives", "ssl", "ld.so.conf.d", "terminfo"] {
        fs::create_dir_all(etc.join(name)).context("make /etc")?;
    }
    fs::write(etc.join("ld.so.cache"), []).context("make /etc")
}

/// Tools of ours inside the workload; for made-up GPUs an `nvidia-smi` that says so.
fn write_tools(tools: &Path, work: &Work) -> Result<()> {
    let bin = tools.join("bin");
    fs::create_dir_all(&bin).context("make the tools")?;
    if !work.spec.simulated {
        return Ok(());
    }
    let mut lines = String::from("#!/bin/sh\n# The GPUs of this workload are simulated.\n");
    lines.push_str("if [ \"$1\" = -L ]; then\n");
    for gpu in &work.spec.gpus {
        lines.push_str(&format!(
            "  echo 'GPU {}: NVIDIA {} (simulated) (UUID: {})'\n",
            gpu.index, gpu.model, gpu.uuid
        ));
    }
    lines.push_str("  exit 0\nfi\necho 'NVIDIA-SMI (simulated: no GPU is behind this)'\n");
    for gpu in &work.spec.gpus {
        lines.push_str(&format!(
            "echo '{:>3}  NVIDIA {} (simulated)   0MiB / {}MiB   0%'\n",
            gpu.index, gpu.model, gpu.memory_mib
        ));
    }
    let path = bin.join("nvidia-smi");
    fs::write(&path, lines).context("write a tool")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).context("write a tool")
}

fn bind(source: &Path, target: &str, extra: &[&str]) -> Value {
    let mut options = vec!["rbind", "ro", "nosuid", "nodev"];
    options.extend(extra);
    json!({ "destination": target, "type": "bind", "source": source, "options": options })
}

fn memory(target: &str, mode: &str, mib: i64) -> Value {
    let size = format!("size={mib}m");
    let mode = format!("mode={mode}");
    json!({ "destination": target, "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "nodev", mode, size] })
}

fn mounts(folder: &Path, work: &Work, init: &Path) -> Vec<Value> {
    let half = (work.spec.mem_mib / 2).max(32);
    let eighth = (work.spec.mem_mib / 8).max(16);
    let mut mounts = vec![
        json!({ "destination": "/proc", "type": "proc", "source": "proc" }),
        json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=1m"] }),
        json!({ "destination": "/dev/pts", "type": "devpts", "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "max=64"] }),
        memory("/dev/shm", "1777", half),
        json!({ "destination": "/sys", "type": "sysfs", "source": "sysfs",
                "options": ["nosuid", "noexec", "nodev", "ro"] }),
        bind(Path::new("/usr"), "/usr", &[]),
        json!({ "destination": "/usr/local", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "nodev", "ro", "mode=755", "size=1m"] }),
        bind(&folder.join("etc"), "/etc", &[]),
        bind(&folder.join("tools"), "/opt/gpuaas", &[]),
        memory("/tmp", "1777", half),
        memory("/run", "755", eighth),
        memory("/var", "755", eighth),
        memory("/root", "700", half),
    ];
    mounts.push(bind(init, "/.init/gpuaas", &[]));
    for (host, inside) in [
        ("/etc/alternatives", "/etc/alternatives"),
        ("/etc/ssl/certs", "/etc/ssl"),
        ("/etc/ld.so.cache", "/etc/ld.so.cache"),
    ] {
        if Path::new(host).exists() {
            mounts.push(bind(Path::new(host), inside, &[]));
        }
    }
    mounts
}

/// System calls that reach deep into the host's kernel and that no workload needs.
const REFUSED_CALLS: &[&str] = &[
    "acct",
    "add_key",
    "bpf",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "io_setup",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pivot_root",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "request_key",
    "setns",
    "socketcall",
    "swapoff",
    "swapon",
    "umount",
    "umount2",
    "unshare",
    "userfaultfd",
    "vhangup",
];

/// `CLONE_NEWUSER`: a workload makes no user namespaces of its own.
const NEW_USER: u64 = 0x1000_0000;

/// Limits, as far as they can be set: without root there is only the list of devices.
fn resources(work: &Work, users: Users, devices: &[Value]) -> Value {
    let spec = &work.spec;
    let mut list = vec![json!({ "allow": false, "access": "rwm" })];
    for device in devices {
        list.push(json!({ "allow": true, "type": "c", "major": device.get("major"),
                          "minor": device.get("minor"), "access": "rw" }));
    }
    match users {
        Users::Range(_) => json!({
            "memory": { "limit": spec.mem_mib << 20, "swap": spec.mem_mib << 20 },
            "cpu": { "quota": spec.cpu_milli * 100, "period": 100_000 },
            "pids": { "limit": spec.pids },
            "devices": list,
        }),
        _ => json!({ "devices": list }),
    }
}

/// Address families a workload may use are UNIX (1), INET (2), INET6 (10) and NETLINK (16): others are not
/// confined to its network namespace (VSOCK, 40) or reach rarely walked parts of the kernel.
fn families() -> Vec<Value> {
    let refuse = |value: u64, op: &str| {
        json!({ "names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97,
                "args": [{ "index": 0, "value": value, "op": op }] })
    };
    let mut rules = vec![refuse(16, "SCMP_CMP_GT")];
    rules
        .extend((3..16).filter(|family| *family != 10).map(|family| refuse(family, "SCMP_CMP_EQ")));
    rules
}

fn seccomp() -> Value {
    let mut rules = vec![
        json!({ "names": REFUSED_CALLS, "action": "SCMP_ACT_ERRNO", "errnoRet": 1 }),
        json!({ "names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                "args": [{ "index": 0, "value": NEW_USER, "valueTwo": NEW_USER, "op": "SCMP_CMP_MASKED_EQ" }] }),
        json!({ "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 }),
    ];
    rules.extend(families());
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": rules
    })
}

fn config(folder: &Path, work: &Work, users: Users, init: &Path, devices: &[Value]) -> Value {
    let (uid, gid, size) = users.first();
    let caps = [
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_NET_BIND_SERVICE",
        "CAP_SYS_CHROOT",
    ];
    let mut config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": ["/.init/gpuaas", "sandbox-init"],
            "env": ["PATH=/opt/gpuaas/bin:/usr/bin:/usr/sbin", "HOME=/root", "TERM=xterm-256color"],
            "cwd": "/root",
            "noNewPrivileges": true,
            "capabilities": { "bounding": caps, "effective": caps, "permitted": caps },
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": work.spec.hostname,
        "mounts": mounts(folder, work, init),
        "linux": {
            "namespaces": [
                { "type": "pid" }, { "type": "network" }, { "type": "ipc" }, { "type": "uts" },
                { "type": "mount" }, { "type": "user" }, { "type": "cgroup" }
            ],
            "uidMappings": [{ "containerID": 0, "hostID": uid, "size": size }],
            "gidMappings": [{ "containerID": 0, "hostID": gid, "size": size }],
            "resources": resources(work, users, devices),
            "devices": devices,
            "seccomp": seccomp(),
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
                "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/cmdline", "/proc/config.gz",
                "/proc/diskstats", "/proc/partitions", "/proc/interrupts", "/proc/iomem",
                "/proc/sys/kernel/random/boot_id", "/sys/block", "/sys/class/block",
                "/sys/dev/block", "/sys/module", "/sys/kernel"
            ],
            "readonlyPaths": [
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"
            ]
        }
    });
    // Without root no group can be made; runc goes on without one only where none is named.
    if let (Users::Range(_), Some(linux)) = (users, config.get_mut("linux")) {
        linux["cgroupsPath"] = json!(format!("/gpuaas/{}", work.allocation_id));
    }
    config
}

/// Device nodes of real GPUs: exactly those of this workload, and what the driver needs beside them. A
/// GPU that is not there is an error: nobody pays for one that is missing.
fn gpu_devices(work: &Work) -> Result<Vec<Value>> {
    use std::os::unix::fs::MetadataExt;
    if work.spec.simulated || work.spec.gpus.is_empty() {
        return Ok(Vec::new());
    }
    let own = work.spec.gpus.iter().map(|gpu| inventory::device_of(&gpu.uuid));
    let shared = ["/dev/nvidiactl", "/dev/nvidia-uvm"].map(|path| Ok(path.to_owned()));
    own.chain(shared)
        .map(|path| {
            let path = path?;
            let device = fs::metadata(&path).context("a GPU of this workload is not there")?.rdev();
            Ok(json!({ "path": path, "type": "c", "fileMode": 0o666, "uid": 0, "gid": 0,
                       "major": nix::sys::stat::major(device), "minor": nix::sys::stat::minor(device) }))
        })
        .collect()
}
