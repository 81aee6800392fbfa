//! What should be, on disk before it is made: one file per workload, replaced in one step.

use anyhow::{Context, Result};
use api::{AllocationId, node::Work};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// What is known of a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What should be.
    pub work: Work,
    /// Which range of users it runs in: 0, 1, 2 …
    pub range: u32,
    /// Whether it ran already: then it is not made a second time.
    #[serde(default)]
    pub ran: bool,
}

/// The folder of entries.
#[derive(Debug, Clone)]
pub struct Journal(PathBuf);

impl Journal {
    /// Opens the folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(data: &Path) -> Result<Self> {
        let folder = data.join("journal");
        fs::create_dir_all(&folder).context("make the journal")?;
        Ok(Self(folder))
    }

    fn path(&self, id: AllocationId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// Returns every entry. A file that cannot be read is an error: guessing would lose a workload.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn load(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.0).context("read the journal")? {
            let path = file.context("read the journal")?.path();
            if path.extension().is_some_and(|end| end == "json") {
                let bytes = fs::read(&path).context("read a journal entry")?;
                entries.push(serde_json::from_slice(&bytes).context("understand a journal entry")?);
            }
        }
        Ok(entries)
    }

    /// Writes an entry; durable when it returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, entry: &Entry) -> Result<()> {
        let path = self.path(entry.work.allocation_id);
        let fresh = path.with_extension("new");
        let bytes = serde_json::to_vec(entry).context("write an entry down")?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .context("open a journal entry")?;
        file.write_all(&bytes).context("write a journal entry")?;
        file.sync_all().context("sync a journal entry")?;
        fs::rename(&fresh, &path).context("keep a journal entry")?;
        fs::File::open(&self.0).and_then(|folder| folder.sync_all()).context("sync the journal")
    }

    /// Removes an entry; removing twice is fine.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, id: AllocationId) -> Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("remove a journal entry")
            }
            _ => Ok(()),
        }
    }
}
