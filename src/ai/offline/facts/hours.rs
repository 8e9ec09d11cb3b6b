//! Opening hours inside a fact: "Mon–Fri 8–17, Sat 9am to 1pm, Sunday closed".
//!
//! A reader of tokens, not of grammar: days, then times, with dashes between. What else stands in
//! the fact makes it incomplete, and then the owner's words are shown as well.

/// One line of opening hours. No times: closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ai::offline) struct Hours {
    pub day: String,
    pub opens: Option<String>,
    pub closes: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Day(String),
    Time(String),
    Dash,
    And,
    Closed,
    Filler,
    Other,
}

/// The hours in a fact, and whether the fact says nothing else.
pub(super) fn read(text: &str) -> Option<(Vec<Hours>, bool)> {
    let tokens = tokens(text);
    if !tokens.iter().any(|token| matches!(token, Token::Day(_))) {
        return None;
    }
    let mut hours = Vec::new();
    let mut complete = true;
    let mut at = 0;
    while at < tokens.len() {
        if let Some((day, after)) = days(&tokens, at)
            && let Some((line, after)) = times(&tokens, after, day)
        {
            hours.push(line);
            at = after;
            continue;
        }
        // "closed Sunday and Monday": the word comes first here.
        if tokens[at] == Token::Closed
            && let Some((day, after)) = days(&tokens, at + 1)
        {
            hours.push(Hours {
                day,
                opens: None,
                closes: None,
            });
            at = after;
            continue;
        }
        complete &= matches!(tokens[at], Token::Filler | Token::And | Token::Dash);
        at += 1;
    }
    complete &= hours.len() <= 7;
    hours.truncate(7);
    (!hours.is_empty()).then_some((hours, complete))
}

/// A day, a range of days, or several with commas; the spelling stays the owner's.
fn days(tokens: &[Token], mut at: usize) -> Option<(String, usize)> {
    let Token::Day(first) = tokens.get(at)? else {
        return None;
    };
    let mut label = first.clone();
    at += 1;
    loop {
        let joiner = match tokens.get(at) {
            Some(Token::Dash) => "–",
            Some(Token::And) => ", ",
            _ => break,
        };
        let Some(Token::Day(next)) = tokens.get(at + 1) else {
            break;
        };
        label = format!("{label}{joiner}{next}");
        at += 2;
    }
    (label.chars().count() <= 60).then_some((label, at))
}

fn times(tokens: &[Token], mut at: usize, day: String) -> Option<(Hours, usize)> {
    // "Tuesday to Saturday, 7:00 to 15:00": one separator may stand between days and times.
    if tokens.get(at) == Some(&Token::And) {
        at += 1;
    }
    while tokens.get(at) == Some(&Token::Filler) {
        at += 1;
    }
    if tokens.get(at) == Some(&Token::Closed) {
        return Some((
            Hours {
                day,
                opens: None,
                closes: None,
            },
            at + 1,
        ));
    }
    if let Some((starts, after)) = starts(tokens, at) {
        let hours = Hours {
            day,
            opens: Some(starts),
            closes: None,
        };
        return Some((hours, after));
    }
    let (Some(Token::Time(opens)), Some(Token::Dash), Some(Token::Time(closes))) =
        (tokens.get(at), tokens.get(at + 1), tokens.get(at + 2))
    else {
        return None;
    };
    // "8–12 and 14–18": the second range belongs to the same days.
    let mut closes = closes.clone();
    at += 3;
    if let (Some(Token::And), Some(Token::Time(from)), Some(Token::Dash), Some(Token::Time(to))) = (
        tokens.get(at),
        tokens.get(at + 1),
        tokens.get(at + 2),
        tokens.get(at + 3),
    ) {
        closes = format!("{closes}, {from}–{to}");
        at += 4;
    }
    Some((
        Hours {
            day,
            opens: Some(opens.clone()),
            closes: Some(closes),
        },
        at,
    ))
}

