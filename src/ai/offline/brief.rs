//! The brief made ready for writing: trade, tone and audience found, texts cleaned, facts read.
//!
//! Matching goes by the options' keys first and by words only for the owner's own wording. It never
//! fails: what nothing matches is written about in general terms.

use std::collections::BTreeSet;

use super::facts::{self, Fact};
use super::language_or_english;
use super::library::{Language, Line, Tone, Trade};
use super::offers::{self, Offer};
use super::place::place;
use super::seed::{Dice, hash};
use super::text;
use crate::ai::request::{Brief, Choice};

/// Everything that the planner and the writer read.
pub(super) struct Context {
    pub language: &'static Language,
    pub trade: &'static Trade,
    pub tone_key: &'static str,
    pub tone: &'static Tone,
    pub seed: u64,
    pub business: String,
    /// "Bakery", or the owner's own words.
    pub type_name: String,
    pub place: Option<String>,
    /// Sentences of the summary that a visitor may read.
    pub summary: Vec<String>,
    pub facts: Vec<Fact>,
    /// Eyebrow, benefit (title, text), question and answer for each audience.
    pub audiences: Vec<Line>,
    /// Style of the pictures and layout of the first block.
    pub style: String,
    pub layout: String,
    /// What the brief says is offered; where it names nothing, the owner is asked.
    pub offers: Vec<Offer>,
    /// What the owner wants, as stems.
    pub wishes: BTreeSet<String>,
    /// Names of icons, each with the words that call for it.
    pub icons: Vec<Line>,
    contractions: Vec<Line>,
}

impl Context {
    pub fn new(brief: &Brief) -> Context {
        let language = language_or_english(&brief.language);
        let seed = fingerprint(brief);
        let trade = find_trade(language, brief);
        let (tone_key, tone) = find_tone(language, brief, seed);
        let type_name = brief
            .business_type
            .as_ref()
            .map(|choice| text::plain(&choice.name, 40))
            .unwrap_or_default();
        let type_name = if type_name.is_empty() {
            text::capitalised(&trade.name)
        } else {
            text::capitalised(&type_name)
        };
        let business = [&brief.business_name, &brief.site_name]
            .iter()
            .map(|name| text::plain(name, 60))
            .find(|name| !name.is_empty())
            .unwrap_or_else(|| type_name.clone());
        let (style, layout) = find_style(language, brief, seed);
        let summary = text::plain(&brief.summary, 2500);
        // Later sentences name other people's places: "importers in Europe".
        let place = place(&text::first_sentence(&summary));
        let facts = facts::read(&brief.facts);
        let wishes = wishes(brief, &summary);
        let offers = offers::own(language, trade, &summary, &wishes, &facts);
        Context {
            language,
            trade,
            tone_key,
            tone,
            seed,
            business,
            type_name,
            place,
            summary: publishable(language, &summary),
            facts,
            audiences: brief
                .audiences
                .iter()
                .take(4)
                .filter_map(|choice| audience(language, choice))
                .collect(),
            style,
            layout,
            offers,
            wishes,
            icons: language.lines("icons"),
            contractions: language.lines("contractions"),
        }
    }

    pub fn dice(&self, purpose: &str) -> Dice {
        Dice::new(self.seed, purpose)
    }

    /// Whether a line may be said: one that advertises something needs a brief that speaks of it.
    pub fn fits(&self, list: &str, line: &Line) -> bool {
        let needs = match list {
            "closings" => line.get(4).map_or("", String::as_str),
            _ => "",
        };
        needs.is_empty() || text::stems(needs).intersection(&self.wishes).count() > 0
    }

    /// The lines of a trade's list.
    pub fn list(&self, name: &str) -> &[Line] {
        self.trade.list(name)
    }

    /// A phrase as this business says it: tone applied, slots filled.
    pub fn say(&self, phrase: &str) -> String {
        self.say_about(phrase, "")
    }

    /// The same with `{page}` filled.
    pub fn say_about(&self, phrase: &str, page: &str) -> String {
        let voiced = self.voiced(phrase);
        let mut out = String::with_capacity(voiced.len() + 32);
        let mut rest = voiced.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((slot, tail)) = after.split_once('}') else {
                break;
            };
            match slot {
                "business" => out.push_str(&self.business),
                "in_place" => {
                    if let Some(place) = &self.place {
                        out.push_str(&format!(" {} {place}", self.language.text("in")));
                    }
                }
                "customers" => out.push_str(&self.trade.customers),
                "type" => out.push_str(&self.type_name),
                "kind" => out.push_str(&text::lowered(&self.type_name)),
                // A name keeps its capital; a page's title becomes a word of the sentence.
                "page" if page == self.business => out.push_str(page),
                "page" => out.push_str(&text::lowered(page)),
                "Page" => out.push_str(page),
                _ => {}
            }
            rest = tail;
        }
        out.push_str(rest);
        text::capitalised(&out)
    }

    /// Contractions, where the tone has them.
    fn voiced(&self, phrase: &str) -> String {
        let mut out = phrase.to_owned();
        if self.tone.contractions {
            for pair in &self.contractions {
                if let [full, short] = pair.as_slice()
                    && out.contains(full.as_str())
                {
                    out = text::replace_words(&out, full, short);
                }
            }
        }
        out
    }

    /// A description in the tone's length.
    pub fn describe(&self, phrase: &str) -> String {
        let said = self.say(phrase);
        // A sentence with a placeholder is kept: without it, the owner would not be asked.
        if self.tone.brisk && !said.contains('[') {
            text::first_sentence(&said)
        } else {
            said
        }
    }
}

