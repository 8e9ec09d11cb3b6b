//! What is counted on a whole site: words, sentences that come again, filler, questions to the owner.

use std::collections::{BTreeMap, BTreeSet};

use super::{Site, long_sentences, strings};
use crate::ai::offline::library::Language;

/// The words of six letters and more.
pub fn long_words(site: &Site) -> BTreeSet<String> {
    let all = site.texts().join(" ").to_lowercase();
    let words = all
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().count() >= 6);
    words.map(str::to_owned).collect()
}

/// The part of the smaller vocabulary that the other one has, too.
pub fn overlap(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    one.intersection(other).count() as f64 / one.len().min(other.len()).max(1) as f64
}

/// A sentence of eight words or more that a site says twice. An address is no sentence.
pub fn repeated(site: &Site) -> Option<String> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut found = Vec::new();
    site.blocks().for_each(|block| strings(block, "", &mut found));
    let hidden = ["kind", "href", "placeholders", "prompt", "address"];
    let texts = found.into_iter().filter(|(field, _)| !hidden.contains(field));
    let sentences = texts.flat_map(|(_, text)| long_sentences(text));
    sentences
        .into_iter()
        .find(|sentence| seen.insert(sentence.clone(), String::new()).is_some())
}

/// A filler word of the site or its plan, with its line.
pub fn filler(site: &Site) -> Option<(String, String)> {
    let words: Vec<String> = Language::english().lines("filler").into_iter().flatten().collect();
    assert!(words.len() > 40);
    let mut found = Vec::new();
    strings(&site.structure, "", &mut found);
    let planned = found.iter().map(|(_, text)| text.to_lowercase());
    let texts = site.texts().into_iter().map(|text| text.to_lowercase());
    let lines: Vec<String> = planned.chain(texts).collect();
    words.into_iter().find_map(|word| {
        let said = |line: &&String| {
            let spoken = line.replace(|c: char| !c.is_alphanumeric() && c != '-' && c != '\'', " ");
            format!(" {spoken} ").contains(&format!(" {word} "))
        };
        lines.iter().find(said).map(|line| (word.clone(), line.clone()))
    })
}

/// How many questions a site has to its owner.
pub fn placeholders(site: &Site) -> usize {
    let lists = site.blocks().filter_map(|block| block["placeholders"].as_array());
    lists.map(Vec::len).sum()
}
