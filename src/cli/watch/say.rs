//! Events as lines: sentences for people, the events themselves for machines.
//!
//! Everything goes to standard output but remarks about the connection, which are no results.

use std::io::Write;

use serde_json::Value;

pub struct Voice {
    json: bool,
}

impl Voice {
    pub fn new(json: bool) -> Self {
        Voice { json }
    }

    /// A remark about the watching itself.
    pub fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Where a job stands when the watching begins, or how it had ended before.
    pub fn state(&self, job: &Value) {
        let kind = job["kind"].as_str().unwrap_or_default();
        let words = match (job["state"].as_str(), job["charged"].as_i64()) {
            (Some("QUEUED"), _) => "waiting".to_string(),
            (Some("RUNNING"), _) => "running".to_string(),
            (_, charged) => ending(job, charged.unwrap_or(0)),
        };
        if self.json {
            self.print(&serde_json::json!({ "type": "Job", "job": job }).to_string());
        } else {
            self.print(&format!("{} job: {words}.", kind.to_lowercase()));
        }
    }

    pub fn event(&self, event: &Value) {
        if event["type"] == "TextWritten" {
            return;
        }
        if self.json {
            self.print(&event.to_string());
        } else if let Some(line) = line(event) {
            self.print(&line);
        }
    }

    fn print(&self, line: &str) {
        // Of a server that is not ours nothing may steer the terminal.
        let harmless: String = line.chars().filter(|c| !crate::sites::text::is_forbidden(*c)).collect();
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{harmless}").and_then(|()| out.flush());
    }
}

/// What an event says to a person; none for what another event says too.
fn line(event: &Value) -> Option<String> {
    let job = &event["job"];
    let who = job["page"]["title"]
        .as_str()
        .map_or_else(|| subject(job), str::to_string);
    Some(match event["type"].as_str()? {
        "JobQueued" => format!("{who}: waiting, {} credits held.", job["price"]),
        "JobStarted" if event["attempt"] == 1 => format!("{who}: begun."),
        "JobStarted" => format!("{who}: begun again, attempt {}.", event["attempt"]),
        // A page's blocks tell how far it is.
        "JobProgressed" if job["kind"] == "PAGE" => return None,
        "JobProgressed" => {
            let phase = event["phase"].as_str()?.to_lowercase().replace('_', " ");
            format!(
                "{who}: {phase}, {:.0} %.",
                event["progress"].as_f64().unwrap_or(0.0) * 100.0
            )
        }
        "PagePlanned" => {
            let (page, blocks) = (
                event["page"]["title"].as_str()?,
                event["page"]["blocks"].as_array()?.len(),
            );
            format!("Planned: {page} ({blocks} blocks).")
        }
        "BlockReady" => {
            let block = &event["block"];
            format!("{who}: {} written.", block["kind"].as_str().unwrap_or("a block"))
        }
        "RetryScheduled" => format!(
            "{who}: {} There will be another attempt.",
            event["reason"].as_str().unwrap_or_default()
        ),
        "JobFinished" => format!("{who}: {}.", ending(job, event["charged"].as_i64().unwrap_or(0))),
        "JobSnapshot" => format!("{who}: as it stands now."),
        "BlueprintChanged" if event["deleted"] == true => "The site was deleted.".to_string(),
        "BlueprintChanged" => "The site was changed.".to_string(),
        _ => return None,
    })
}

fn subject(job: &Value) -> String {
    match job["kind"].as_str() {
        Some("SITE") => "The site".to_string(),
        Some("STRUCTURE") => "The plan".to_string(),
        Some(other) => format!("The {}", other.to_lowercase()),
        None => "The site".to_string(),
    }
}

fn ending(job: &Value, charged: i64) -> String {
    let state = job["state"].as_str().unwrap_or("ended").to_lowercase();
    let reason = job["error"]["message"]
        .as_str()
        .map(|message| format!(" ({})", message.trim_end_matches('.')));
    // A site's own charge is its plan's; what its pages cost is counted in the job.
    let charged = job["charged"].as_i64().unwrap_or(charged);
    format!("{state}{}, {charged} credits charged", reason.unwrap_or_default())
}
