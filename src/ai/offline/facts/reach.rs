//! Telephone numbers, e-mail addresses and postal addresses inside a fact.
//!
//! Patterns, not validation: a number is recognised where a person would see one. What is not
//! recognised stays in the owner's words.

/// The first e-mail address.
pub(super) fn email(text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    text.split_whitespace().find_map(|word| {
        let (user, host) = word.split_once('@')?;
        let user = user.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let user = user.rsplit(|c: char| !fits(c)).next()?;
        let host: String = host
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || ".-".contains(*c))
            .collect();
        let host = host.trim_end_matches(['.', '-']);
        let ending = host.rsplit('.').next()?;
        let good = !user.is_empty() && host.contains('.') && !host.contains("..") && ending.len() >= 2;
        (good && user.len() + host.len() < 120).then(|| format!("{user}@{host}"))
    })
}

/// The first telephone number.
pub(super) fn phone(text: &str) -> Option<String> {
    let labelled = PHONE_WORDS.iter().any(|word| has_word(text, word));
    let is_part = |c: char| c.is_ascii_digit() || " +-–()./\u{a0}".contains(c);
    let mut start = None;
    let ends = text
        .char_indices()
        .map(|(at, c)| (at, Some(c)))
        .chain([(text.len(), None)]);
    for (at, c) in ends {
        match (start, c.is_some_and(is_part)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                // A number glued to letters is part of a word ("AB12"), not a telephone number.
                let first = text[from..].chars().next().is_some_and(|c| c.is_ascii_digit());
                let glued = first && text[..from].chars().last().is_some_and(char::is_alphanumeric);
                if !glued && let Some(found) = phone_in(&text[from..at], labelled) {
                    return Some(found);
                }
                start = None;
            }
            _ => {}
        }
    }
    None
}

fn phone_in(run: &str, labelled: bool) -> Option<String> {
    let run = run.trim_matches(|c: char| !c.is_ascii_digit() && c != '+' && c != '(' && c != ')');
    let run = run.trim_end_matches('(').trim_start_matches(')').trim();
    let digits = run.chars().filter(char::is_ascii_digit).count();
    let groups: Vec<&str> = run
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .collect();
    let years = groups
        .iter()
        .all(|group| group.len() == 4 && (group.starts_with("19") || group.starts_with("20")));
    let leading = run.starts_with(['+', '(', '0']);
    let dotted = run.contains('.') && groups.iter().all(|group| group.len() <= 3) && !leading && !labelled;
    let date = groups.len() == 3 && groups[0].len() <= 2 && groups[1].len() <= 2 && groups[2].len() == 4;
    // Groups of two digits and dashes between them are hours ("8-17"), not a number.
    let plausible = if labelled {
        digits >= 5
    } else {
        digits >= 9 || (leading && digits >= 7)
    };
    let balanced = run.matches('(').count() == run.matches(')').count();
    (plausible && digits <= 16 && !years && !dotted && !date && balanced).then(|| run.to_owned())
}

/// Whether nothing but labels is left once the parts are taken out.
pub(super) fn only_labels(rest: &str) -> bool {
    words(rest).all(|word| LABELS.contains(&word.as_str()))
}

/// A postal address, and whether the fact says nothing else.
pub(super) fn address(text: &str) -> Option<(String, bool)> {
    let lower = text.to_lowercase();
    for label in ADDRESS_LABELS {
        if let Some(rest) = lower.strip_prefix(label).and_then(|_| text.get(label.len()..)) {
            let rest = rest.trim_start_matches([':', ' ', '-', '–']).trim_end_matches('.');
            let explicit = label.contains("address") || text[label.len()..].starts_with(':');
            if !rest.is_empty() && (explicit || looks_like_street(rest)) && rest.chars().count() <= 160 {
                return Some((rest.trim().to_owned(), true));
            }
        }
    }
    let short = text.split_whitespace().count() <= 14;
    (short && looks_like_street(text) && !reads_like_a_sentence(text))
        .then(|| (text.trim_end_matches('.').to_owned(), true))
}

fn looks_like_street(text: &str) -> bool {
    let digits = text.chars().any(|c| c.is_ascii_digit());
    let street = words(text).any(|word| {
        STREET_WORDS.contains(&word.as_str())
            || STREET_ENDS
                .iter()
                .any(|end| word.len() > end.len() && word.ends_with(end))
    });
    let priced = text.contains(['€', '$', '£', '%']);
    digits && street && !priced
}

fn reads_like_a_sentence(text: &str) -> bool {
    words(text).any(|word| VERBS.contains(&word.as_str()))
}

fn has_word(text: &str, wanted: &str) -> bool {
    words(text).any(|word| word == wanted)
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '\'')
        .map(|word| word.trim_matches('-').to_lowercase())
        .filter(|word| !word.is_empty())
}

const PHONE_WORDS: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "call",
    "ring",
    "mobile",
    "cell",
    "whatsapp",
    "fax",
    "hotline",
    "telefon",
    "text",
    "sms",
];

const LABELS: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "mail",
    "e-mail",
    "email",
    "at",
    "on",
    "us",
    "call",
    "write",
    "to",
    "or",
    "and",
    "our",
    "is",
    "number",
    "contact",
    "ring",
    "reach",
    "the",
    "telefon",
    "reachable",
    "via",
    "by",
];

const ADDRESS_LABELS: &[&str] = &[
    "our address is",
    "our address",
    "the address is",
    "address",
    "we are located at",
    "located at",
    "we are at",
    "visit us at",
    "find us at",
    "you find us at",
    "you will find us at",
    "shop",
    "studio",
    "office",
    "workshop",
    "location",
    "where",
    "premises",
    "practice",
    "restaurant",
    "clinic",
    "showroom",
];

const STREET_WORDS: &[&str] = &[
    "street",
    "st",
    "road",
    "rd",
    "avenue",
    "ave",
    "lane",
    "square",
    "platz",
    "rue",
    "calle",
    "via",
    "plaza",
    "boulevard",
    "blvd",
    "way",
    "court",
    "quay",
    "drive",
    "row",
    "terrace",
    "weg",
    "ulica",
    "ul",
    "rua",
    "avenida",
    "piazza",
    "allee",
    "chemin",
    "quai",
    "place",
    "carrer",
    "paseo",
    "corso",
    "viale",
    "praça",
    "largo",
    "parade",
    "crescent",
    "highway",
    "suite",
    "unit",
    "utca",
    "út",
    "estate",
    "wharf",
    "hill",
    "close",
    "yard",
    "mews",
    "pike",
    "parkway",
];

const STREET_ENDS: &[&str] = &[
    "straße", "strasse", "str", "gasse", "platz", "weg", "allee", "gatan", "vägen", "gade", "vej", "straat", "laan",
    "gracht", "kade", "plein", "damm", "ufer", "ring", "markt", "steig", "katu", "tie",
];

const VERBS: &[&str] = &[
    "is", "are", "was", "we", "i", "has", "have", "our", "can", "opened", "founded", "since", "deliver", "moved",
    "free", "you", "they", "offer", "offers", "own", "owns", "runs", "started", "built",
];
