//! The table: on the terminal as it comes, and as Markdown for `docs/reliability.md`.

use std::fmt::Write;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::run::Line;
use crate::support::Backend;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability.md");
/// The table stands between these lines; everything around it is written by hand.
const BEGIN: &str = "<!-- table: make faults ARGS=--write -->";
const END: &str = "<!-- end of the table -->";

pub fn progress(line: &Line) -> String {
    let mut text = format!(
        "{:<28} {:<9} {:>3} trials  {:>3} failed  {:>5.1} s  {}",
        line.name,
        database(line.backend),
        line.trials,
        line.failures.len(),
        line.took.as_secs_f64(),
        measured(line)
    );
    for failure in &line.failures {
        let _ = write!(text, "\n    FAILED {failure}");
    }
    text
}

pub fn say(lines: &[Line], seed: u64, took: Duration, arguments: &Arguments) {
    let table = table(lines, seed, took);
    println!("\n{table}");
    if arguments.writes {
        write(&table);
    }
}

fn table(lines: &[Line], seed: u64, took: Duration) -> String {
    let trials: usize = lines.iter().map(|line| line.trials).sum();
    let failures: usize = lines.iter().map(|line| line.failures.len()).sum();
    let mut text = format!(
        "{trials} trials, {failures} failures, {:.0} minutes, seed {seed}.\n\n\
         | experiment | must hold | database | trials | failures | measured, at worst |\n|---|---|---|--:|--:|---|\n",
        took.as_secs_f64() / 60.0
    );
    for line in lines {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            line.name,
            line.says,
            database(line.backend),
            line.trials,
            line.failures.len(),
            measured(line)
        );
    }
    text
}

fn write(table: &str) {
    let document = std::fs::read_to_string(DOCUMENT).expect("docs/reliability.md is there");
    let (before, rest) = document.split_once(BEGIN).expect("it has the line before the table");
    let (_, after) = rest.split_once(END).expect("it has the line after the table");
    std::fs::write(DOCUMENT, format!("{before}{BEGIN}\n{table}{END}{after}")).expect("it can be written");
}

fn measured(line: &Line) -> String {
    let values = line.measured.iter().map(|(what, value)| match value.fract() == 0.0 {
        true => format!("{what} {value:.0}"),
        false => format!("{what} {value:.1}"),
    });
    let left_out = line.left_out.map(|why| format!("left out: {why}"));
    values.chain(left_out).collect::<Vec<_>>().join(", ")
}

fn database(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SQLite",
        Backend::Postgres => "Postgres",
        Backend::Redis => "Postgres + Redis",
    }
}
