//! The text of an API key: 256 random bits behind a prefix that scanners of leaked secrets recognise.
//!
//! A fast hash is enough for so much randomness; there is nothing to guess that a slow one would protect.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const MARK: &str = "sw_live_";
/// 32 bytes in base64url without padding.
const BODY_LENGTH: usize = 43;
/// How much of a key its lists show, enough to tell two apart.
const SHOWN: usize = MARK.len() + 6;

/// A new secret.
pub fn generate() -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether this can be a key at all; anything else is not worth a query.
pub fn is_plausible(text: &str) -> bool {
    text.strip_prefix(MARK).is_some_and(|body| {
        body.len() == BODY_LENGTH
            && body
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
}

/// The beginning, for lists.
pub fn prefix(secret: &str) -> String {
    secret.chars().take(SHOWN).collect()
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Compares two hashes in a time that says nothing about where they differ.
pub fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_plausible_and_unlike_any_other() {
        let (one, other) = (generate(), generate());
        assert!(is_plausible(&one) && is_plausible(&other));
        assert_ne!(one, other);
        assert!(!same(&hash(&one), &hash(&other)) && same(&hash(&one), &hash(&one)));
        assert_eq!(hash(&one).len(), 64);
        assert!(one.starts_with(&prefix(&one)) && prefix(&one).len() < one.len() / 2);
    }

    #[test]
    fn foreign_text_is_not_worth_a_query() {
        let cut = generate().replace(MARK, "");
        for text in ["", "sw_live_", "sw_live_short", cut.as_str(), "Bearer x"] {
            assert!(!is_plausible(text), "{text}");
        }
    }
}
