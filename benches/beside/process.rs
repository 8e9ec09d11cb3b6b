//! Servers as processes of their own, and what the kernel says they use.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// The real server on a database file, with what differs from its defaults.
    pub fn sitewright(database: &Path, settings: &[(&str, &str)]) -> Outcome<Process> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sitewright"));
        command
            .arg("serve")
            .env_clear()
            .env("DATABASE_URL", url(database))
            .env("SITEWRIGHT_SERVER__LISTEN", "127.0.0.1:0")
            .env("SITEWRIGHT_SERVER__GRACE_MS", "0")
            .env("SITEWRIGHT_LOG__FORMAT", "json")
            .envs(settings.iter().copied());
        Process::start(command)
    }

    /// The bare one, which sends what is in this file.
    pub fn bare(recorded: &Path) -> Outcome<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare").arg(recorded);
        Process::start(command)
    }

    fn start(mut command: Command) -> Outcome<Process> {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .current_dir("/")
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no log")?).lines();
        while let Some(line) = lines.next() {
            let word: serde_json::Value = serde_json::from_str(&line?)?;
            if let Some(address) = word["address"].as_str() {
                // Nobody reads on otherwise, and the process would stop when the pipe is full.
                std::thread::spawn(move || lines.for_each(drop));
                let address = address.parse()?;
                return Ok(Process { child, address });
            }
        }
        Err("a server does not start".into())
    }

    /// The processor time that it has used so far, in hundredths of a second.
    pub fn cpu(&self) -> Outcome<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// What it holds in memory, in KiB.
    pub fn resident(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .ok_or("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

pub fn url(database: &Path) -> String {
    format!("sqlite://{}", database.display())
}
