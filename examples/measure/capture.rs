//! From Postgres' own log of one job to a `pgbench` script that does the same for other rows.
//!
//! What a statement was sent with stays as it was, but for what must differ: ids of rows that exist are read from a
//! table of targets, ids that the job made are made anew, and numbers that a stream or a ledger gave come from the
//! script's own `RETURNING`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};

use serde_json::Value;
use uuid::Uuid;

use crate::Outcome;
use crate::services::Postgres;
use crate::types::Types;

#[derive(Debug)]
struct Statement {
    text: String,
    values: Vec<Option<String>>,
}

pub struct Script {
    pub text: String,
    pub statements: usize,
    pub transactions: usize,
}

/// The script of what one job sent since the log was `from` bytes long. `names` are the variables of a target.
pub fn script(postgres: &Postgres, from: u64, names: &BTreeMap<Uuid, String>) -> Outcome<Script> {
    let units = units(postgres, from)?;
    let types = Types::of(postgres, "measured")?;
    let fresh = fresh(&units, names);
    let mut variables = names.clone();
    variables.extend(fresh.iter().enumerate().map(|(at, id)| (*id, format!("fresh{at}"))));
    let columns: Vec<&str> = names.values().map(String::as_str).collect();
    let made = (0..fresh.len()).map(|at| format!("gen_random_uuid() AS fresh{at}"));
    let wanted: Vec<String> = columns.iter().map(|column| format!("m.{column}")).chain(made).collect();
    let mut text = format!(
        "SELECT {} FROM measure_targets m WHERE m.n = (SELECT nextval('measure_n')) \\gset\n",
        wanted.join(", ")
    );
    let (mut statements, mut transactions) = (0, 0);
    for unit in &units {
        transactions += usize::from(unit.len() > 1);
        for statement in unit {
            statements += 1;
            text.push_str(&statement.render(&variables, &types));
            text.push_str(match statement.gives() {
                Some(prefix) => prefix,
                None => ";\n",
            });
        }
    }
    Ok(Script {
        text,
        statements,
        transactions,
    })
}

/// What the server sent, by transaction, in the order in which they began.
fn units(postgres: &Postgres, from: u64) -> Outcome<Vec<Vec<Statement>>> {
    let mut log = std::fs::File::open(&postgres.log)?;
    log.seek(SeekFrom::Start(from))?;
    let mut text = String::new();
    log.read_to_string(&mut text)?;
    let mut units: Vec<Vec<Statement>> = Vec::new();
    // The unit that each connection has open.
    let mut open: BTreeMap<i64, usize> = BTreeMap::new();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line)?;
        let message = entry["message"].as_str().unwrap_or_default();
        let is_ours = entry["application_name"]
            .as_str()
            .is_some_and(|name| name.starts_with("sitewright-"));
        let sent = message.strip_prefix("statement: ");
        let sent = sent.or_else(|| {
            message
                .strip_prefix("execute ")
                .and_then(|rest| Some(rest.split_once(": ")?.1))
        });
        let Some(sent) = sent.filter(|_| is_ours) else { continue };
        let values = entry["detail"]
            .as_str()
            .and_then(|detail| detail.strip_prefix("parameters: "));
        let statement = Statement {
            text: sent.to_string(),
            values: values.map(values_of).unwrap_or_default(),
        };
        let connection = entry["pid"].as_i64().unwrap_or_default();
        match (sent.trim_end_matches(';'), open.get(&connection).copied()) {
            ("COMMIT" | "ROLLBACK", Some(unit)) => {
                units[unit].push(statement);
                open.remove(&connection);
            }
            (_, Some(unit)) => units[unit].push(statement),
            (first, None) => {
                if first.starts_with("BEGIN") {
                    open.insert(connection, units.len());
                }
                units.push(vec![statement]);
            }
        }
    }
    // What the process does whether or not there are jobs, and what was taken back.
    let is_of_the_job = |unit: &Vec<Statement>| {
        let says = |word: &str| unit.iter().any(|statement| statement.text.contains(word));
        !says("workers") && !says("ROLLBACK") && unit[0].text != "SELECT 1"
    };
    units.retain(is_of_the_job);
    Ok(units)
}

