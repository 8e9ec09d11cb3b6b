//! The binary as a person or a script runs it: started, read line by line, interrupted, waited for.
//!
//! Threads do the blocking; a test that fails kills what it started.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longer than anything takes on a slow machine: only a real failure gets here.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How a run ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The binary, with nothing of this machine in its environment.
pub fn sitewright(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sitewright"));
    command.args(arguments).env_clear();
    command
}

/// Runs to the end.
pub async fn run(command: Command) -> Ended {
    let mut started = Started::new(command);
    let mut ended = Ended {
        code: None,
        out: String::new(),
        err: String::new(),
    };
    while let Some(line) = started.line().await {
        ended.out.push_str(&line);
        ended.out.push('\n');
    }
    while let Some(line) = started.remark().await {
        ended.err.push_str(&line);
        ended.err.push('\n');
    }
    ended.code = started.code().await;
    ended
}

/// A run that goes on.
pub struct Started {
    child: Child,
    out: UnboundedReceiver<String>,
    err: UnboundedReceiver<String>,
}

impl Started {
    pub fn new(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let out = lines(child.stdout.take().expect("its output is piped"));
        let err = lines(child.stderr.take().expect("its errors are piped"));
        Started { child, out, err }
    }

    /// The next line of standard output; none at its end.
    pub async fn line(&mut self) -> Option<String> {
        tokio::time::timeout(PATIENCE, self.out.recv())
            .await
            .expect("a line or the end")
    }

    /// The next line of standard error; none at its end.
    pub async fn remark(&mut self) -> Option<String> {
        tokio::time::timeout(PATIENCE, self.err.recv())
            .await
            .expect("a line or the end")
    }

    /// What Ctrl-C sends.
    pub fn interrupt(&self) {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(id.expect("a process id"), rustix::process::Signal::INT).expect("it runs");
    }

    /// Waits for the end; none when a signal ended it.
    pub async fn code(&mut self) -> Option<i32> {
        // Both pipes have ended or will: the process closes them when it exits.
        while self.line().await.is_some() {}
        while self.remark().await.is_some() {}
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            // Nobody may be listening any more; then the pipe is only drained.
            let _ = sender.send(line.expect("UTF-8"));
        }
    });
    receiver
}
