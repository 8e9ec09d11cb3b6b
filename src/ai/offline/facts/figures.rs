//! Prices, years and counts inside a fact.
//!
//! A price becomes a price only when the fact is a name followed by an amount; anything more
//! involved ("free delivery over 40 €") stays in the owner's words.

const SYMBOLS: &[char] = &['€', '$', '£', '¥', '₹', '₺', '₽', '₩', '₪'];
const CODES: &[&str] = &[
    "eur", "usd", "gbp", "chf", "kr", "kr.", "sek", "nok", "dkk", "zł", "pln", "euro", "euros", "dollars", "dollar",
    "pounds", "francs", "inr", "jpy", "aud", "cad", "nzd", "czk", "kč", "ft", "huf", "ron", "lei", "fr.", "sfr.",
    "zar", "rand", "sgd", "hkd", "mxn", "brl", "thb", "aed", "isk", "bgn", "cny", "krw", "try", "uah",
];

/// Name and price of "Country loaf: 4.20 €".
pub(super) fn price(text: &str) -> Option<(String, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let amount = (0..words.len()).find(|at| is_amount(&words, *at))?;
    let mut start = amount;
    while start > 0 && LEADS.contains(&bare(words[start - 1]).as_str()) {
        start -= 1;
    }
    let name = words[..start].join(" ");
    let name = name.trim_end_matches([':', '-', '–', '—', ',', '=', ' ']).trim();
    let price = words[start..].join(" ");
    let price = price
        .trim_start_matches([':', '-', '–', '—', '=', ' '])
        .trim_end_matches('.')
        .trim();
    // "is", "costs" and "at" join name and price, and belong to neither.
    let price = ["is ", "costs ", "cost ", "at ", "are ", "for "]
        .iter()
        .find_map(|lead| price.strip_prefix(lead))
        .unwrap_or(price);
    let count = name.split_whitespace().count();
    let first = bare(words[0]);
    // "The first class costs €8" names a thing; "The total is €8 …" may say anything.
    let costs = words[start..amount]
        .iter()
        .any(|word| matches!(bare(word).as_str(), "cost" | "costs"));
    let last = name.split_whitespace().last().map(bare).unwrap_or_default();
    let one_amount = (amount + 1..words.len())
        .filter(|at| words[*at].contains(SYMBOLS) || code_and_number(words[*at]))
        .count()
        <= 1;
    let good = (1..=8).contains(&count)
        && price.split_whitespace().count() <= 8
        && price.chars().count() <= 40
        && name.chars().count() <= 80
        && (!STARTS.contains(&first.as_str()) || first == "the" && costs)
        && !ENDS.contains(&last.as_str())
        && one_amount
        && !name.contains(['.', '!', '?', '<', '{']);
    // An article belongs to the sentence, not to the name of the thing.
    let name = ["A ", "An ", "The ", "a ", "an ", "the "]
        .iter()
        .find_map(|article| name.strip_prefix(article))
        .unwrap_or(name);
    good.then(|| (super::text::capitalised(name), price.to_owned()))
}

/// "€16 and takes 30 minutes" is a price and a note.
pub(super) fn noted((name, price): (String, String)) -> ((String, String), Option<String>) {
    let found = [" and ", " with "].iter().find_map(|word| {
        let (amount, note) = price.split_once(word)?;
        let note = if *word == " with " {
            format!("with {note}")
        } else {
            note.to_owned()
        };
        Some((amount.to_owned(), note))
    });
    match found {
        Some((amount, note)) => ((name, amount), Some(note)),
        None => ((name, price), None),
    }
}

/// Name, price and parts of "Monthly pass €49 a month, includes all classes, mats and tea".
pub(super) fn plan(text: &str) -> Option<((String, String), Vec<String>)> {
    let (before, after) = [", includes ", ", including ", " includes ", " including "]
        .iter()
        .find_map(|word| text.split_once(word))?;
    let parts = super::entries(after);
    let short = parts.iter().all(|part| part.chars().count() <= 80);
    let named = price(before.trim_end_matches(','))?;
    (short && (2..=8).contains(&parts.len())).then_some((named, parts))
}

