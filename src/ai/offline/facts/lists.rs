//! Lists, voices and people inside a fact: "Practice areas: a, b and c", "“Lovely.” – Ann, Leith".
//!
//! What an owner lists by name is what the site offers, and who an owner names may stand on it. A list
//! without a label that says what it lists stays in the owner's words.

/// What a labelled list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ai::offline) enum Listed {
    Offers,
    Partners,
    People,
}

/// What is listed, and the entries of "Practice areas: employment law, wills and conveyancing".
pub(super) fn labelled(text: &str) -> Option<(Listed, Vec<String>)> {
    let (label, rest) = text.split_once(": ")?;
    let label = super::text::spoken(label);
    let names = |words: &[&str]| words.iter().any(|word| label.contains(&format!(" {word} ")));
    let listed = if names(PARTNERS) {
        Listed::Partners
    } else if names(PEOPLE) {
        Listed::People
    } else if names(OFFERS) {
        Listed::Offers
    } else {
        return None;
    };
    let entries = entries(rest);
    let short = entries.iter().all(|entry| {
        entry.chars().any(char::is_alphabetic) && entry.chars().count() <= 60 && entry.split_whitespace().count() <= 7
    });
    let fits = short && entries.len() > 1 && entries.len() <= 12 && label.split_whitespace().count() <= 5;
    let fits = fits && (listed != Listed::People || entries.iter().all(|entry| person(entry).is_some()));
    fits.then_some((listed, entries))
}

/// The entries of an enumeration; "wills and probate" stays whole when commas separate the rest.
pub(in crate::ai::offline) fn entries(text: &str) -> Vec<String> {
    let text = text.trim().trim_end_matches('.');
    let separator = if text.contains(';') { ';' } else { ',' };
    let mut parts: Vec<String> = Vec::new();
    let pieces: Vec<&str> = text.split(separator).collect();
    let last = pieces.len() - 1;
    for (at, piece) in pieces.into_iter().enumerate() {
        let piece = piece.trim();
        let joined = piece.strip_prefix("and ").or(piece.strip_prefix("or "));
        match (joined, piece.split_once(" and ")) {
            (Some(rest), _) => parts.push(rest.to_owned()),
            (None, Some((one, other))) if at == last && (last == 0 || !other.contains(' ') || one.contains(' ')) => {
                parts.extend([one.to_owned(), other.to_owned()]);
            }
            _ => parts.push(piece.to_owned()),
        }
    }
    parts.retain(|part| part.chars().any(char::is_alphanumeric));
    parts
}

/// Name and role of "Ann Moss (head baker)" or "Ann Moss – head baker".
pub(in crate::ai::offline) fn person(entry: &str) -> Option<(String, String)> {
    let (name, role) = entry
        .split_once('(')
        .or_else(|| entry.split_once(" – "))
        .or_else(|| entry.split_once(" - "))?;
    let (name, role) = (name.trim(), role.trim().trim_end_matches(')'));
    let named = name.chars().next().is_some_and(char::is_uppercase);
    (named && !role.is_empty()).then(|| (name.to_owned(), role.to_owned()))
}

/// Quote and author of "“Best bread in town.” – Ann, Leith".
pub(super) fn voice(text: &str) -> Option<(String, String)> {
    let mut chars = text.chars();
    let closing = match chars.next()? {
        '“' | '”' => ['”', '“'],
        '„' => ['“', '”'],
        '«' => ['»', '»'],
        '"' => ['"', '"'],
        _ => return None,
    };
    let rest = chars.as_str();
    let end = rest.rfind(closing)?;
    let quote = rest[..end].trim();
    let author = rest[end..].chars().skip(1).collect::<String>();
    let author =
        author.trim_matches(|c: char| c.is_whitespace() || matches!(c, '–' | '—' | '-' | ',' | ':' | '.' | '(' | ')'));
    let fits = quote.split_whitespace().count() > 1 && (1..=60).contains(&author.chars().count());
    fits.then(|| (quote.to_owned(), author.to_owned()))
}

const OFFERS: &[&str] = &[
    "services",
    "service",
    "practice areas",
    "areas of practice",
    "treatments",
    "products",
    "classes",
    "courses",
    "specialities",
    "specialties",
    "speciality",
    "we offer",
    "we do",
    "we sell",
    "we make",
    "we repair",
    "offers",
    "offer",
    "styles",
    "programmes",
    "programs",
    "repairs",
    "lessons",
    "rooms",
    "wines",
    "dishes",
    "menu",
    "what we do",
];
const PARTNERS: &[&str] = &[
    "clients",
    "customers",
    "partners",
    "suppliers",
    "featured in",
    "as seen in",
    "we work with",
    "memberships",
];
const PEOPLE: &[&str] = &["team", "staff", "people", "who we are", "teachers", "crew"];
