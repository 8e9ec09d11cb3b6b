//! Counts the tokens of a document by its bytes alone, before anything is built from them.

/// Tokens of `text`, comments and white space left out. Counting stops just past `limit`.
pub fn count(text: &str, limit: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut tokens) = (0, 0);
    while at < bytes.len() && tokens <= limit {
        at = match bytes[at] {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | 0xEF | 0xBB | 0xBF => at + 1,
            b'#' => past(bytes, at, |byte| byte != b'\n' && byte != b'\r'),
            first => {
                tokens += 1;
                token(bytes, at, first)
            }
        };
    }
    tokens
}

/// Where the token that starts at `at` ends.
fn token(bytes: &[u8], at: usize, first: u8) -> usize {
    match first {
        b'"' if bytes[at..].starts_with(b"\"\"\"") => block_string(bytes, at + 3),
        b'"' => string(bytes, at + 1),
        b'.' => past(bytes, at, |byte| byte == b'.').min(at + 3),
        b'-' | b'0'..=b'9' => past(bytes, at, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
        }),
        b'_' | b'a'..=b'z' | b'A'..=b'Z' => past(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        _ => at + 1,
    }
}

fn past(bytes: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let length = bytes[at..].iter().position(|byte| !belongs(*byte));
    length.map_or(bytes.len(), |length| at + length)
}

fn string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' | b'\n' | b'\r' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn block_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if bytes[at..].starts_with(b"\"\"\"") {
            return at + 3;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_as_the_specification_cuts_them() {
        for (text, tokens) in [
            ("", 0),
            (" \u{FEFF},,\n# a comment { a }\r", 0),
            ("{ a }", 3),
            ("query Q($a: [Int!]! = [1, -2.5e+3]) @x { ...F }", 23),
            ("{ a(s: \"x \\\" # y\") }", 8),
            ("{ a(s: \"\"\"x \\\"\"\" \" y\"\"\") }", 8),
            ("......", 2),
            ("\"never closed", 1),
            ("\"\"\"never closed\\", 1),
        ] {
            assert_eq!(count(text, 1000), tokens, "{text}");
        }
    }

    #[test]
    fn counting_stops_past_the_limit() {
        assert_eq!(count(&"a ".repeat(100_000), 10), 11);
    }
}
