//! Of which type a value of a `VALUES` list is: the server binds it, the log does not say it, and `pgbench` must.

use std::collections::BTreeMap;

use crate::Outcome;
use crate::services::Postgres;

/// The types of all columns, by table and name.
pub struct Types(BTreeMap<(String, String), String>);

impl Types {
    pub fn of(postgres: &Postgres, database: &str) -> Outcome<Types> {
        let all =
            "SELECT table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema = 'public'";
        let said = postgres.psql(database, all)?;
        let column = |line: &str| {
            let mut words = line.split('|').map(str::to_string);
            Some(((words.next()?, words.next()?), words.next()?))
        };
        Ok(Types(said.lines().filter_map(column).collect()))
    }

    /// The type of the statement's value of this number; none where Postgres finds it out by itself.
    pub fn of_value(&self, text: &str, number: usize) -> Option<&str> {
        let row = text.split_once("FROM (VALUES (")?.1.split_once(')')?.0;
        let row: Vec<usize> = row.split(", ").filter_map(|mark| mark[1..].parse().ok()).collect();
        let column = number.checked_sub(*row.first()?)? % row.len() + 1;
        let (verb, rest) = text.split_once(' ')?;
        let table = rest.trim_start_matches("INTO ").split(' ').next()?.to_string();
        let inserted = (verb == "INSERT").then(|| inserted(text, column)).flatten();
        let name = match inserted.map(Use::Beside).or_else(|| used(text, column))? {
            Use::Beside(name) => name,
            Use::Condition => return Some("bool"),
        };
        self.0.get(&(table, name.to_string())).map(String::as_str)
    }
}

enum Use<'a> {
    /// With a column, which is of the same type.
    Beside(&'a str),
    Condition,
}

/// How a statement uses a column of the list.
fn used(text: &str, column: usize) -> Option<Use<'_>> {
    let name = format!("new.column{column}");
    text.match_indices(&name).find_map(|(at, _)| {
        let after = &text[at + name.len()..];
        if after.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if let Some(other) = after.strip_prefix(", ").filter(|_| text[..at].ends_with("COALESCE(")) {
            return Some(Use::Beside(other.split(')').next()?));
        }
        if let Some(other) = after.strip_prefix(" > ") {
            return Some(Use::Beside(other.split(' ').next()?));
        }
        let mut before = text[..at].trim_end().rsplit([' ', '(']);
        match before.next()? {
            "WHEN" if after.starts_with(" THEN") => Some(Use::Condition),
            "=" | "+" | "OR" => Some(Use::Beside(before.next()?.rsplit('.').next()?)),
            _ => None,
        }
    })
}

/// The column that an `INSERT … SELECT` puts a column of the list into.
fn inserted(text: &str, column: usize) -> Option<&str> {
    let into = text.split_once('(')?.1.split_once(')')?.0.split(", ");
    let selected = text.split_once(" SELECT ")?.1.split_once(" FROM ")?.0.split(", ");
    let name = format!("new.column{column}");
    into.zip(selected)
        .find_map(|(into, selected)| (selected == name).then_some(into))
}
