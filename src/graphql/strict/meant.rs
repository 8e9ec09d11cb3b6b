//! What a mistyped name may have meant: the sentence about it goes on with the nearest one that there is.

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;
use strsim::damerau_levenshtein;

/// The sentence as it is told: with a suggestion where one name comes close.
pub fn with_suggestion(schema: &Schema, message: String) -> String {
    let suggested = of_field(schema, &message).or_else(|| of_key(schema, &message));
    match suggested {
        Some(name) => format!("{} Did you mean \"{name}\"?", super::read::sentence(&message)),
        None => message,
    }
}

/// `Cannot query field "x" on type "T"`
fn of_field<'a>(schema: &'a Schema, message: &str) -> Option<&'a str> {
    let rest = message.strip_prefix("Cannot query field \"")?;
    let (field, rest) = rest.split_once("\" on type \"")?;
    let type_name = rest.split('"').next()?;
    match schema.types.get(type_name)? {
        ExtendedType::Object(object) => nearest(field, object.fields.keys().map(|name| name.as_str())),
        ExtendedType::Interface(interface) => nearest(field, interface.fields.keys().map(|name| name.as_str())),
        _ => None,
    }
}

/// `… has key x not in type T`
fn of_key<'a>(schema: &'a Schema, message: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(" has key ")?;
    let (key, rest) = rest.split_once(" not in type ")?;
    match schema.types.get(rest.trim_end_matches('.'))? {
        ExtendedType::InputObject(input) => nearest(key, input.fields.keys().map(|name| name.as_str())),
        _ => None,
    }
}

/// Of names that differ in a third of their letters at most, the first of those that differ least. Only names of about the
/// same length are compared: a word may be as long as a request.
fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let long = word.chars().count();
    let most = (long / 3).max(1);
    let names = names.filter(|name| name.len().abs_diff(long) <= most);
    let far = names.map(|name| (damerau_levenshtein(word, name), name));
    let near = far.filter(|(far, _)| *far <= most).min_by_key(|(far, _)| *far);
    near.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::nearest;

    /// Seen to fail: when lengths are not compared first, this takes a minute of a processor in a debug build.
    #[test]
    fn a_word_as_long_as_a_request_costs_no_more_than_another() {
        let names: Vec<String> = (0..50).map(|at| format!("aRatherLongName{at}")).collect();
        let names = || names.iter().map(String::as_str);
        let since = Instant::now();
        assert_eq!(nearest(&"a".repeat(2_000_000), names()), None);
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        assert_eq!(nearest("aRatherLongNam7", names()), Some("aRatherLongName7"));
    }
}
