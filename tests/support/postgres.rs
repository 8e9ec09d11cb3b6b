//! A Postgres of our own for each test run: started by the first test that asks, shared by all, gone with the runner.
//! nextest gives every test its own process and `cargo test` gives them all the same one, so the run is named by the
//! parent process, and what the tests share lies in files under a lock. No container engine and no service of the
//! machine is used, nothing listens beyond 127.0.0.1, and nothing is left behind when the runner is killed.

mod outage;

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};

/// How long Postgres may take to answer: far more than it needs, so that only a real failure gets here.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Ends Postgres and removes its folder once the runner is gone. It is started before Postgres is, so a run that dies
/// at any moment is cleaned up. A zombie still answers `kill -0`, hence the look at its state.
const WATCHER: &str = r#"
alive() { kill -0 "$1" 2>/dev/null && ! grep -q ') Z ' "/proc/$1/stat" 2>/dev/null; }
while alive "$1"; do sleep 0.5; done
server=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null)
if [ -n "$server" ]; then
    kill -QUIT "$server" 2>/dev/null
    tries=0
    while alive "$server" && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$server" 2>/dev/null
fi
rm -rf "$2"
"#;

/// An empty or prepared database that belongs to one test and is dropped with this value.
pub struct TestDatabase {
    pub url: String,
    name: String,
    server: Server,
}

/// A new, empty database.
pub async fn database() -> TestDatabase {
    Server::of_this_run().await.create("").await
}

/// A copy of a database that `prepare` has filled, once in a run for each `key` (lower-case letters, digits, `_`):
/// migrating is slow, copying files is not.
pub async fn database_from(key: &str, prepare: impl AsyncFnOnce(String)) -> TestDatabase {
    let server = Server::of_this_run().await;
    let template = format!("template_{key}");
    let ready = server.folder.join(format!("{template}.ready"));
    {
        let _lock = lock(server.folder.join(format!("{template}.lock"))).await;
        if !ready.exists() {
            server
                .run(&format!("DROP DATABASE IF EXISTS {template} WITH (FORCE)"))
                .await;
            server.run(&format!("CREATE DATABASE {template}")).await;
            prepare(server.url(&template)).await;
            // A connection that `prepare` left open would make every copy fail.
            server
                .run(&format!("ALTER DATABASE {template} WITH ALLOW_CONNECTIONS false"))
                .await;
            server
                .run(&format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'"
                ))
                .await;
            fs::write(&ready, "").expect("mark the template as ready");
        }
    }
    // Copying the files beats replaying them through the log, and with fsync off its checkpoint is cheap.
    server
        .create(&format!("TEMPLATE {template} STRATEGY = FILE_COPY"))
        .await
}

impl Drop for TestDatabase {
    /// Best effort: it saves disk space during the run, and the whole cluster is removed at its end anyway.
    fn drop(&mut self) {
        let server = self.server.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own, because a test's runtime cannot be entered again from a destructor.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(async {
                    if let Ok(db) = server.connect().await {
                        db.execute_unprepared(&statement).await.ok();
                        db.close().await.ok();
                    }
                });
            }
        });
        dropping.join().ok();
    }
}

/// The run's Postgres, as its state file describes it.
#[derive(Clone)]
struct Server {
    folder: PathBuf,
    port: u16,
}

impl Server {
    /// Finds the run's server, or starts it when this test is the first comer.
    async fn of_this_run() -> Server {
        let runner = parent_id();
        let folder = std::env::temp_dir().join(format!("sitewright-tests-{}", identity(runner)));
        fs::create_dir_all(&folder).expect("make the run's folder");
        let _lock = lock(folder.join("server.lock")).await;
        let state = folder.join("server.port");
        if let Some(port) = fs::read_to_string(&state)
            .ok()
            .and_then(|text| text.trim().parse().ok())
        {
            return Server { folder, port };
        }
        watch(runner, &folder);
        let port = start(&folder).await;
        fs::write(&state, port.to_string()).expect("write the server's port");
        Server { folder, port }
    }

    /// Makes a database under a name that no other test has.
    async fn create(self, options: &str) -> TestDatabase {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        self.run(&format!("CREATE DATABASE {name} {options}")).await;
        TestDatabase {
            url: self.url(&name),
            name,
            server: self,
        }
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://sitewright@127.0.0.1:{}/{database}?sslmode=disable",
            self.port
        )
    }

    async fn connect(&self) -> Result<DatabaseConnection, sea_orm::DbErr> {
        let mut options = ConnectOptions::new(self.url("postgres"));
        options
            .max_connections(1)
            .sqlx_logging(false)
            .connect_timeout(Duration::from_secs(10));
        Database::connect(options).await
    }

    async fn run(&self, statement: &str) {
        let outcome = async {
            let db = self.connect().await?;
            db.execute_unprepared(statement).await?;
            db.close().await
        };
        if let Err(error) = outcome.await {
            panic!(
                "the tests' Postgres refused `{statement}`: {error}\n{}",
                log_of(&self.folder)
            );
        }
    }
}

