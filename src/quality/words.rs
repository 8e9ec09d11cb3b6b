//! Sentences, and how many school years they ask for.

use std::collections::HashMap;

use serde_json::Value;

/// Shorter sentences repeat by themselves: "Call us today."
const SENTENCE_WORDS: usize = 6;
/// Less text than this says nothing about its difficulty.
const GRADE_WORDS: usize = 80;
/// Fields that visitors do not read.
const SILENT: [&str; 9] = [
    "kind", "href", "url", "aspect", "prompt", "icon", "style", "layout", "side",
];

/// Every text that visitors read, with its path.
pub fn texts<'a>(value: &'a Value, visit: &mut impl FnMut(&[String], &'a str)) {
    walk(value, &mut Vec::new(), visit);
}

fn walk<'a>(value: &'a Value, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &'a str)) {
    match value {
        Value::String(text) => visit(path, text),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                walk(item, path, visit);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(name, _)| !SILENT.contains(&name.as_str())) {
                path.push(name.clone());
                walk(field, path, visit);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The sentences of a text in a form in which spelling, not punctuation, counts; with the words they had.
pub fn sentences(text: &str) -> impl Iterator<Item = (String, &str)> {
    let parts = text.split(['.', '!', '?', '\n', '。', '！', '？']).map(str::trim);
    parts.filter_map(|part| {
        let words: Vec<String> = part
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        (words.len() >= SENTENCE_WORDS).then(|| (words.join(" "), part))
    })
}

/// How often each sentence stands on the pages of a site.
#[derive(Debug, Default)]
pub struct Repeats(HashMap<String, usize>);

impl Repeats {
    pub fn count(&mut self, content: &Value) {
        texts(content, &mut |_, text| {
            for (key, _) in sentences(text) {
                *self.0.entry(key).or_default() += 1;
            }
        });
    }

    pub fn of(&self, key: &str) -> usize {
        self.0.get(key).copied().unwrap_or(0)
    }
}

/// Flesch and Kincaid's grade of running English; none for too little of it.
pub fn grade<'a>(texts: impl Iterator<Item = &'a str>) -> Option<f64> {
    let (mut words, mut sentences, mut syllables) = (0_usize, 0_usize, 0_usize);
    for text in texts {
        for sentence in text.split(['.', '!', '?', '\n', ':', ';']) {
            let before = words;
            for word in sentence
                .split(|c: char| !(c.is_alphabetic() || c == '\''))
                .filter(|word| !word.is_empty())
            {
                words += 1;
                syllables += syllables_of(word);
            }
            sentences += usize::from(words > before);
        }
    }
    if words < GRADE_WORDS {
        return None;
    }
    let (words, sentences, syllables) = (words as f64, sentences as f64, syllables as f64);
    let grade = 0.39 * words / sentences + 11.8 * syllables / words - 15.59;
    Some((grade.max(0.0) * 10.0).round() / 10.0)
}

/// Groups of vowels, less a silent `e`; at least one.
fn syllables_of(word: &str) -> usize {
    let lower = word.to_lowercase();
    let is_vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
    let mut count = 0;
    let mut was_vowel = false;
    for c in lower.chars() {
        count += usize::from(is_vowel(c) && !was_vowel);
        was_vowel = is_vowel(c);
    }
    if lower.ends_with('e') && !lower.ends_with("le") && count > 1 {
        count -= 1;
    }
    count.max(1)
}