/// Beginnings without ends: "7:30, 12:30 and 18:30".
fn starts(tokens: &[Token], mut at: usize) -> Option<(String, usize)> {
    let mut times: Vec<&str> = Vec::new();
    while let Some(Token::Time(time)) = tokens.get(at) {
        if tokens.get(at + 1) == Some(&Token::Dash) {
            return None;
        }
        times.push(time);
        at += 1;
        let more = matches!(
            (tokens.get(at), tokens.get(at + 1)),
            (Some(Token::And), Some(Token::Time(_)))
        );
        if !more {
            break;
        }
        at += 1;
    }
    (!times.is_empty()).then(|| (times.join(", "), at))
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        let dash = matches!(c, '-' | '–' | '—' | '−');
        if c.is_whitespace() || dash || matches!(c, ',' | ';' | '(' | ')' | '&' | '/') {
            if !word.is_empty() {
                tokens.push(token(&word));
                word.clear();
            }
            match c {
                _ if dash => tokens.push(Token::Dash),
                ',' | ';' | '&' | '/' => tokens.push(Token::And),
                _ => {}
            }
        } else {
            word.push(c);
        }
    }
    join_meridiems(tokens)
}

/// "9 am" is two words and one time.
fn join_meridiems(tokens: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    for token in tokens {
        match (out.last_mut(), &token) {
            (Some(Token::Time(time)), Token::Time(suffix)) if suffix == "am" || suffix == "pm" => {
                *time = time
                    .strip_suffix(":00")
                    .filter(|_| !time.starts_with("0"))
                    .unwrap_or(time)
                    .to_owned()
                    + suffix;
            }
            (_, Token::Time(suffix)) if suffix == "am" || suffix == "pm" => out.push(Token::Other),
            _ => out.push(token),
        }
    }
    out
}

fn token(word: &str) -> Token {
    let word = word.trim_matches(|c: char| matches!(c, ':' | '.' | '!'));
    let lower = word.to_lowercase();
    if is_day(&lower) {
        return Token::Day(word.to_owned());
    }
    if let Some(time) = time(&lower) {
        return Token::Time(time);
    }
    match lower.as_str() {
        "to" | "till" | "until" | "through" | "bis" => Token::Dash,
        "and" | "plus" => Token::And,
        "closed" => Token::Closed,
        "" | "open" | "opening" | "hours" | "from" | "we" | "are" | "on" | "at" | "h" | "o'clock" | "uhr" | "times"
        | "our" | "hrs" | "is" | "office" | "shop" => Token::Filler,
        _ => Token::Other,
    }
}

fn is_day(lower: &str) -> bool {
    const DAYS: &[&str] = &[
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    const OTHERS: &[&str] = &[
        "daily", "weekdays", "weekends", "weekend", "everyday", "holidays", "thur", "thurs", "tues",
    ];
    let stem = lower.strip_suffix('s').filter(|stem| stem.len() > 4).unwrap_or(lower);
    OTHERS.contains(&lower)
        || (stem.len() == 3 || stem.len() > 5)
            && DAYS.iter().any(|day| day.starts_with(stem))
            && (stem.len() == 3 || DAYS.contains(&stem))
}

/// "8", "8:30", "8.30", "08h30", "8am", "noon".
fn time(lower: &str) -> Option<String> {
    if matches!(lower, "noon" | "midnight" | "am" | "pm") {
        return Some(lower.to_owned());
    }
    let (digits, suffix) = match lower
        .strip_suffix("am")
        .map(|d| (d, "am"))
        .or(lower.strip_suffix("pm").map(|d| (d, "pm")))
    {
        Some(found) => found,
        None => (lower.strip_suffix('h').unwrap_or(lower), ""),
    };
    let (hour, minute) = match digits.split_once([':', '.', 'h']) {
        Some((hour, minute)) => (hour, Some(minute)),
        None => (digits, None),
    };
    let in_range = |text: &str, end: u32| {
        !text.is_empty()
            && text.len() <= 2
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse().is_ok_and(|n: u32| n <= end)
    };
    if !in_range(hour, 24) || minute.is_some_and(|minute| minute.len() != 2 || !in_range(minute, 59)) {
        return None;
    }
    Some(match (minute, suffix) {
        (Some(minute), _) => format!("{hour}:{minute}{suffix}"),
        (None, "") => format!("{hour}:00"),
        (None, _) => format!("{hour}{suffix}"),
    })
}
