//! The temporary database of a run that keeps none: a folder that only this user can read, gone with the run.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Removes its folder when it is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn make() -> std::io::Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("sitewright-{}", Uuid::new_v4().simple()));
        // `create` fails when the name is taken, so nobody can have prepared the folder for us.
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Scratch(folder))
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }

    pub fn database_url(&self) -> String {
        format!("sqlite://{}/work.db", self.0.display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is the temporary folder's business.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
