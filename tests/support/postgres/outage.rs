//! What may befall the tests' Postgres as a whole: frozen, killed, started again. Only for programs that have it alone.

use std::fs;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::{TestDatabase, answers, binaries, serve, unprivileged_user};

impl TestDatabase {
    /// It accepts connections, as the kernel does for it, and answers nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// All of its processes are gone at once, as by `kill -9`.
    pub fn kill(&self) {
        let main = self.main_process();
        self.signal(Signal::KILL);
        // Only who started it can wait for it, and a zombie would be taken for a running server.
        waitpid(Some(main), WaitOptions::empty()).expect("it was started here");
        fs::remove_file(self.server.folder.join("data/postmaster.pid")).expect("its lock file");
    }

    /// Starts it where it was, and waits until it has recovered.
    pub async fn start_again(&self) {
        let (folder, port) = (&self.server.folder, self.server.port);
        let mut child = serve(&binaries(), folder, unprivileged_user(), &folder.join("data"), port);
        assert!(answers(folder, port, &mut child).await, "Postgres does not start again");
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    fn main_process(&self) -> Pid {
        let file = fs::read_to_string(self.server.folder.join("data/postmaster.pid")).expect("it runs");
        let id = file.lines().next().and_then(|line| line.trim().parse().ok());
        id.and_then(Pid::from_raw).expect("its process id")
    }

    /// Its main process first, so that no other is born meanwhile.
    fn signal(&self, signal: Signal) {
        let main = self.main_process();
        kill_process(main, signal).expect("it can be told");
        for child in children(main) {
            // One may have ended by itself.
            kill_process(child, signal).ok();
        }
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let is_child = |id: &i32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after = stat.rsplit(") ").next().unwrap_or_default();
        after.split(' ').nth(1) == Some(&parent.as_raw_nonzero().to_string())
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(is_child).filter_map(Pid::from_raw).collect()
}
