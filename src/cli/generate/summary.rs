//! The end of a run: what was made, what it cost, what a person must still do, and where to look.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::show::{self, Show, credits, print_line};
use crate::entities::JobState;

pub struct Summary {
    pub state: JobState,
    pub pages: usize,
    pub blocks: usize,
    /// What the start set aside; what was not charged of it was released.
    pub held: i64,
    pub charged: i64,
    /// What the account has afterwards.
    pub balance: i64,
    /// The database that keeps the site; none when it was temporary.
    pub database: Option<String>,
    /// How the job failed, as code and message.
    pub error: Option<(String, String)>,
    /// How names of the brief were read.
    pub notices: Vec<String>,
    /// What the writer could not do as asked.
    pub warnings: Vec<String>,
    /// Pages with what a person must confirm.
    pub placeholders: Vec<Unconfirmed>,
    pub out: PathBuf,
    /// Names of the written files; empty when none was written.
    pub files: Vec<String>,
}

pub struct Unconfirmed {
    pub slug: String,
    pub title: String,
    pub items: Vec<String>,
}

impl Summary {
    pub fn print(&self, show: &Show) {
        if show.is_json() {
            show.json("finished", self.fields());
            return;
        }
        for line in self.lines(show.elapsed()) {
            print_line(&line);
        }
    }

    fn released(&self) -> i64 {
        self.held - self.charged
    }

    fn fields(&self) -> Value {
        let unconfirmed = self
            .placeholders
            .iter()
            .map(|page| json!({ "slug": page.slug, "title": page.title, "items": page.items }));
        json!({
            "state": self.state.as_str(),
            "pages": self.pages,
            "blocks": self.blocks,
            "held": self.held,
            "charged": self.charged,
            "released": self.released(),
            "balance": self.balance,
            "database": self.database,
            "error": self.error.as_ref().map(|(code, message)| json!({ "code": code, "message": message })),
            "notices": self.notices,
            "warnings": self.warnings,
            "placeholders": unconfirmed.collect::<Vec<_>>(),
            "out": self.out.display().to_string(),
            "files": self.files,
        })
    }

    fn lines(&self, elapsed: Duration) -> Vec<String> {
        let mut lines = vec![format!(
            "{}: {} page{} with {} in {:.1} s.",
            match self.state {
                JobState::Succeeded => "Done",
                JobState::Cancelled => "Cancelled",
                _ => "Failed",
            },
            self.pages,
            if self.pages == 1 { "" } else { "s" },
            show::blocks(self.blocks),
            elapsed.as_secs_f64(),
        )];
        let (held, charged, released) = (self.held, self.charged, self.released());
        // The account of a temporary database is gone with it.
        let rest = match &self.database {
            Some(_) => format!("; the account has {}", credits(self.balance)),
            None => String::new(),
        };
        lines.push(format!(
            "Credits: {held} held, {charged} charged, {released} released{rest}."
        ));
        lines.extend(self.notices.iter().map(|notice| format!("Notice: {notice}")));
        lines.extend(self.warnings.iter().map(|warning| format!("Warning: {warning}")));
        if !self.placeholders.is_empty() {
            lines.push("To confirm, in square brackets on the pages:".to_string());
        }
        for page in &self.placeholders {
            lines.push(format!("  {}: {}", page.title, page.items.join("; ")));
        }
        lines.push(self.where_to_look());
        lines
    }

    fn where_to_look(&self) -> String {
        let home = self.out.join("index.html");
        let kept = match &self.database {
            Some(_) => " The site is in the database too: `sitewright serve` with the same database shows it.",
            None => "",
        };
        if self.files.is_empty() {
            let out = self.out.display();
            let kept = match &self.database {
                Some(_) => " What was written so far is in the database.",
                None => " The database was temporary and is gone.",
            };
            return format!("Nothing was written to {out}.{kept}");
        }
        format!("Open {} in a browser.{kept}", home.display())
    }
}
