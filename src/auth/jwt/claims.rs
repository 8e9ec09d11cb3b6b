//! What a verified token says of its bearer: who it is, and what the role claim gives.

use serde_json::{Map, Value};

use crate::auth::identities::LONGEST;
use crate::entities::Role;

/// A claim by its name, or within others by a JSON pointer such as `/realm_access/roles`.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let mut steps = name.strip_prefix('/')?.split('/');
    let first = claims.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

/// The person that the token names.
pub fn subject<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let subject = claim(claims, name)?.as_str()?;
    let is_fit = !subject.is_empty() && subject.chars().count() <= LONGEST && !subject.chars().any(char::is_control);
    is_fit.then_some(subject)
}

/// The highest role in the claim, a word or a list of words; words that are no roles here belong to other services.
pub fn role(claims: &Map<String, Value>, name: &str) -> Option<Role> {
    match claim(claims, name)? {
        Value::String(word) => role_named(word),
        Value::Array(words) => words.iter().filter_map(|word| role_named(word.as_str()?)).max(),
        _ => None,
    }
}

/// A role by its word, in either case.
pub fn role_named(word: &str) -> Option<Role> {
    Role::ALL
        .iter()
        .copied()
        .find(|role| role.as_str().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_within_others() {
        let claims = claims(json!({
            "sub": "ada", "https://site.example/role": "EDITOR", "realm": { "roles": ["other", "viewer", "owner"] }
        }));
        assert_eq!(subject(&claims, "sub"), Some("ada"));
        assert_eq!(role(&claims, "https://site.example/role"), Some(Role::Editor));
        assert_eq!(role(&claims, "/realm/roles"), Some(Role::Owner));
        assert_eq!((role(&claims, "role"), role(&claims, "/realm/none")), (None, None));
    }

    #[test]
    fn a_person_without_a_usable_name_is_nobody() {
        for name in [json!(""), json!(7), json!("a\nb"), json!("x".repeat(256)), Value::Null] {
            assert_eq!(subject(&claims(json!({ "sub": name })), "sub"), None);
        }
    }
}
