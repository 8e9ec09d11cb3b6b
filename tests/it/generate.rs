//! `sitewright generate` as its users run it: the binary, a brief file, a folder, an exit code.
//!
//! Every run has a folder of its own and a clean environment, so that nothing of the machine leaks in.

mod examples;
pub mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sea_orm::EntityTrait;
use serde_json::Value;
use sitewright::entities::{CreditEntryKind, credit_entry, job};
use sitewright::jobs::invariants::verify;
use tempfile::TempDir;

use crate::binary::{self, Ended, Started, sitewright};

/// A folder with what a run needs and leaves behind.
struct Bench {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Bench {
    fn new() -> Self {
        Bench {
            folder: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of this folder, as the argument that names it.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        name.to_string()
    }

    fn database(&self) -> String {
        format!("sqlite://{}", self.path("kept.db").display())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let temporary = self.path("tmp");
        fs::create_dir_all(&temporary).unwrap();
        let mut command = sitewright(&["generate"]);
        command.args(arguments).current_dir(self.folder.path());
        command.env("TMPDIR", temporary).envs(self.environment.iter().cloned());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        binary::run(self.command(arguments)).await
    }

    /// Nothing of a run stays in the temporary folder.
    fn check_tidy(&self) {
        assert_eq!(
            fs::read_dir(self.path("tmp")).unwrap().count(),
            0,
            "a temporary database was left behind"
        );
    }
}

impl Ended {
    fn json(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        self.out.lines().map(read).collect()
    }