/// Starts the watcher in a process group of its own and without our output, so that it outlives this test and nextest
/// does not take it for a leak.
#[expect(clippy::zombie_processes, reason = "it has to outlive us, and init reaps it")]
fn watch(runner: u32, folder: &Path) {
    Command::new("sh")
        .args(["-c", WATCHER, "watcher"])
        .arg(runner.to_string())
        .arg(folder)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("start the watcher of the tests' Postgres");
}

/// Makes the cluster, starts it on a free port and returns the port once it answers.
async fn start(folder: &Path) -> u16 {
    let binaries = binaries();
    let user = unprivileged_user();
    let data = folder.join("data");
    // What a failed first attempt left behind would make initdb refuse.
    fs::remove_dir_all(&data).ok();
    fs::create_dir(&data).expect("make the data folder");
    File::create(folder.join("postgres.log")).expect("make the log");
    if let Some((uid, gid)) = user {
        chown(&data, Some(uid), Some(gid)).expect("hand the data folder to Postgres's user");
    }
    let made = command(&binaries.join("initdb"), folder, user)
        .args([
            "--username=sitewright",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ])
        .arg(&data)
        .status()
        .expect("run initdb");
    assert!(made.success(), "initdb failed ({made})\n{}", log_of(folder));

    // Another program may take the free port before Postgres does, so a second and a third one are tried.
    for _ in 0..3 {
        let port = free_port();
        let mut child = serve(&binaries, folder, user, &data, port);
        if answers(folder, port, &mut child).await {
            return port;
        }
    }
    panic!("Postgres did not start\n{}", log_of(folder));
}

/// Durability is off, since nobody wants the data of a run that died; what a client can observe (commit order, locks,
/// deadlocks, visibility) is untouched.
fn serve(binaries: &Path, folder: &Path, user: Option<(u32, u32)>, data: &Path, port: u16) -> Child {
    let mut command = command(&binaries.join("postgres"), folder, user);
    command.arg("-D").arg(data).args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=300",
        "fsync=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "autovacuum=off",
        "jit=off",
        "timezone=UTC",
    ] {
        command.args(["-c", setting]);
    }
    command.process_group(0).spawn().expect("start postgres")
}

/// Whether Postgres accepts a connection before the deadline; false as soon as its process has ended.
async fn answers(folder: &Path, port: u16, child: &mut Child) -> bool {
    let server = Server {
        folder: folder.to_owned(),
        port,
    };
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        if child.try_wait().expect("look at postgres").is_some() {
            return false;
        }
        // A refused connection is cheap; a real client is asked only when something listens.
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
            && let Ok(db) = server.connect().await
        {
            db.close().await.ok();
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().ok();
    false
}

/// A command that writes to the run's log and, under root, runs as somebody whom Postgres accepts.
fn command(program: &Path, folder: &Path, user: Option<(u32, u32)>) -> Command {
    let log = || {
        File::options()
            .append(true)
            .open(folder.join("postgres.log"))
            .expect("open the log")
    };
    let mut command = Command::new(program);
    command
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(log())
        .stderr(log());
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Postgres refuses to run as root. Root uses the package's own user, or `nobody`; anyone else stays who they are.
fn unprivileged_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
    let find = |name: &str| {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':').collect())
            .find(|f: &Vec<_>| f[0] == name)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    let user = find("postgres").or_else(|| find("nobody"));
    Some(user.expect("Postgres does not run as root, and /etc/passwd has neither `postgres` nor `nobody`"))
}

/// The folder with `initdb` and `postgres`: on the PATH, or where Debian keeps them out of it (the newest version).
fn binaries() -> PathBuf {
    let complete = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = std::env::split_paths(&path).find(complete) {
        return folder;
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, folder)| complete(folder))
        .max();
    let Some((_, folder)) = newest else {
        panic!(
            "the tests start their own Postgres and found no `initdb` and `postgres`, neither on the PATH nor in \
             /usr/lib/postgresql: install them with `make test` as root, or `apt-get install postgresql`"
        );
    };
    folder
}

/// The runner's process id, with its start time where Linux tells it: a later process with the same id is another run.
fn identity(process: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses and may contain anything; the start time is the 22nd.
    let started = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(19));
    format!("{process}-{}", started.unwrap_or("0"))
}

/// Waits for a file lock without blocking the runtime: another task of the same test may be its holder.
async fn lock(path: PathBuf) -> File {
    let waiting = tokio::task::spawn_blocking(move || {
        let file = File::create(&path).expect("open a lock file");
        file.lock().expect("lock a file");
        file
    });
    waiting.await.expect("wait for a lock")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("find a free port");
    listener.local_addr().expect("read the free port").port()
}

fn log_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("postgres.log")).unwrap_or_else(|error| format!("(its log cannot be read: {error})"))
}
