//! Jobs a second on Postgres through start, claim, checkpoints and finish, beside `pgbench` doing the same.
//!
//! One job is run alone while Postgres logs what it is sent; that becomes the script. Then both do the same number of
//! jobs on as many connections, in turn, on one database and with `fsync`.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::StreamExt;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sitewright::app::App;
use sitewright::db::Db;
use sitewright::entities::{JobState, job};
use sitewright::events::Unit;
use sitewright::{credits, generation, jobs, sites as domain};
use uuid::Uuid;

use crate::services::{Postgres, log_length};
use crate::sites::{self, CONNECTIONS};
use crate::{Outcome, capture};

/// Jobs of one measurement, a multiple of the connections.
const JOBS: usize = 200;
const ROUNDS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Structure,
    Page,
}

/// What a job works on, with the ids that its statements name.
struct Target {
    account: Uuid,
    site: Uuid,
    page: Option<Uuid>,
    blocks: Vec<Uuid>,
    others: Vec<Uuid>,
}

pub async fn run() -> Outcome<()> {
    println!("{JOBS} jobs at a time, {CONNECTIONS} connections, fsync on; jobs/s");
    for accounts in [1, CONNECTIONS] {
        for kind in [Kind::Structure, Kind::Page] {
            let postgres = Postgres::start()?;
            measure(&postgres, kind, accounts).await?;
        }
    }
    Ok(())
}

async fn measure(postgres: &Postgres, kind: Kind, accounts: usize) -> Outcome<()> {
    let url = postgres.create("measured")?;
    let mut config = sites::config(&url)?;
    // Nothing but the job is to be seen in the log.
    (config.jobs.poll_ms, config.jobs.rescue_ms) = (600_000, 600_000);
    let running = sites::running(config.clone()).await?;
    let mut owners = Vec::new();
    for at in 0..accounts {
        let mut unit = Unit::begin(&running.app.db, &running.app.bus)
            .await
            .map_err(|error| error.cause())?;
        let account = credits::create_account(&mut unit, &format!("account {at}"), 100_000_000).await;
        unit.commit().await.map_err(|error| error.cause())?;
        owners.push(account.map_err(|error| error.cause())?.id);
    }
    let mut targets = targets(&running.app, kind, &owners, 2 * ROUNDS * JOBS + CONNECTIONS + 1).await?;
    let captured = targets.pop().ok_or("no targets")?;
    let warm_up = targets.split_off(targets.len() - CONNECTIONS);
    all(&running.app, kind, &warm_up).await?;
    let script = captured_script(postgres, &running.app, kind, &captured).await?;
    running.stop().await;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut slowest = String::new();
    for _ in 0..ROUNDS {
        let running = sites::running(config.clone()).await?;
        postgres.psql("measured", "ANALYZE")?;
        let own = targets.split_off(targets.len() - JOBS);
        ours.push(all(&running.app, kind, &own).await?);
        running.stop().await;
        let given = targets.split_off(targets.len() - JOBS);
        let (speed, statements) = pgbench(postgres, &script, &given)?;
        theirs.push(speed);
        slowest = statements;
    }
    check(&config.database).await?;
    let mean = |figures: &[f64]| figures.iter().sum::<f64>() / figures.len() as f64;
    println!(
        "{kind:?} jobs on {accounts} account(s): ours {ours:.0?}, pgbench {theirs:.0?}, ratio {:.2}; {} statements, {} \
         transactions a job",
        mean(&ours) / mean(&theirs),
        script.statements,
        script.transactions
    );
    println!("  pgbench's slowest statements, ms:\n{slowest}");
    Ok(())
}