/// The ids that the job itself made.
fn fresh(units: &[Vec<Statement>], names: &BTreeMap<Uuid, String>) -> BTreeSet<Uuid> {
    let inserts = units
        .iter()
        .flatten()
        .filter(|statement| statement.text.starts_with("INSERT"));
    let values = inserts.flat_map(|statement| statement.values.iter().flatten());
    let ids = values.filter_map(|value| Uuid::try_parse(value).ok());
    ids.filter(|id| !names.contains_key(id)).collect()
}

/// `$1 = 'a', $2 = NULL` as the log writes it.
fn values_of(detail: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = detail;
    while let Some((_, after)) = rest.split_once(" = ") {
        let Some(quoted) = after.strip_prefix('\'') else {
            values.push(None);
            rest = after.strip_prefix("NULL").unwrap_or_default();
            continue;
        };
        let (mut value, mut at) = (String::new(), 0);
        while let Some(end) = quoted[at..].find('\'') {
            value.push_str(&quoted[at..at + end]);
            at += end + 1;
            if !quoted[at..].starts_with('\'') {
                break;
            }
            value.push('\'');
            at += 1;
        }
        values.push(Some(value));
        rest = &quoted[at..];
    }
    values
}

impl Statement {
    /// Where the rows of the statement go, when later ones need its numbers.
    fn gives(&self) -> Option<&'static str> {
        if self.text.starts_with("UPDATE accounts") {
            Some(" \\gset account_\n")
        } else if self.text.starts_with("UPDATE blueprints SET event_seq") {
            Some(" \\gset site_\n")
        } else {
            None
        }
    }

    fn render(&self, variables: &BTreeMap<Uuid, String>, types: &Types) -> String {
        let mut out = String::with_capacity(self.text.len() * 2);
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number: usize = after[..digits].parse().unwrap_or(0);
            rest = &after[digits..];
            match number.checked_sub(1).and_then(|at| self.values.get(at)) {
                Some(value) => {
                    out.push_str(&self.value(number - 1, value.as_deref(), variables));
                    if let Some(of) = types.of_value(&self.text, number) {
                        out.push_str(&format!("::{of}"));
                    }
                }
                None => out.push_str(&format!("${}", &after[..digits])),
            }
        }
        out + rest
    }

    fn value(&self, at: usize, value: Option<&str>, variables: &BTreeMap<Uuid, String>) -> String {
        let Some(value) = value else { return "NULL".to_string() };
        if let Some(number) = self.number(at) {
            return number;
        }
        let variable = |text: &str| Some(format!(":{}", variables.get(&Uuid::try_parse(text).ok()?)?));
        if let Some(name) = variable(value) {
            return name;
        }
        let list = value.strip_prefix('{').and_then(|list| list.strip_suffix('}'));
        let list = list.and_then(|list| list.split(',').map(variable).collect::<Option<Vec<_>>>());
        if let Some(names) = list {
            return format!("ARRAY[{}]::uuid[]", names.join(", "));
        }
        // pgbench looks for variables inside of texts as well.
        let value = value.replace('\\', "\\\\").replace('\'', "''").replace(':', "\\003a");
        format!("U&'{value}'")
    }

    /// A number that the script's own account or site gave.
    fn number(&self, at: usize) -> Option<String> {
        let table = ["account_events", "blueprint_events", "credit_entries"];
        let table = table
            .into_iter()
            .find(|table| self.text.starts_with(&format!("INSERT INTO \"{table}\" (")))?;
        let columns = self.text.split_once('(')?.1.split_once(')')?.0;
        let columns: Vec<&str> = columns.split(", ").map(|name| name.trim_matches('"')).collect();
        let rows = self.values.len() / columns.len();
        let before_last = rows - 1 - at / columns.len();
        let of = match (table, columns[at % columns.len()]) {
            ("account_events", "seq") => "account_event_seq",
            ("blueprint_events", "seq") => "site_event_seq",
            ("credit_entries", "seq") => "account_credit_seq",
            ("credit_entries", "balance_after") => return Some(":account_balance".to_string()),
            ("credit_entries", "held_after") => return Some(":account_held".to_string()),
            _ => return None,
        };
        Some(format!(":{of}::bigint - {before_last}"))
    }
}
