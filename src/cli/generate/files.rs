//! Writing the finished files into a folder that belongs to somebody.
//!
//! Each file is written whole into a folder of ours inside it and then renamed, so that a reader never
//! sees half a page. Only files of the given names are replaced; nothing else is touched, and a name that
//! leads anywhere but directly into the folder is refused. Cleaning up pages of an earlier site is absent:
//! they may be somebody's.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::cli::failure::Failure;

/// A file to write.
pub struct File {
    pub name: String,
    pub text: String,
}

/// Says at once what would only fail at the end, when everything is paid for: the folder must be one, or can be made, and
/// can be written.
pub fn check(folder: &Path) -> Result<(), Failure> {
    let is_there = |path: &&Path| path.as_os_str().is_empty() || path.symlink_metadata().is_ok();
    let nearest = folder.ancestors().find(is_there).unwrap_or(Path::new(""));
    let nearest = if nearest.as_os_str().is_empty() {
        Path::new(".")
    } else {
        nearest
    };
    if !nearest.is_dir() {
        return Err(Failure::bad_input(format!(
            "{} is no folder. Name another one with --out.",
            nearest.display()
        )));
    }
    // Rights tell less than a try: a file system may be read-only, or full.
    let probe = nearest.join(format!(".sitewright-{}", Uuid::new_v4().simple()));
    let tried = fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe));
    tried.map_err(|cause| {
        Failure::bad_input(format!(
            "{} cannot be written: {cause}. Name another folder with --out.",
            folder.display()
        ))
    })
}

/// Writes all files, the last one last.
pub fn write(folder: &Path, files: &[File]) -> Result<(), Failure> {
    check_names(files)?;
    let failed = |path: &Path, cause: std::io::Error| {
        Failure::broken(format!(
            "{} cannot be written: {cause}. Name another folder with --out.",
            path.display()
        ))
    };
    fs::create_dir_all(folder).map_err(|cause| failed(folder, cause))?;
    // Inside the folder and not beside it: only there a rename is sure to stay on one file system.
    let staging = Staging(folder.join(format!(".sitewright-{}", Uuid::new_v4().simple())));
    fs::create_dir(&staging.0).map_err(|cause| failed(folder, cause))?;
    for file in files {
        let path = staging.0.join(&file.name);
        fs::write(&path, &file.text).map_err(|cause| failed(&folder.join(&file.name), cause))?;
    }
    for file in files {
        let path = folder.join(&file.name);
        // A rename replaces a link instead of following it.
        fs::rename(staging.0.join(&file.name), &path).map_err(|cause| failed(&path, cause))?;
    }
    Ok(())
}

struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn check_names(files: &[File]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for File { name, .. } in files {
        let is_plain = name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
        if !is_plain || name.is_empty() || name.starts_with('.') || name.contains("..") {
            return Err(Failure::broken(format!(
                "{name:?} is no name for a file of a site; nothing was written."
            )));
        }
        if !seen.insert(name) {
            return Err(Failure::broken(format!(
                "Two pages would be the file {name}; nothing was written."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> File {
        File {
            name: name.to_string(),
            text: name.to_string(),
        }
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused_and_nothing_is_written() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("site");
        for name in [
            "../x.html",
            "/etc/x",
            "a/b.html",
            "..",
            ".",
            "",
            ".hidden",
            "a\\b.html",
            "ü.html",
            "a b.html",
        ] {
            assert!(write(&folder, &[file("ok.html"), file(name)]).is_err(), "{name}");
        }
        assert!(write(&folder, &[file("a.html"), file("a.html")]).is_err());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn foreign_files_stay_and_links_are_replaced_instead_of_followed() {
        let home = tempfile::tempdir().unwrap();
        let (folder, outside) = (home.path().join("site"), home.path().join("outside.html"));
        fs::create_dir(&folder).unwrap();
        fs::write(&outside, "mine").unwrap();
        fs::write(folder.join("photo.jpg"), "mine").unwrap();
        std::os::unix::fs::symlink(&outside, folder.join("index.html")).unwrap();
        write(&folder, &[file("about.html"), file("index.html")]).unwrap();
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
        assert_eq!(fs::read_to_string(folder.join("photo.jpg")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(folder.join("index.html")).unwrap(), "index.html");
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            3,
            "only ours and the foreign file"
        );
    }
}
