//! A Redis of our own for each test: a real process on a free port, with nothing on disk, that a test can stop, freeze,
//! flush and start again. It is gone with the test, also when the test is killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sitewright::ids::Position;
use uuid::Uuid;

/// Far more than a start takes.
const START_LIMIT: Duration = Duration::from_secs(30);

pub struct TestRedis {
    port: u16,
    /// What is said on its command line beside the usual.
    extra: Vec<String>,
    is_sentinel: bool,
    child: Option<Child>,
}

impl TestRedis {
    pub fn start() -> TestRedis {
        TestRedis::start_with(&[])
    }

    pub fn start_with(extra: &[&str]) -> TestRedis {
        let extra: Vec<String> = extra.iter().map(|word| word.to_string()).collect();
        // Another test may take the port between our look and Redis' own.
        for _ in 0..10 {
            let mut redis = TestRedis::reserved(extra.clone());
            if redis.launch() {
                return redis;
            }
        }
        panic!("redis-server does not start on any port; is it installed?");
    }

    /// A Sentinel with this configuration, which it writes to.
    pub fn sentinel(config: &Path) -> TestRedis {
        let config = config.to_str().expect("a plain path");
        // Its file comes first on the command line, and it takes no settings of storage.
        let mut redis = TestRedis::reserved(vec![config.to_string(), "--sentinel".to_string()]);
        redis.is_sentinel = true;
        assert!(redis.launch(), "a Sentinel does not start");
        redis
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// An address on which nothing answers yet.
    pub fn not_yet() -> TestRedis {
        TestRedis::reserved(Vec::new())
    }

    fn reserved(extra: Vec<String>) -> TestRedis {
        TestRedis {
            port: free_port(),
            extra,
            is_sentinel: false,
            child: None,
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        assert!(self.launch(), "redis-server does not start on its old port");
    }

    fn launch(&mut self) -> bool {
        // The kernel ends it with us, however we end.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "redis-server"]);
        if self.is_sentinel {
            command.args(&self.extra);
        }
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        if !self.is_sentinel {
            command.args(["--save", "", "--appendonly", "no"]).args(&self.extra);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.expect("start redis-server (apt-get install redis-server)");
        let since = Instant::now();
        while since.elapsed() < START_LIMIT {
            if child.try_wait().expect("a child can be asked").is_some() {
                return false;
            }
            if self.ask(&["PING"]).is_some_and(|answer| answer.starts_with("+PONG")) {
                self.child = Some(child);
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().ok();
        child.wait().ok();
        false
    }

    /// It is gone at once, with everything it knew.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A frozen process dies as well.
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// It goes on to accept connections and answers nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).expect("it can be told");
    }

    pub fn flush_all(&self) {
        assert!(self.ask(&["FLUSHALL"]).is_some_and(|answer| answer.starts_with("+OK")));
    }

    /// Every key with its time to live in milliseconds.
    pub fn keys(&self) -> Vec<(String, i64)> {
        let keys = self.array(&["KEYS", "*"]);
        let ttl = |key: &String| {
            let answer = self.ask(&["PTTL", key]).expect("it answers");
            answer[1..].trim().parse().expect("a number")
        };
        keys.iter().map(|key| (key.clone(), ttl(key))).collect()
    }

    /// The key of a job's stream; none when there is no such stream.
    pub fn stream(&self, job: Uuid) -> Option<String> {
        let name = format!(":{{{}}}:items", job.simple());
        self.keys()
            .into_iter()
            .map(|(key, _)| key)
            .find(|key| key.ends_with(&name))
    }

    /// The ids of a stream's items, in order.
    pub fn ids(&self, key: &str) -> Vec<Position> {
        let script = "local ids = {} for i, item in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do ids[i] = item[1] end return ids";
        let read = |id: String| {
            let (lease, n) = id.split_once('-').expect("an id of a stream");
            Position::new(lease.parse().expect("a number"), n.parse().expect("a number"))
        };
        self.array(&["EVAL", script, "1", key]).into_iter().map(read).collect()
    }

    /// The answer as it comes over the wire; none when there is no answer.
    pub fn ask(&self, words: &[&str]) -> Option<String> {
        let mut reader = self.send(words)?;
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = line
            .strip_prefix('$')
            .and_then(|length| length.trim().parse::<usize>().ok());
        let Some(length) = length else { return Some(line) };
        let mut text = vec![0; length];
        reader.read_exact(&mut text).ok()?;
        String::from_utf8(text).ok()
    }

    fn array(&self, words: &[&str]) -> Vec<String> {
        let mut reader = self.send(words).expect("it answers");
        let mut next = || {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            line.trim_end().to_string()
        };
        let count: usize = next()[1..].parse().expect("a number");
        (0..count).map(|_| [next(), next()][1].clone()).collect()
    }

    fn send(&self, words: &[&str]) -> Option<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(text.as_bytes()).ok()?;
        Some(BufReader::new(stream))
    }
}

/// A port that nobody uses at this moment.
pub fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("it has an address").port()
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.stop();
    }
}
