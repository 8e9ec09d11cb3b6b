//! The text of a credential: 256 random bits behind a prefix that scanners of leaked secrets recognise.
//!
//! A fast hash is enough for so much randomness; there is nothing to guess that a slow one would protect.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a credential of ours begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Key,
    Watch,
}

impl Mark {
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::Key => "sw_live_",
            Mark::Watch => "sw_watch_",
        }
    }

    /// The kind of credential that a text claims to be.
    pub fn of(text: &str) -> Option<Self> {
        [Mark::Key, Mark::Watch]
            .into_iter()
            .find(|mark| text.starts_with(mark.as_str()))
    }
}

/// 32 bytes in base64url without padding.
const BODY_LENGTH: usize = 43;
/// How much of a key its lists show, enough to tell two apart.
const SHOWN: usize = "sw_live_".len() + 6;

/// A new secret.
pub fn generate(mark: Mark) -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{}{}", mark.as_str(), URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether this can be a credential of that kind at all; anything else is not worth a query.
pub fn is_plausible(mark: Mark, text: &str) -> bool {
    text.strip_prefix(mark.as_str()).is_some_and(|body| {
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
        let (one, other) = (generate(Mark::Key), generate(Mark::Key));
        assert!(is_plausible(Mark::Key, &one) && !is_plausible(Mark::Watch, &one));
        assert_eq!(Mark::of(&generate(Mark::Watch)), Some(Mark::Watch));
        assert_ne!(one, other);
        assert!(!same(&hash(&one), &hash(&other)) && same(&hash(&one), &hash(&one)));
        assert_eq!(hash(&one).len(), 64);
        assert!(one.starts_with(&prefix(&one)) && prefix(&one).len() < one.len() / 2);
    }

    #[test]
    fn foreign_text_is_not_worth_a_query() {
        let cut = generate(Mark::Key).replace("sw_live_", "");
        for text in ["", "sw_live_", "sw_live_short", cut.as_str(), "Bearer x"] {
            assert!(!is_plausible(Mark::Key, text), "{text}");
        }
    }
}
