//! What holds the house together, checked by reading the sources: who may name whom, and where the outside crates stay.
//! A drawing of the architecture that nothing compares with the code is wrong within a month, and the compiler accepts
//! any `crate::` path. Deliberately textual: no build and no parser crate, so a macro that hides a path is not seen
//! through. Every check is a function over (path, text) pairs with a test of its own that proves it can fail.

mod each_check_can_fail;
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use Band::{Base, Domain, Edge, Engine};
use reading::{Source, named_modules, sources, tokens, top_module};

/// From the bottom up: a module may name every module of a lower band.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Band {
    Base,
    Engine,
    Domain,
    Edge,
}

/// Every top module of `src`: its band, and the modules of its own band that it may name. Nouns of the domain name no
/// other noun; a helper that two bands need moves to the lower one. Modules of the base may name each other.
const ROOMS: &[(&str, Band, &[&str])] = &[
    // EDGE speaks protocols and holds no rules.
    ("cli", Edge, &["http", "graphql", "boot"]),
    ("boot", Edge, &[]),
    ("http", Edge, &["graphql"]),
    ("graphql", Edge, &[]),
    // DOMAIN: activities, then nouns, then the handles that everyone shares.
    (
        "generation",
        Domain,
        &["render", "sites", "options", "auth", "audit", "app"],
    ),
    ("doctor", Domain, &["options", "app"]),
    ("export", Domain, &["render", "sites", "options", "auth", "app"]),
    ("render", Domain, &["sites", "app"]),
    ("quality", Domain, &["sites"]),
    ("sites", Domain, &["app"]),
    ("options", Domain, &["app"]),
    ("auth", Domain, &["app"]),
    ("audit", Domain, &["app"]),
    ("assets", Domain, &["app"]),
    ("app", Domain, &[]),
    // ENGINE: machines that know no business. The ledger is one, because a job ends with its price.
    ("jobs", Engine, &["credits", "events"]),
    ("credits", Engine, &["events"]),
    ("events", Engine, &[]),
    ("limits", Engine, &[]),
    ("ai", Engine, &[]),
    ("usage", Engine, &["ai"]),
    ("storage", Engine, &[]),
    // BASE
    ("entities", Base, ANY_OF_BASE),
    ("faults", Base, ANY_OF_BASE),
    ("db", Base, ANY_OF_BASE),
    ("redis", Base, ANY_OF_BASE),
    ("config", Base, ANY_OF_BASE),
    ("ids", Base, ANY_OF_BASE),
    ("amount", Base, ANY_OF_BASE),
    ("error", Base, ANY_OF_BASE),
    ("telemetry", Base, ANY_OF_BASE),
    ("tls", Base, ANY_OF_BASE),
    ("shutdown", Base, ANY_OF_BASE),
    ("clock", Base, ANY_OF_BASE),
];

/// The base is small enough to know itself, as long as it stays free of cycles.
const ANY_OF_BASE: &[&str] = &[
    "entities",
    "db",
    "redis",
    "config",
    "ids",
    "amount",
    "error",
    "telemetry",
    "tls",
    "shutdown",
    "clock",
];

/// Outside crates and the only paths (beginnings, or parts when they start with `*`) that may name them.
const FENCED: &[(&str, &[&str])] = &[
    ("axum", EDGE_PATHS),
    ("async_graphql_axum", EDGE_PATHS),
    (
        "async_graphql",
        // The content types derive their wire form: one definition, three uses (docs/adr).
        &[
            "src/cli/",
            "src/http/",
            "src/graphql/",
            "src/sites/block/",
            "src/sites/block.rs",
            "src/sites/structure/",
            "src/sites/structure.rs",
        ],
    ),
    ("fred", &["*redis"]),
];
const EDGE_PATHS: &[&str] = &[
    "src/cli/",
    "src/cli.rs",
    "src/http/",
    "src/http.rs",
    "src/graphql/",
    "src/graphql.rs",
];

/// Crates that exactly one file talks to.
const ONE_FILE_ONLY: &[&str] = &["async_openai"];

/// Opening a transaction is `db`'s own work: a deferred one on SQLite fails under load with "database is locked".
const TRANSACTION_STARTERS: &[&str] = &["begin", "begin_with_config", "begin_with_options"];

/// A file that passes this is asking for a second room.
const LINE_LIMIT: usize = 400;
/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Names of drawers: what is in them could be anything.
const DRAWERS: &[&str] = &[
    "util", "utils", "common", "core", "service", "services", "helper", "helpers", "manager", "misc",
];

#[test]
fn dependencies_between_modules_point_down() {
    assert_none(band_violations(&sources(&["src"])));
}

#[test]
fn top_modules_form_no_cycle() {
    assert_none(cycles(&sources(&["src"])));
}

#[test]
fn outside_crates_stay_where_they_belong() {
    assert_none(fence_violations(&sources(&["src"])));
}

#[test]
fn only_db_opens_transactions() {
    assert_none(transaction_violations(&sources(&["src"])));
}

