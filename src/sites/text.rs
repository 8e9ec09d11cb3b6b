//! What may stand in a text: cleaning, shortening, placeholders, slugs.
//!
//! Texts come from models and from strangers. Cleaning removes what can deceive a reader or break a
//! page (control characters, bidirectional controls) and nothing else: `<b>` stays as it is, because
//! escaping belongs to whoever renders. Limits count Unicode characters, as JSON Schema does.

/// Whether a character has no place in any text: controls, and the characters that make a text read
/// differently from how it is stored.
pub fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || is_bidi_control(c)
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// Characters without a shape that only hide: zero-width space, byte order mark. The zero-width
/// joiners stay, because scripts and emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

/// One line: no forbidden characters, every run of white space one space, none at the ends.
pub fn clean_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(8_192));
    for c in text.chars() {
        if c.is_whitespace() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !is_forbidden(c) && !is_invisible(c) {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Several lines: no forbidden characters, `\n` between lines, no space at line ends, at most one
/// empty line in a row, none at the ends. Indentation stays: Markdown nests lists by it.
pub fn clean_lines(text: &str) -> String {
    let unified = text
        .replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}'], "\n")
        .replace('\t', "    ");
    let mut lines: Vec<String> = Vec::new();
    for line in unified.split('\n') {
        let line: String = line
            .chars()
            .filter(|c| !is_forbidden(*c) && !is_invisible(*c))
            .collect();
        let line = line.trim_end();
        if !(line.is_empty() && lines.last().is_none_or(String::is_empty)) {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}

/// At most `max` characters: cut between words, with `…` at the end, never inside a placeholder.
pub fn clamp(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    if max == 0 {
        return String::new();
    }
    let end = text.char_indices().nth(max - 1).map_or(text.len(), |(at, _)| at);
    let hard = &text[..end];
    // A word boundary is worth up to half of the text; a text without spaces is cut where it stands.
    let soft = match hard.rfind(char::is_whitespace) {
        Some(at) if at >= end / 2 => &hard[..at],
        _ => hard,
    };
    let whole = match (soft.rfind('['), soft.rfind(']')) {
        (Some(open), close) if close.is_none_or(|close| close < open) && open > 0 => &soft[..open],
        _ => soft,
    };
    let kept =
        whole.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-' | '–' | '—' | '…'));
    let kept = if kept.is_empty() { hard.trim_end() } else { kept };
    format!("{kept}…")
}

/// The longest phrase that counts as a placeholder, in characters.
pub const PLACEHOLDER_MAX: usize = 120;

/// The phrases in square brackets, without the brackets: what the writer could not know.
/// Markdown links, footnotes and task boxes are not phrases.
pub fn placeholders_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        rest = &rest[open + 1..];
        let Some(stop) = rest.find(['[', ']', '\n']) else {
            break;
        };
        if !rest[stop..].starts_with(']') {
            rest = &rest[stop..];
            continue;
        }
        let phrase = &rest[..stop];
        rest = &rest[stop + 1..];
        if !rest.starts_with('(')
            && let Some(phrase) = placeholder(phrase)
        {
            found.push(phrase);
        }
    }
    found
}

/// A placeholder as it is listed: no brackets, one line; `None` when it names nothing.
pub fn placeholder(phrase: &str) -> Option<String> {
    let phrase = clean_line(phrase.trim_matches(|c: char| c.is_whitespace() || matches!(c, '[' | ']')));
    let letters = phrase.chars().filter(|c| c.is_alphabetic()).count();
    (letters >= 2 && phrase.chars().count() <= PLACEHOLDER_MAX).then_some(phrase)
}

/// The longest slug, in characters.
pub const SLUG_MAX: usize = 60;

/// A lower-case kebab slug of ASCII letters and digits, possibly empty. Latin letters lose their
/// marks; letters of other scripts are left out, so the caller needs a fallback.
pub fn slugify(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            '\'' | '’' | '\u{300}'..='\u{36F}' => {}
            _ => match fold(c) {
                "" if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
                letters => slug.push_str(letters),
            },
        }
        if slug.len() >= SLUG_MAX {
            slug.truncate(SLUG_MAX);
            break;
        }
    }
    slug.trim_matches('-').to_owned()
}

/// The plain letters of a lower-case Latin letter with marks; empty for everything else.
fn fold(c: char) -> &'static str {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ō' | 'ŏ' | 'ő' => "o",
        'ö' | 'ø' | 'œ' => "oe",
        'ŕ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