async fn targets(app: &App, kind: Kind, accounts: &[Uuid], count: usize) -> Outcome<Vec<Target>> {
    let mut all = Vec::new();
    for (at, account) in accounts.iter().enumerate() {
        let share = count / accounts.len() + usize::from(at < count % accounts.len());
        let made = sites::many(app, *account, share).await?;
        if kind == Kind::Structure {
            let bare = |site| Target {
                account: *account,
                site,
                page: None,
                blocks: Vec::new(),
                others: Vec::new(),
            };
            all.extend(made.into_iter().map(bare));
            continue;
        }
        for page in sites::planned(app, *account, &made).await? {
            let connection = app.db.reader();
            let pages = domain::store::pages_of(connection, page.blueprint_id)
                .await
                .map_err(|error| error.cause())?;
            let pages: Vec<Uuid> = pages.iter().map(|page| page.id).collect();
            let blocks = domain::store::blocks_of(connection, &pages)
                .await
                .map_err(|error| error.cause())?;
            let (own, _): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| block.page_id == page.id);
            all.push(Target {
                account: *account,
                site: page.blueprint_id,
                page: Some(page.id),
                blocks: own.iter().map(|block| block.id).collect(),
                others: pages.into_iter().filter(|other| *other != page.id).collect(),
            });
        }
    }
    // Neighbours are of different accounts, as they are in the world.
    let width = count.div_ceil(accounts.len());
    let mut spread: Vec<(usize, Target)> = all
        .into_iter()
        .enumerate()
        .map(|(at, target)| (at % width, target))
        .collect();
    spread.sort_by_key(|(place, _)| *place);
    Ok(spread.into_iter().map(|(_, target)| target).collect())
}

impl Target {
    /// The script's variables.
    fn names(&self) -> BTreeMap<Uuid, String> {
        let mut names = BTreeMap::from([(self.account, "account".to_string()), (self.site, "site".to_string())]);
        names.extend(self.page.map(|page| (page, "page".to_string())));
        let numbered = |prefix: &'static str, ids: &[Uuid]| {
            let numbered = ids
                .iter()
                .enumerate()
                .map(move |(at, id)| (*id, format!("{prefix}{at}")));
            numbered.collect::<Vec<_>>()
        };
        names.extend(numbered("block", &self.blocks));
        names.extend(numbered("other", &self.others));
        names
    }
}

async fn start(app: &App, kind: Kind, target: &Target) -> Outcome<Uuid> {
    let key = Uuid::new_v4().to_string();
    let started = match (kind, target.page) {
        (Kind::Page, Some(page)) => generation::start_page(app, target.account, page, &key, None).await,
        _ => generation::start_structure(app, target.account, target.site, &key, None).await,
    };
    Ok(started.map_err(|error| error.cause())?.jobs[0].id)
}

/// Runs a job on each target; jobs a second from the first start to the last end.
async fn all(app: &App, kind: Kind, targets: &[Target]) -> Outcome<f64> {
    let since = Instant::now();
    let starts = futures::stream::iter(targets).map(|target| start(app, kind, target));
    let started: Vec<_> = starts.buffer_unordered(CONNECTIONS).collect().await;
    let started = started.into_iter().collect::<Outcome<Vec<Uuid>>>()?;
    let open = job::Entity::find().filter(job::Column::FinishedAt.is_null());
    while open.clone().count(app.db.reader()).await? > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(started.len() as f64 / since.elapsed().as_secs_f64())
}

async fn captured_script(postgres: &Postgres, app: &App, kind: Kind, target: &Target) -> Outcome<capture::Script> {
    postgres.log_statements(true)?;
    let from = log_length(postgres);
    let job = start(app, kind, target).await?;
    // Asked by another program, whose statements are not the server's.
    let done = format!("SELECT count(*) FROM jobs WHERE id = '{job}' AND finished_at IS NOT NULL");
    while postgres.psql("measured", &done)?.trim() != "1" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    postgres.log_statements(false)?;
    capture::script(postgres, from, &target.names())
}