fn fingerprint(brief: &Brief) -> u64 {
    let choices = brief
        .business_type
        .iter()
        .chain(&brief.audiences)
        .chain(&brief.personalities)
        .chain(&brief.hero_imagery);
    let names = choices.flat_map(|choice| [choice.key.as_str(), choice.name.as_str()]);
    let own = [&brief.site_name, &brief.business_name, &brief.summary, &brief.language];
    let lists = brief.objectives.iter().chain(&brief.facts);
    hash(
        own.into_iter()
            .map(String::as_str)
            .chain(names)
            .chain(lists.map(String::as_str)),
    )
}

fn find_trade(language: &'static Language, brief: &Brief) -> &'static Trade {
    static NONE: std::sync::LazyLock<Trade> = std::sync::LazyLock::new(Trade::default);
    let key = brief.business_type.as_ref().map_or("", |choice| choice.key.as_str());
    if let Some(trade) = language.trade(key).filter(|_| key != "generic") {
        return trade;
    }
    let name = brief
        .business_type
        .as_ref()
        .map(|choice| text::plain(&choice.name, 200))
        .unwrap_or_default();
    let summary = text::plain(&brief.summary, 600);
    let needed = if name.is_empty() { 2 } else { 3 };
    let mut best: Option<(usize, &'static Trade)> = None;
    for key in language.trade_keys().filter(|key| *key != "generic") {
        let Some(trade) = language.trade(key) else { continue };
        let score = 3 * mentions(&name, trade)
            + mentions(&summary, trade)
            + 2 * mentions(&text::plain(&brief.business_name, 80), trade);
        if score >= needed && best.is_none_or(|(top, _)| score > top) {
            best = Some((score, trade));
        }
    }
    best.map(|(_, trade)| trade)
        .or_else(|| language.trade("generic"))
        .unwrap_or(&NONE)
}

/// How many of a trade's words stand in a text.
fn mentions(text: &str, trade: &Trade) -> usize {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .collect();
    let padded = format!(" {} ", words.join(" "));
    trade
        .aliases
        .iter()
        .filter(|alias| !alias.is_empty() && padded.contains(&format!(" {alias} ")))
        .count()
}

fn find_tone(language: &'static Language, brief: &Brief, seed: u64) -> (&'static str, &'static Tone) {
    static NONE: std::sync::LazyLock<Tone> = std::sync::LazyLock::new(Tone::default);
    let tones = language.tones();
    let listed = |list: &str, word: &str| list.split(',').any(|entry| entry.trim() == word);
    for choice in &brief.personalities {
        let by_key = tones
            .iter()
            .find(|(_, tone)| !choice.key.is_empty() && listed(&tone.personalities, &choice.key));
        let words: Vec<String> = choice
            .name
            .split(|c: char| !c.is_alphanumeric())
            .take(30)
            .map(str::to_lowercase)
            .collect();
        let by_word = || {
            tones
                .iter()
                .find(|(_, tone)| words.iter().any(|word| listed(&tone.keywords, word)))
        };
        if let Some((key, tone)) = by_key.or_else(by_word) {
            return (key, tone);
        }
    }
    match Dice::new(seed, "tone").pick(tones) {
        Some((key, tone)) => (key, tone),
        None => ("", &NONE),
    }
}

fn find_style(language: &'static Language, brief: &Brief, seed: u64) -> (String, String) {
    let choice = brief.hero_imagery.as_ref();
    let key = choice.map_or("", |choice| choice.key.as_str());
    let line = language.lines(&format!("imagery.{key}")).into_iter().next();
    let own = || {
        choice
            .filter(|choice| !choice.name.trim().is_empty())
            .map(|choice| vec![text::plain(&choice.name, 60)])
    };
    let line = line.or_else(own).or_else(|| {
        Dice::new(seed, "style")
            .pick(&language.lines("imagery_default"))
            .cloned()
    });
    let line = line.unwrap_or_default();
    let style = line.first().cloned().unwrap_or_default();
    (style, line.get(1).cloned().unwrap_or_else(|| "SPLIT".to_owned()))
}

fn audience(language: &'static Language, choice: &Choice) -> Option<Line> {
    let known = language.lines(&format!("audiences.{}", choice.key)).into_iter().next();
    known.filter(|line| line.len() == 5).or_else(|| {
        let name = text::plain(&choice.name, 40);
        (!name.is_empty()).then(|| vec![language.text("audience_own").replace("{name}", &text::lowered(&name))])
    })
}

/// The sentences that describe the business, without those that speak to whoever builds the site.
fn publishable(language: &'static Language, summary: &str) -> Vec<String> {
    let internal: Vec<String> = language.lines("internal_words").into_iter().flatten().collect();
    text::sentences(summary)
        .into_iter()
        .filter(|sentence| {
            let spoken = text::spoken(sentence);
            !internal.iter().any(|word| spoken.contains(&text::spoken(word)))
        })
        .map(|sentence| text::sentence(&text::capitalised(&sentence)))
        .take(8)
        .collect()
}

fn wishes(brief: &Brief, summary: &str) -> BTreeSet<String> {
    let mut out = text::stems(summary);
    for line in brief.objectives.iter().chain(&brief.facts).take(80) {
        out.extend(text::stems(&text::plain(line, 300)));
    }
    for choice in &brief.audiences {
        out.extend(text::stems(&text::plain(&choice.name, 100)));
    }
    out
}
