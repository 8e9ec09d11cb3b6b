//! What a process holds: memory, threads, files, sockets. After a trial it holds no more than before.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::stage::Stage;
use crate::support::process::Server;

/// Connections to a model and to the database may be kept for the next use; they are bounded.
const POOLED: usize = 60;
/// What allocators, caches and pools of a debug build may keep of one trial.
const MEMORY_KB: u64 = 96 * 1024;
/// Loops that a process starts with the first use of what they are for.
const LAZY_TASKS: usize = 4;
/// Threads that wait for more to do; they leave when nothing comes.
const LAZY_THREADS: usize = 4;
/// How long ends may take to arrive: threads that idle leave after ten seconds.
const SOON: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    pub resident_kb: u64,
    pub threads: usize,
    /// Tasks of the runtime, as the process itself counts them.
    pub tasks: usize,
    /// Everything that is open, no socket, and not the database.
    pub files: usize,
    /// Connections of clients.
    pub clients: usize,
    /// Connections to Redis.
    pub redis: usize,
    /// All other connections: to the database (also where that is a file) and to the model.
    pub pooled: usize,
    /// Those to a file, each of which has a thread.
    pub to_file: usize,
}

impl Footprint {
    /// Seen to fail: with a client that keeps its connection, before the half-open one is let go.
    pub async fn of(stage: &Stage, server: &Server) -> Footprint {
        let process = server.process.id();
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let word = line.and_then(|rest| rest.split_whitespace().next());
            word.and_then(|word| word.parse::<u64>().ok())
                .unwrap_or_else(|| panic!("no {name} in {status}"))
        };
        let mut footprint = Footprint {
            resident_kb: field("VmRSS:"),
            threads: field("Threads:") as usize,
            tasks: tasks(server).await,
            files: 0,
            clients: 0,
            redis: 0,
            pooled: 0,
            to_file: 0,
        };
        let sockets = sockets();
        let redis = stage
            .redis_url
            .rsplit(':')
            .next()
            .and_then(|port| port.parse::<u16>().ok());
        for entry in fs::read_dir(format!("/proc/{process}/fd"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            let target = target.to_string_lossy();
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            if target.contains("/test.db") {
                footprint.pooled += 1;
                footprint.to_file += usize::from(target.ends_with("/test.db"));
                continue;
            }
            match inode.and_then(|inode| sockets.iter().find(|socket| socket.inode == inode)) {
                None => footprint.files += 1,
                Some(socket) if socket.listens => {}
                Some(socket) if socket.local == server.address.port() => footprint.clients += 1,
                Some(socket) if Some(socket.remote) == redis => footprint.redis += 1,
                Some(_) => footprint.pooled += 1,
            }
        }
        footprint
    }

    /// Waits until a process holds no more than it did when this was taken.
    pub async fn is_back(&self, stage: &Stage, server: &Server) {
        let since = Instant::now();
        loop {
            let now = Footprint::of(stage, server).await;
            let is_back = now.clients == 0
                && now.threads <= self.threads + LAZY_THREADS + now.to_file.saturating_sub(self.to_file)
                && now.files <= self.files
                // A kept connection to a model has a task.
                && now.tasks <= self.tasks + LAZY_TASKS + now.pooled.saturating_sub(self.pooled)
                && now.redis <= self.redis
                && now.pooled <= POOLED
                && now.resident_kb <= self.resident_kb + MEMORY_KB;
            if is_back {
                return;
            }
            assert!(since.elapsed() < SOON, "it held {self:?} and now holds {now:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Asks the process for a census and waits for its answer.
async fn tasks(server: &Server) -> usize {
    let asked = server
        .process
        .log()
        .lines()
        .filter(|line| line.contains("a census"))
        .count();
    server.process.signal(Signal::USR1);
    let answer = format!("\"count\":{},", asked + 1);
    let line = server.process.says(&answer).await.expect("a census");
    let line: Value = serde_json::from_str(&line).expect("a line of JSON");
    line["tasks"].as_u64().expect("a census counts tasks") as usize
}

/// Whether the kernel still has this end of a connection.
pub fn is_established(local: u16, remote: u16) -> bool {
    let ends = |socket: &Socket| socket.local == local && socket.remote == remote && socket.is_established;
    sockets().iter().any(ends)
}

struct Socket {
    inode: String,
    local: u16,
    remote: u16,
    listens: bool,
    is_established: bool,
}

/// Every TCP socket of this machine, as the kernel lists them.
fn sockets() -> Vec<Socket> {
    let mut sockets = Vec::new();
    for list in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(list).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let port = |at: usize| {
                let port = fields.get(at)?.rsplit(':').next()?;
                u16::from_str_radix(port, 16).ok()
            };
            if let (Some(local), Some(remote), Some(inode)) = (port(1), port(2), fields.get(9)) {
                sockets.push(Socket {
                    inode: inode.to_string(),
                    local,
                    remote,
                    listens: fields[3] == "0A",
                    is_established: fields[3] == "01",
                });
            }
        }
    }
    sockets
}
