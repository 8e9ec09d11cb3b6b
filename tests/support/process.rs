//! Real processes: the built binary, started with a configuration of its own, and clients that talk to it as strangers
//! do. A process is killed when its guard goes; nothing is waited for but its words, its answers and its end.

mod server;
mod socket;

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use super::world::PATIENCE;

pub use server::Server;
pub use socket::{Socket, heard};

/// The environment of a process; later entries win.
pub type Environment<'a> = &'a [(&'a str, &'a str)];

/// A process of the built binary.
pub struct Process {
    pid: Pid,
    words: watch::Receiver<Words>,
}

/// What a process said so far, and how it ended.
#[derive(Default)]
struct Words {
    stdout: String,
    stderr: Vec<String>,
    status: Option<ExitStatus>,
}

/// How a process that has ended did.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    /// Starts `sitewright` with these arguments on this database, in an empty folder and with nothing of our own
    /// environment.
    pub fn start(arguments: &[&str], database: &str, environment: Environment) -> Process {
        let folder = tempfile::tempdir().expect("a folder for the process");
        let mut child = Command::new(env!("CARGO_BIN_EXE_sitewright"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("DATABASE_URL", database)
            .env("SITEWRIGHT_LOG__FORMAT", "json")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the built binary");
        let pid = Pid::from_child(&child);
        let (sender, words) = watch::channel(Words::default());
        let sender = Arc::new(sender);
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let hear = sender.clone();
        let out = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                hear.send_modify(|words| words.stdout.push_str(&format!("{line}\n")));
            }
        });
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                sender.send_modify(|words| words.stderr.push(line));
            }
            out.join().ok();
            let status = child.wait().expect("a child can be waited for");
            sender.send_modify(|words| words.status = Some(status));
            drop(folder);
        });
        Process { pid, words }
    }

    pub fn signal(&self, signal: Signal) {
        // Its id is nobody else's as long as it was not waited for.
        if self.words.borrow().status.is_none() {
            kill_process(self.pid, signal).ok();
        }
    }

    pub fn is_alive(&self) -> bool {
        self.words.borrow().status.is_none()
    }

    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits for its end.
    pub async fn ended(&self) -> Ended {
        let mut words = self.words.clone();
        let waited = tokio::time::timeout(PATIENCE, words.wait_for(|words| words.status.is_some())).await;
        let words = waited.unwrap_or_else(|_| panic!("it does not end:\n{}", self.log()));
        let words = words.expect("its reader ends after it");
        Ended {
            status: words.status.expect("it ended"),
            stdout: words.stdout.clone(),
            stderr: words.stderr.join("\n"),
        }
    }

    /// Waits for a line of its log; none when it ends without.
    pub async fn says(&self, text: &str) -> Option<String> {
        let mut found = None;
        let mut words = self.words.clone();
        let mut look = |words: &Words| {
            found = words.stderr.iter().find(|line| line.contains(text)).cloned();
            found.is_some() || words.status.is_some()
        };
        if tokio::time::timeout(PATIENCE, words.wait_for(&mut look)).await.is_err() {
            panic!("it does not say {text:?}:\n{}", self.log());
        }
        found
    }

    pub fn log(&self) -> String {
        self.words.borrow().stderr.join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if std::thread::panicking() {
            eprintln!("--- process {} said:\n{}", self.id(), self.log());
        }
    }
}

/// Runs a command to its end.
pub async fn run(arguments: &[&str], database: &str, environment: Environment<'_>) -> Ended {
    Process::start(arguments, database, environment).ended().await
}
