//! This machine: whether what must be written can be, and for how much longer.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::report::{Category, Check};
use crate::config::Config;
use crate::db::{beside, file_of};

const STORAGE: &str = "storage";
const DISK: &str = "disk space";
const MEGABYTE: u64 = 1_000_000;

pub fn checks(config: &Config) -> Vec<Check> {
    let Some(file) = file_of(&config.database) else {
        let found = "Everything is kept in Postgres; this process writes no files.";
        return vec![
            Check::ok(Category::Machine, STORAGE, found),
            Check::ok(Category::Machine, DISK, found),
        ];
    };
    vec![storage(&file), disk(&file, config.doctor.min_free_mb)]
}

/// Writes a few bytes beside the database, and takes them away again.
fn storage(database: &Path) -> Check {
    let probe = beside(database, "probe");
    let folder = folder(database);
    match write(&probe) {
        Ok(()) => Check::ok(
            Category::Machine,
            STORAGE,
            format!("{} can be written.", folder.display()),
        ),
        Err(cause) => {
            let found = format!("{} cannot be written: {cause}.", folder.display());
            let action = "Give this process's user the right to write there, make room, or let database.url name \
                          another folder.";
            Check::broken(Category::Machine, STORAGE, found, action)
        }
    }
}

fn write(probe: &Path) -> std::io::Result<()> {
    let written = File::create(probe).and_then(|mut file| {
        file.write_all(b"Sitewright can write here.")?;
        file.sync_all()
    });
    // Also after a failure: a full disk must not keep what was to show that it is full.
    let removed = std::fs::remove_file(probe);
    written.and(removed)
}

fn disk(database: &Path, least_mb: u64) -> Check {
    let folder = folder(database);
    let stat = match rustix::fs::statvfs(&folder) {
        Ok(stat) => stat,
        Err(cause) => {
            let found = format!("{} cannot be asked for its free space: {cause}.", folder.display());
            let action = "Let database.url name a file in a folder that exists.";
            return Check::broken(Category::Machine, DISK, found, action);
        }
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize) / MEGABYTE;
    let found = format!("{free} MB are free at {}.", folder.display());
    let action = format!("Make room: a full disk stops every write. The bound is doctor.min_free_mb = {least_mb}.");
    match free {
        free if free < least_mb / 10 => Check::broken(Category::Machine, DISK, found, action),
        free if free < least_mb => Check::warning(Category::Machine, DISK, found, action),
        _ => Check::ok(Category::Machine, DISK, found),
    }
}

fn folder(database: &Path) -> PathBuf {
    let absolute = std::path::absolute(database).unwrap_or_else(|_| database.to_path_buf());
    absolute.parent().map_or(PathBuf::from("/"), Path::to_path_buf)
}
