//! A Postgres and a Redis of our own, on free ports and in a folder that goes with them, ended by their process ids.
//!
//! Postgres keeps what it commits (`fsync` is on, as in production): a figure without that would say little.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::Outcome;

const START_LIMIT: Duration = Duration::from_secs(60);

/// A process that ends with this value, and with us should we be killed.
struct Guarded {
    child: Child,
    ends_by: Signal,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), self.ends_by);
        let _ = self.child.wait();
    }
}

pub struct Postgres {
    pub port: u16,
    /// Where it writes its log, one JSON object a statement, while it is told to.
    pub log: PathBuf,
    // Ends before its folder goes.
    _server: Guarded,
    _folder: tempfile::TempDir,
}

impl Postgres {
    pub fn start() -> Outcome<Postgres> {
        let folder = tempfile::Builder::new().prefix("sitewright-measure-").tempdir()?;
        let data = folder.path().join("data");
        let runs_as = runs_as();
        if let Some(user) = runs_as {
            hand_over(folder.path(), user)?;
        }
        let made = command("initdb", runs_as)
            .args([
                "--username=sitewright",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .stdout(Stdio::null())
            .status()?;
        if !made.success() {
            return Err("initdb failed".into());
        }
        let port = free_port()?;
        let mut server = command("postgres", runs_as);
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "jit=off",
            "logging_collector=on",
            "log_destination=jsonlog",
            "log_directory=log",
            "log_filename=log",
            "log_rotation_size=0",
            "max_wal_size=4GB",
        ] {
            server.args(["-c", setting]);
        }
        let child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let ends_by = Signal::INT;
        let server = Guarded { child, ends_by };
        let postgres = Postgres {
            port,
            log: data.join("log/log.json"),
            _server: server,
            _folder: folder,
        };
        answers(|| postgres.psql("postgres", "SELECT 1").is_ok())?;
        Ok(postgres)
    }

    /// A new database.
    pub fn create(&self, name: &str) -> Outcome<String> {
        self.psql("postgres", &format!("CREATE DATABASE {name}"))?;
        let port = self.port;
        Ok(format!("postgres://sitewright@127.0.0.1:{port}/{name}?sslmode=disable"))
    }

    /// Has every statement written to the log, or none.
    pub fn log_statements(&self, all: bool) -> Outcome<()> {
        let level = if all { "all" } else { "none" };
        self.psql("postgres", &format!("ALTER SYSTEM SET log_statement = '{level}'"))?;
        self.psql("postgres", "SELECT pg_reload_conf()")?;
        // The postmaster tells its children a moment later, and a new connection asks it.
        answers(|| {
            self.psql("postgres", "SHOW log_statement")
                .is_ok_and(|said| said.trim() == level)
        })
    }

    pub fn psql(&self, database: &str, statement: &str) -> Outcome<String> {
        let asked = Command::new("psql")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                "sitewright",
                "-d",
                database,
            ])
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .output()?;
        match asked.status.success() {
            true => Ok(String::from_utf8(asked.stdout)?),
            false => Err(String::from_utf8_lossy(&asked.stderr).into_owned().into()),
        }
    }
}

pub struct Redis {
    pub url: String,
    _server: Guarded,
}

impl Redis {
    pub fn start() -> Outcome<Redis> {
        let port = free_port()?;
        let child = command("redis-server", None)
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .stdout(Stdio::null())
            .spawn()?;
        let ends_by = Signal::TERM;
        let server = Guarded { child, ends_by };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        answers(|| TcpStream::connect(address).is_ok())?;
        Ok(Redis {
            url: format!("redis://{address}"),
            _server: server,
        })
    }
}

/// A program that the kernel ends with us, under root as somebody whom Postgres accepts.
fn command(program: &str, user: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    command.args(["--pdeathsig", "INT"]).arg(found(program));
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// On the PATH, or where Debian keeps what belongs to one version of Postgres.
fn found(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    let all = std::env::split_paths(&path).chain(folders.into_iter().rev());
    let found = all.map(|folder| folder.join(program)).find(|file| file.exists());
    found.unwrap_or_else(|| PathBuf::from(program))
}

/// Postgres refuses to run as root.
fn runs_as() -> Option<&'static str> {
    geteuid().is_root().then_some("postgres")
}

fn hand_over(folder: &Path, user: &str) -> Outcome<()> {
    let changed = Command::new("chown").arg(user).arg(folder).status()?;
    match changed.success() {
        true => Ok(()),
        false => Err(format!("{} cannot be handed to {user}", folder.display()).into()),
    }
}

fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn answers(mut ask: impl FnMut() -> bool) -> Outcome<()> {
    let since = Instant::now();
    while !ask() {
        if since.elapsed() > START_LIMIT {
            return Err("a service does not start".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The statements that a database's server was sent since the log was `from` bytes long.
pub fn log_length(postgres: &Postgres) -> u64 {
    File::open(&postgres.log)
        .and_then(|file| file.metadata())
        .map_or(0, |about| about.len())
}