#[test]
fn every_file_opens_with_what_it_is() {
    assert_none(without_opening(&sources(&[
        "src",
        "migration/src",
        "tests",
        "examples",
        "benches",
    ])));
}

#[test]
fn no_file_is_too_long() {
    assert_none(too_long(&sources(&["src", "migration/src"]), LONG_FILES));
}

#[test]
fn no_module_is_a_drawer() {
    assert_none(drawers(&sources(&["src", "migration/src"])));
}

/// Modules that name a module they may not, and modules that the table does not know.
fn band_violations(sources: &[Source]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (path, text) in sources {
        let Some(own) = top_module(path) else {
            continue;
        };
        let Some((_, band, siblings)) = room(&own) else {
            found.insert(format!(
                "{path}: the top module `{own}` has no band yet: add it to ROOMS in tests/it/house.rs"
            ));
            continue;
        };
        for (line, other) in named_modules(path, text) {
            if other == own {
                continue;
            }
            match room(&other) {
                None => found.insert(format!(
                    "{path}:{line}: `crate::{other}` is not a top module with a band: name items through their module, or \
                     add the module to ROOMS in tests/it/house.rs"
                )),
                Some((_, below, _)) if below < band || siblings.contains(&other.as_str()) => false,
                Some((_, there, _)) => found.insert(format!(
                    "{path}:{line}: `{own}` ({band:?}) may not name `{other}` ({there:?}): dependencies point down; move \
                     what both need to the lower one"
                )),
            };
        }
    }
    found.into_iter().collect()
}

/// Top modules that can reach themselves through others.
fn cycles(sources: &[Source]) -> Vec<String> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources {
        let Some(own) = top_module(path) else {
            continue;
        };
        let others = named_modules(path, text)
            .into_iter()
            .map(|(_, other)| other)
            .filter(|other| *other != own);
        names.entry(own.clone()).or_default().extend(others);
    }
    let reaches_itself = |start: &String| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = names[start].iter().collect();
        while let Some(module) = next.pop() {
            if seen.insert(module) {
                next.extend(names.get(module).into_iter().flatten());
            }
        }
        seen.contains(start)
    };
    let looping: Vec<&str> = names
        .keys()
        .filter(|module| reaches_itself(module))
        .map(String::as_str)
        .collect();
    if looping.is_empty() {
        vec![]
    } else {
        vec![format!(
            "these modules name each other in a circle: {}",
            looping.join(", ")
        )]
    }
}

/// Outside crates named where they should not be.
fn fence_violations(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, text) in sources {
        for token in tokens(text) {
            for (name, allowed) in FENCED.iter().filter(|(name, _)| *name == token.text) {
                let inside = allowed.iter().any(|place| match place.strip_prefix('*') {
                    Some(part) => path.contains(part),
                    None => path.starts_with(place),
                });
                if !inside {
                    found.push(format!(
                        "{path}:{}: `{name}` may be named only in {}",
                        token.line,
                        allowed.join(", ")
                    ));
                }
            }
            if let Some(name) = ONE_FILE_ONLY.iter().find(|name| **name == token.text) {
                homes.entry(name).or_default().insert(path);
            }
        }
    }
    for (name, paths) in homes.into_iter().filter(|(_, paths)| paths.len() > 1) {
        let paths: Vec<&str> = paths.into_iter().collect();
        found.push(format!(
            "`{name}` may be named in one file only, and is in {}",
            paths.join(", ")
        ));
    }
    found
}

/// Calls that open a transaction outside of `db`.
fn transaction_violations(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources
        .iter()
        .filter(|(path, _)| !path.starts_with("src/db/") && path != "src/db.rs")
    {
        for window in tokens(text).windows(3) {
            let [dot, name, open] = window else { continue };
            if dot.text == "." && open.text == "(" && TRANSACTION_STARTERS.contains(&name.text.as_str()) {
                found.push(format!(
                    "{path}:{}: `.{}(` belongs to `db`: use its transaction",
                    name.line, name.text
                ));
            }
        }
    }
    found
}

fn without_opening(sources: &[Source]) -> Vec<String> {
    let missing = sources.iter().filter(|(_, text)| !text.starts_with("//! "));
    missing
        .map(|(path, _)| format!("{path}: opens without a `//!` sentence that says what it is and why"))
        .collect()
}

fn too_long(sources: &[Source], excused: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources {
        let lines = text.lines().count();
        if lines > LINE_LIMIT && !excused.iter().any(|(excused, _)| excused == path) {
            found.push(format!(
                "{path}: {lines} lines, and {LINE_LIMIT} is the limit: it is asking for a second room"
            ));
        }
    }
    found
}

fn drawers(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, _) in sources {
        let names = path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
        for name in names.filter(|name| DRAWERS.contains(name)) {
            found.push(format!(
                "{path}: `{name}` is a drawer: name the module after what it does"
            ));
        }
    }
    found
}

fn room(module: &str) -> Option<(&'static str, Band, &'static [&'static str])> {
    ROOMS.iter().copied().find(|(name, _, _)| *name == module)
}

fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}
