//! Facts: what the owner states, recognised far enough to stand where a reader looks for it.
//!
//! A fact that is read completely (a telephone number, a line of opening hours) is shown as its
//! parts; every other fact is shown in the owner's words. No fact is ever reworded or dropped.

mod figures;
mod hours;
mod lists;
mod reach;

pub(super) use hours::Hours;
pub(super) use lists::{Listed, entries, person};

use super::text;

/// One fact with what was recognised in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Fact {
    pub text: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub address: Option<String>,
    pub hours: Vec<Hours>,
    /// Name and price.
    pub price: Option<(String, String)>,
    /// What the fact says beside name and price: "takes 30 minutes".
    pub note: Option<String>,
    /// What the price includes, where the fact lists it.
    pub includes: Vec<String>,
    pub year: Option<String>,
    /// Value and label.
    pub figure: Option<(String, String)>,
    /// Things, partners or people that the fact names.
    pub list: Option<(Listed, Vec<String>)>,
    /// Quote and author.
    pub voice: Option<(String, String)>,
    /// Whether the recognised parts say all that the fact says.
    pub complete: bool,
}

impl Fact {
    /// The entries of a list of one sort.
    pub fn listed(&self, sort: Listed) -> &[String] {
        match &self.list {
            Some((own, entries)) if *own == sort => entries,
            _ => &[],
        }
    }

    pub fn is_contact(&self) -> bool {
        self.phone.is_some() || self.email.is_some() || self.address.is_some() || !self.hours.is_empty()
    }
}

/// Reads the facts of a brief. Price lists and opening hours in one line become several facts.
pub(super) fn read(raw: &[String]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let lines = raw.iter().flat_map(|fact| fact.lines());
    for line in lines {
        let line = text::plain(line, 1000);
        if !line.chars().any(char::is_alphanumeric) {
            continue;
        }
        let pieces = figures::price_list(&line).unwrap_or_else(|| vec![line]);
        for piece in pieces {
            if !facts.iter().any(|fact| fact.text == piece) {
                facts.push(recognise(piece));
            }
        }
        // A brief of thousands of facts is not a brief; the limit keeps a page below its time.
        if facts.len() >= 60 {
            break;
        }
    }
    facts
}

/// What a brief has of a sort, for a plan that asks for sections.
pub(super) fn count(facts: &[Fact], sort: Listed) -> usize {
    facts.iter().map(|fact| fact.listed(sort).len()).sum()
}

fn recognise(text: String) -> Fact {
    let mut fact = Fact {
        text,
        ..Fact::default()
    };
    fact.voice = lists::voice(&fact.text);
    if fact.voice.is_some() {
        fact.complete = true;
        return fact;
    }
    let mut rest = fact.text.clone();
    if let Some(email) = reach::email(&rest) {
        rest = rest.replacen(&email, " ", 1);
        fact.email = Some(email);
    }
    if let Some(phone) = reach::phone(&rest) {
        rest = rest.replacen(&phone, " ", 1);
        fact.phone = Some(phone);
    }
    if let Some((hours, complete)) = hours::read(&rest) {
        fact.hours = hours;
        fact.complete = complete && fact.phone.is_none() && fact.email.is_none();
        return fact;
    }
    if fact.phone.is_some() || fact.email.is_some() {
        fact.complete = reach::only_labels(&rest);
        return fact;
    }
    if let Some((address, complete)) = reach::address(&fact.text) {
        fact.address = Some(address);
        fact.complete = complete;
        return fact;
    }
    if let Some((plan, includes)) = figures::plan(&fact.text) {
        fact.price = Some(plan);
        fact.note = fact.text.rfind("inclu").map(|at| fact.text[at..].to_owned());
        fact.includes = includes;
        fact.complete = true;
        return fact;
    }
    if let Some(price) = figures::price(&fact.text) {
        let (price, note) = figures::noted(price);
        fact.price = Some(price);
        fact.note = note;
        fact.complete = true;
        return fact;
    }
    fact.list = lists::labelled(&fact.text);
    if fact.list.is_some() {
        fact.complete = true;
        return fact;
    }
    fact.year = figures::year(&fact.text);
    if fact.year.is_none() {
        fact.figure = figures::figure(&fact.text);
        fact.complete = fact.figure.is_some();
    }
    fact
}
