//! What repeats on a site, and how many school years its sentences ask for.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use crate::sites::said::{Link, links, sentences, texts};

/// Less text than this says nothing about its difficulty.
const GRADE_WORDS: usize = 80;
/// What stands on the pages of a site more than once.
#[derive(Debug, Default)]
pub struct Repeats {
    /// How often each sentence stands there.
    sentences: HashMap<String, usize>,
    /// The pages on which each text of a button stands.
    buttons: HashMap<String, HashSet<Uuid>>,
}

impl Repeats {
    pub fn count(&mut self, page: Uuid, content: &Value) {
        texts(content, &mut |_, text| {
            for (key, _) in sentences(text) {
                *self.sentences.entry(key).or_default() += 1;
            }
        });
        for text in links(content).iter().filter_map(Link::text) {
            self.buttons.entry(text).or_default().insert(page);
        }
    }

    pub fn of(&self, sentence: &str) -> usize {
        self.sentences.get(sentence).copied().unwrap_or(0)
    }

    /// Whether another page has a button with this text.
    pub fn is_elsewhere(&self, page: Uuid, button: &str) -> bool {
        let pages = self.buttons.get(button);
        pages.is_some_and(|pages| pages.iter().any(|other| *other != page))
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