    fn finished(&self) -> Value {
        let last = self.json().pop().expect("at least one line");
        assert_eq!(last["event"], "finished", "{last}");
        last
    }
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/briefs").join(name);
    path.to_str().unwrap().to_string()
}

async fn captures(db: &sitewright::db::Db) -> i64 {
    let entries = credit_entry::Entity::find().all(db.reader()).await.unwrap();
    let captures = entries.iter().filter(|entry| entry.kind == CreditEntryKind::Capture);
    captures.map(|entry| -entry.balance_delta).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_brief_gives_the_same_files_and_leaves_foreign_ones_alone() {
    let bench = Bench::new();
    fs::create_dir(bench.path("site")).unwrap();
    bench.file("site/photo.jpg", "mine");
    let bakery = example("bakery.toml");
    let first = bench.run(&[&bakery]).await;
    assert_eq!(first.code, Some(0), "{}", first.err);
    for words in ["Done: ", " charged, ", "Open site/index.html"] {
        assert!(first.out.contains(words), "{words:?} is missing in {}", first.out);
    }
    assert!(first.err.contains("Planned: Home"), "{}", first.err);
    let before = contents(&bench.path("site"));
    assert_eq!(bench.run(&[&bakery, "--max-pages", "8"]).await.code, Some(0));
    assert!(
        before == contents(&bench.path("site")),
        "the second run wrote something else"
    );
    assert_eq!(before["photo.jpg"], "mine");
    bench.check_tidy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_brief_leaves_open_is_listed_in_the_summary() {
    let bench = Bench::new();
    let brief = bench.file(
        "brief.toml",
        "name = \"Thin\"\n[brief]\nbusiness_name = \"North Quay\"\nsummary = \"A florist with a bell on the door.\"\nbusiness_type = \"Florist\"\n",
    );
    let run = bench.run(&[&brief]).await;
    assert_eq!(run.code, Some(0), "{}", run.err);
    for words in ["To confirm", "phone number", "Seasonal bouquet"] {
        assert!(run.out.contains(words), "{words:?} is missing in {}", run.out);
    }
    bench.check_tidy();
}

fn contents(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_lines_tell_the_whole_run_in_order() {
    let bench = Bench::new();
    let run = bench
        .run(&[&example("roofer.toml"), "--json", "--max-pages", "3"])
        .await;
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let lines = run.json();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((events[0], events[events.len() - 1]), ("started", "finished"));
    let count = |name: &str| events.iter().filter(|event| **event == name).count();
    let finished = &lines[lines.len() - 1];
    assert_eq!(
        (count("page_planned"), count("page_started"), count("page_finished")),
        (3, 3, 3)
    );
    assert_eq!(count("block_written") as u64, finished["blocks"].as_u64().unwrap());
    assert_eq!(
        (&finished["state"], &finished["held"], &finished["charged"]),
        (&"succeeded".into(), &110.into(), &110.into())
    );
    let seconds: Vec<f64> = lines.iter().map(|line| line["seconds"].as_f64().unwrap()).collect();
    assert!(seconds.is_sorted(), "{seconds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_brief_file_is_answered_with_its_place_and_what_is_allowed() {
    const FINE: &str = "[brief]\nbusiness_name = \"X\"\nsummary = \"Y\"\n";
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (
            format!("{FINE}colour = \"red\"").into(),
            &["line 4, column 1", "`colour`", "`facts`", "colour = \"red\""],
        ),
        (
            format!("title = \"x\"\n{FINE}").into(),
            &["line 1, column 1", "`title`", "`description`"],
        ),
        (
            "[brief]\nbusiness_name = \"X\"\nsummary = 3".into(),
            &["line 3, column 11", "integer", "`summary` (texts, both required)"],
        ),
        (
            "[brief]\nbusiness_name = \"X\"\nsummary \"Y\"".into(),
            &["line 3, column 9", "summary \"Y\""],
        ),
        (
            "[brief]\nbusiness_name = \"X\"".into(),
            &["line 1, column 1", "missing field `summary`"],
        ),
        ("".into(), &["line 1, column 1", "missing field `brief`"]),
        (
            format!("{FINE}facts = [\"fine\", 7]").into(),
            &["line 4, column 18", "integer"],
        ),
        (
            format!("{FINE}facts = [\"fine\", \"bell \\u0007\"]").into(),
            &["line 4, column 18", "U+0007"],
        ),
        (
            "[brief]\nbusiness_name = \"\\u202Eevil\"\nsummary = \"Y\"".into(),
            &["line 2, column 17", "U+202E"],
        ),
        (
            "[brief]\nbusiness_name = \" \"\nsummary = \"Y\"".into(),
            &["line 2, column 17", "what the business is called"],
        ),
        (
            format!("{FINE}objectives = [{}]", "\"x\",".repeat(21)).into(),
            &["line 4, column 14", "20 most important"],
        ),
        (
            format!("{FINE}language = \"klingon please\"").into(),
            &["line 4, column 12", "pt-BR"],
        ),
        (
            format!("{FINE}audience_profiles = [\"Famlies\"]").into(),
            &["line 4, column 22", "no audience profile", "Families"],
        ),
        (
            format!("{FINE}brand_personalities = [\"Frendly\"]").into(),
            &["line 4, column 24", "no brand personality", "Friendly"],
        ),
        (
            format!("{FINE}hero_imagery_direction = \"xyzzy-xyzzy\"").into(),
            &["line 4, column 26", "There are: ", "Portraits"],
        ),
        (vec![0xff, 0xfe], &["line 1", "not UTF-8"]),
        (vec![b' '; 256 * 1024 + 1], &["larger than 256 KB"]),
    ];
    let bench = Bench::new();
    for (content, parts) in cases {
        let file = bench.file("brief.toml", &content);
        let run = bench.run(&[&file]).await;
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
        for part in parts {
            assert!(run.err.contains(part), "{part:?} is missing in\n{}", run.err);
        }
    }
    fs::create_dir(bench.path("folder")).unwrap();
    let brief = bench.file("brief.toml", FINE);
    for (arguments, part) in [
        (vec!["nowhere.toml"], "There is no file nowhere.toml"),
        (vec!["folder"], "folder is a folder"),
        (vec![&brief, "--max-pages", "13"], "1..=12"),
        (vec![&brief, "--out", "brief.toml"], "brief.toml is no folder"),
        (vec![&brief, "--out", "brief.toml/below"], "brief.toml is no folder"),
        (vec![&brief, "--provider", "magic"], "offline"),
        (vec![&brief, "--database", "mysql://x"], "sqlite://FILE"),
    ] {
        let run = bench.run(&arguments).await;
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(part), "{part:?} is missing in\n{}", run.err);
    }
    assert!(!bench.path("site").exists(), "something was written");
    bench.check_tidy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlisted_business_type_is_the_owners_own_words_and_an_unknown_language_is_a_warning() {
    let bench = Bench::new();
    let brief = "[brief]\nbusiness_name = \"X\"\nsummary = \"We mend clocks.\"\nbusiness_type = \"Clock mender\"\nlanguage = \"tlh\"";
    let file = bench.file("brief.toml", brief);
    let run = bench.run(&[&file, "--max-pages", "2"]).await;
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(
        run.out.contains("Notice: \"Clock mender\" is not in the list"),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("Warning: ") && run.out.contains("'tlh'"),
        "{}",
        run.out
    );
    let site: Value = serde_json::from_str(&fs::read_to_string(bench.path("site/site.json")).unwrap()).unwrap();
    assert_eq!(site["brief"]["customBusinessType"], "Clock mender");
    assert_eq!(site["brief"]["language"], "tlh");
    let home = fs::read_to_string(bench.path("site/index.html")).unwrap();
    assert!(
        home.contains("<html lang=\"en\""),
        "English text must not call itself something else"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_credits_are_exit_code_3_and_nothing_is_written() {
    let bench = Bench::new().with("SITEWRIGHT_CREDITS__INITIAL", "100");
    let run = bench.run(&[&example("bakery.toml")]).await;
    assert_eq!(run.code, Some(3), "{}", run.err);
    assert!(
        run.err.contains("210") && run.err.contains("100") && run.err.contains("110"),
        "{}",
        run.err
    );
    assert!(!bench.path("site").exists());
    bench.check_tidy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_page_is_exit_code_4_with_the_reason_and_only_the_rest_is_charged() {
    let bench = Bench::new().with("SITEWRIGHT_AI__SCRIPT", "page:about -> fail refusal");
    let run = bench
        .run(&[&example("bakery.toml"), "--provider", "scripted", "--json"])
        .await;
    assert_eq!(run.code, Some(4), "{}", run.err);
    assert!(run.err.contains("declined to write"), "{}", run.err);
    let finished = run.finished();
    let pages = finished["pages"].as_i64().unwrap();
    assert_eq!(
        (finished["state"].as_str(), finished["error"]["code"].as_str()),
        (Some("failed"), Some("PAGES_FAILED"))
    );
    assert_eq!(finished["charged"].as_i64(), Some(50 + 20 * (pages - 1)));
    assert!(!bench.path("site").exists(), "half a site was written");
    bench.check_tidy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_cancels_settles_and_says_what_was_charged() {
    let bench = Bench::new().with("SITEWRIGHT_AI__SCRIPT", "page -> stall after=900");
    let database = bench.database();
    let bakery = example("bakery.toml");
    let arguments = [&bakery, "--provider", "scripted", "--json", "--database", &database];
    let mut run = Started::new(bench.command(&arguments));
    let mut lines: Vec<Value> = Vec::new();
    let mut is_told = false;
    while let Some(line) = run.line().await {
        lines.push(serde_json::from_str(&line).unwrap());
        if !is_told && lines.last().unwrap()["event"] == "block_written" {
            is_told = true;
            run.interrupt();
        }
    }
    assert_eq!(run.code().await, Some(130));
    assert!(lines.iter().any(|line| line["event"] == "cancelling"));
    let finished = lines.last().unwrap();
    assert_eq!(finished["state"], "cancelled");
    let charged = finished["charged"].as_i64().unwrap();
    // The plan is always paid; of the pages at least the block that we saw.
    assert!((51..210).contains(&charged), "{charged}");
    assert!(!bench.path("site").exists());
    let db = crate::support::connect(&database).await.unwrap();
    assert_eq!(verify(&db).await.unwrap(), Vec::new());
    assert_eq!(captures(&db).await, charged);
    let jobs = job::Entity::find().all(db.reader()).await.unwrap();
    assert!(jobs.iter().all(|job| job.state.is_terminal()), "a job was left running");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_jobs_run_elsewhere_is_refused_with_a_way_out() {
    let bench = Bench::new();
    let database = bench.database();
    let lock = fs::File::create(bench.path("kept.db.lock")).unwrap();
    lock.try_lock().unwrap();
    let run = bench.run(&[&example("bakery.toml"), "--database", &database]).await;
    assert_eq!(run.code, Some(2), "{}", run.err);
    assert!(
        run.err.contains("Another process") && run.err.contains("--database"),
        "{}",
        run.err
    );
}