/// Jobs a second of `pgbench`, and the statements on which it spent most.
fn pgbench(postgres: &Postgres, script: &capture::Script, targets: &[Target]) -> Outcome<(f64, String)> {
    let names: Vec<BTreeMap<String, Uuid>> = targets
        .iter()
        .map(|target| target.names().into_iter().map(|(id, name)| (name, id)).collect())
        .collect();
    let columns: Vec<&String> = names[0].keys().collect();
    let list =
        |join: &str, of: &dyn Fn(&String) -> String| columns.iter().map(|c| of(c)).collect::<Vec<_>>().join(join);
    let mut text = format!(
        "DROP TABLE IF EXISTS measure_targets; DROP SEQUENCE IF EXISTS measure_n; CREATE SEQUENCE measure_n; \
         CREATE TABLE measure_targets (n bigint PRIMARY KEY, {});",
        list(", ", &|column| format!("{column} uuid"))
    );
    for (n, ids) in names.iter().enumerate() {
        let missing = || format!("a target without {:?}", columns);
        let ids: Option<Vec<String>> = columns.iter().map(|c| Some(format!("'{}'", ids.get(*c)?))).collect();
        let ids = ids.ok_or_else(missing)?;
        text.push_str(&format!(
            "INSERT INTO measure_targets VALUES ({}, {});",
            n + 1,
            ids.join(", ")
        ));
    }
    postgres.psql("measured", &text)?;
    postgres.psql("measured", "ANALYZE")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("job.sql");
    std::fs::write(&file, &script.text)?;
    let each = JOBS / CONNECTIONS;
    let ran = Command::new("pgbench")
        // As our own sessions have it.
        .env("PGOPTIONS", "-c random_page_cost=1.1")
        .args(["-h", "127.0.0.1", "-p", &postgres.port.to_string(), "-U", "sitewright"])
        .args([
            "-n",
            "-r",
            "-M",
            "prepared",
            "-j",
            "2",
            "-c",
            &CONNECTIONS.to_string(),
            "-t",
            &each.to_string(),
        ])
        .arg("-f")
        .arg(&file)
        .arg("measured")
        .output()?;
    let said = String::from_utf8_lossy(&ran.stdout);
    let speed = said
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let done = format!("number of transactions actually processed: {JOBS}/{JOBS}");
    let Some(speed) = speed.filter(|_| said.contains(&done)) else {
        let kept = std::env::temp_dir().join("sitewright-measure.sql");
        std::fs::copy(&file, &kept)?;
        let why = String::from_utf8_lossy(&ran.stderr);
        return Err(format!("pgbench failed on {}: {why}\n{said}", kept.display()).into());
    };
    Ok((speed, slowest(&said)))
}

/// The statements on which most of the time goes, of pgbench's own report.
fn slowest(said: &str) -> String {
    let mut statements: Vec<(f64, String)> = Vec::new();
    for line in said
        .lines()
        .skip_while(|line| !line.starts_with("statement latencies"))
        .skip(1)
    {
        let mut words = line.split_whitespace();
        let Some(took) = words.next().and_then(|word| word.parse::<f64>().ok()) else {
            continue;
        };
        words.next();
        let text: String = words.collect::<Vec<_>>().join(" ").chars().take(60).collect();
        match statements.iter_mut().find(|(_, known)| *known == text) {
            Some((sum, _)) => *sum += took,
            None => statements.push((took, text)),
        }
    }
    statements.sort_by(|a, b| b.0.total_cmp(&a.0));
    let lines = statements
        .iter()
        .take(10)
        .map(|(took, text)| format!("  {took:8.2}  {text}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whatever ran, every job succeeded; of ours every invariant holds.
async fn check(config: &sitewright::config::Database) -> Outcome<()> {
    let db = Db::connect(config, "measure").await.map_err(|error| error.cause())?;
    let other = job::Entity::find().filter(job::Column::State.ne(JobState::Succeeded));
    let other = other.count(db.reader()).await?;
    let broken = jobs::invariants::verify(&db).await.map_err(|error| error.cause())?;
    db.close().await;
    match (other, broken.is_empty()) {
        (0, true) => Ok(()),
        _ => Err(format!("{other} jobs did not succeed; broken invariants: {broken:?}").into()),
    }
}