/// The pieces of "Cut 35 €, beard trim 20 €": every piece is a name with a price.
pub(super) fn price_list(text: &str) -> Option<Vec<String>> {
    let pieces: Vec<String> = text
        .split(&[',', ';'][..])
        .map(|piece| piece.trim().to_owned())
        .collect();
    // A decimal comma ("4,20 €") must not split.
    let all = pieces.len() > 1 && pieces.iter().all(|piece| price(piece).is_some());
    all.then_some(pieces)
}

fn is_amount(words: &[&str], at: usize) -> bool {
    let word = words[at];
    let number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let code = |word: Option<&&str>| word.is_some_and(|w| CODES.contains(&bare(w).as_str()) || w.starts_with(SYMBOLS));
    let glued = word.contains(SYMBOLS) && word.chars().any(|c| c.is_ascii_digit()) || code_and_number(word);
    let before = word.chars().all(|c| SYMBOLS.contains(&c)) || CODES.contains(&bare(word).as_str()) || word == "R";
    glued
        || (number(word) && code(words.get(at + 1).as_ref().copied()))
        || (before && words.get(at + 1).is_some_and(|next| number(next)))
}

/// "R180", "CHF45", "45kr": the rand is a capital, so that "r2" stays a name.
fn code_and_number(word: &str) -> bool {
    let word = word.trim_matches(|c: char| matches!(c, '(' | ')' | ',' | ';' | '.' | ':'));
    let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let letters = word.trim_matches(is_digit);
    let digits = word.len() - letters.len();
    let one_side = word.starts_with(letters) || word.ends_with(letters);
    digits > 0
        && one_side
        && (CODES.contains(&letters.to_lowercase().as_str()) || letters == "R" && word.starts_with('R') && digits > 1)
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| matches!(c, ':' | ',' | '(' | ')' | ';'))
        .to_lowercase()
}

const LEADS: &[&str] = &[
    "from", "is", "costs", "cost", "at", "are", "for", "starts", "starting", "about", "only", "-", "–", "—", "=",
];
const STARTS: &[&str] = &[
    "we", "i", "our", "you", "the", "if", "for", "from", "every", "all", "over", "under", "free", "prices", "they",
];
const ENDS: &[&str] = &[
    "over", "above", "under", "below", "of", "than", "to", "least", "up", "charge", "pay", "least", "and", "or", "with",
];

/// The year of "Founded in 1987".
pub(super) fn year(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let dated = CUES.iter().any(|cue| lower.contains(cue));
    let is_year = |word: &&str| word.len() == 4 && word.parse().is_ok_and(|year: u32| (1500..=2035).contains(&year));
    text.split(|c: char| !c.is_ascii_digit())
        .find(is_year)
        .filter(|_| dated)
        .map(str::to_owned)
}

const CUES: &[&str] = &[
    "since",
    "found",
    "open",
    "start",
    "establish",
    "moved",
    "built",
    "award",
    "won",
    "join",
    "took",
    "began",
    "launch",
    "first",
    "certified",
    "graduat",
    "in 1",
    "in 2",
    "bought",
    "renovat",
    "learn",
    "est.",
    "est ",
];

/// Value and label of "1,200 roofs replaced".
pub(super) fn figure(text: &str) -> Option<(String, String)> {
    let words: Vec<&str> = text.trim_end_matches('.').split_whitespace().collect();
    let lead = words
        .iter()
        .take_while(|word| COUNTS.contains(&word.to_lowercase().as_str()))
        .count();
    let number = words.get(lead)?;
    let numeric = number.starts_with(|c: char| c.is_ascii_digit())
        && number
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, ',' | '.' | '+' | '%'));
    let label = words[lead + 1..].join(" ");
    let count = words.len() - lead - 1;
    let good =
        numeric && (1..=6).contains(&count) && label.chars().count() <= 50 && !label.contains(['.', '<', '{', ':']);
    good.then(|| (words[..=lead].join(" "), label))
}

const COUNTS: &[&str] = &["over", "more", "than", "about", "around", "some", "nearly", "almost"];
