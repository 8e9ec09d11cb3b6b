//! What may befall the tests' Postgres as a whole: frozen, killed, started again. Only for programs that have it alone.
//!
//! What is done to it ends with the value that stands for it: a trial that fails leaves the next one a Postgres.
//! Seen to fail: without that, in every trial after one that panicked while Postgres was dead.

use std::fs;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::{Server, TestDatabase, answers, binaries, serve, unprivileged_user};

/// A Postgres that is frozen as long as this lives.
#[must_use]
pub struct Frozen<'a>(&'a TestDatabase);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::CONT);
    }
}

/// A Postgres that is dead; it is started when this goes, whatever became of the trial.
#[must_use]
pub struct Dead<'a>(&'a TestDatabase);

impl Dead<'_> {
    /// Starts it where it was, and waits until it has recovered.
    pub async fn start_again(self) {
        let server = self.0.server.clone();
        // Nothing is left to do for the end of this value.
        std::mem::forget(self);
        server.start_again().await;
    }
}

impl Drop for Dead<'_> {
    fn drop(&mut self) {
        let server = self.0.server.clone();
        // A thread of its own, because a test's runtime cannot be entered again from a destructor.
        let starting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(server.start_again());
        });
        starting.join().ok();
    }
}

impl Server {
    async fn start_again(&self) {
        let data = self.folder.join("data");
        // It had no time to remove its lock.
        fs::remove_file(data.join("postmaster.pid")).ok();
        let mut child = serve(&binaries(), &self.folder, unprivileged_user(), &data, self.port);
        let answers = answers(&self.folder, self.port, &mut child).await;
        assert!(answers, "Postgres does not start again");
    }
}

impl TestDatabase {
    /// It accepts connections, as the kernel does for it, and answers nothing.
    pub fn freeze(&self) -> Frozen<'_> {
        self.signal(Signal::STOP);
        Frozen(self)
    }

    /// All of its processes are gone at once, as by `kill -9`.
    pub fn kill(&self) -> Dead<'_> {
        let (dead, main) = (Dead(self), self.main_process());
        // One that is stopped starts no others, and is still their parent when they are looked for.
        self.signal(Signal::STOP);
        for child in children(main) {
            kill_process(child, Signal::KILL).ok();
        }
        kill_process(main, Signal::KILL).expect("it can be told");
        // Only who started it can wait for it, and a zombie would be taken for a running server.
        waitpid(Some(main), WaitOptions::empty()).expect("it was started here");
        dead
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
