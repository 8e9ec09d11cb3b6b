//! Who says what: every phrase of a trade is given to one section of the site, and to no other.
//!
//! Pages are written by separate requests that see the same outline. Each of them keeps the whole
//! ledger, in the order of the outline, so that no two of them use the same sentence.

use std::collections::{BTreeMap, BTreeSet};

use super::brief::Context;
use super::text;

/// The lists that are handed out, with the part of a line that names an entry.
const POOLS: &[&str] = &[
    "offers",
    "benefits",
    "questions",
    "stories",
    "splits",
    "closings",
    "scenes",
];

pub(super) struct Ledger {
    pools: BTreeMap<&'static str, Vec<Entry>>,
    /// What each page is about; nothing for the home page.
    topics: Vec<Topic>,
    /// What was drawn since the last `settle`.
    drawn: Vec<(&'static str, usize)>,
}

/// The stems of a page, each weighing more the fewer pages share it.
type Topic = BTreeMap<String, i32>;

struct Entry {
    index: usize,
    title: String,
    stems: BTreeSet<String>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    /// Named by a section's heading: only that section takes it.
    Reserved,
    Used,
    /// Used by the text that is being replaced: taken again only when nothing else is left.
    Released,
}

impl Ledger {
    pub fn new(context: &Context, topics: Vec<BTreeSet<String>>) -> Ledger {
        let mut pools = BTreeMap::new();
        for name in POOLS {
            let lines = context.list(name);
            let fitting = lines.iter().enumerate().filter(|(_, line)| context.fits(name, line));
            let entries = fitting.map(|(index, line)| Entry {
                index,
                title: context.say(&line[0]),
                stems: text::stems(&line.join(" ")),
                state: State::Free,
            });
            pools.insert(*name, shuffled(entries.collect(), context, name));
        }
        let processes = context
            .trade
            .processes
            .iter()
            .enumerate()
            .map(|(index, process)| Entry {
                index,
                title: context.say(&process.title),
                stems: text::stems(&format!("{} {}", process.title, process.steps.concat().join(" "))),
                state: State::Free,
            });
        pools.insert("steps", shuffled(processes.collect(), context, "steps"));
        Ledger {
            pools,
            topics: weighed(&topics),
            drawn: Vec::new(),
        }
    }

    /// Keeps an entry for the section whose heading is its title.
    pub fn reserve(&mut self, pool: &str, title: &str) {
        if let Some(entry) = self
            .pools
            .get_mut(pool)
            .and_then(|p| p.iter_mut().find(|e| e.title == title))
        {
            entry.state = State::Reserved;
        }
    }

    /// The entry with this title, if nobody used it before.
    pub fn claim(&mut self, pool: &'static str, title: &str) -> Option<usize> {
        let entry = self
            .pools
            .get_mut(pool)?
            .iter_mut()
            .find(|e| e.title == title && e.state != State::Used)?;
        entry.state = State::Used;
        self.drawn.push((pool, entry.index));
        Some(entry.index)
    }

    /// The entry that suits a page best and suits no other page better.
    pub fn draw(&mut self, pool: &'static str, page: usize, heading: &str) -> Option<usize> {
        let (_, at) = self.best(pool, page, heading)?;
        let entry = self.pools.get_mut(pool)?.get_mut(at)?;
        entry.state = State::Used;
        self.drawn.push((pool, entry.index));
        Some(entry.index)
    }

    /// Gives every one of several pages its entry, the best matches first; `None` where none is left.
    pub fn share_out(&mut self, pool: &'static str, pages: &[usize]) -> Vec<Option<usize>> {
        let mut shares = vec![None; pages.len()];
        for _ in 0..pages.len() {
            let open = (0..pages.len()).filter(|at| shares[*at].is_none());
            let offers = open.filter_map(|at| self.best(pool, pages[at], "").map(|(score, entry)| (score, at, entry)));
            let Some((_, at, entry)) = offers.max_by_key(|(score, at, _)| (*score, std::cmp::Reverse(*at))) else {
                break;
            };
            let Some(entry) = self.pools.get_mut(pool).and_then(|entries| entries.get_mut(entry)) else {
                break;
            };
            entry.state = State::Used;
            shares[at] = Some(entry.index);
        }
        shares
    }

    /// The page that each entry of a list belongs to, if one stands out.
    pub fn homes(&self, pool: &str) -> Vec<Option<usize>> {
        let weight = |entry: &Entry, topic: &Topic| entry.stems.iter().filter_map(|stem| topic.get(stem)).sum::<i32>();
        let entries = self.pools.get(pool).into_iter().flatten();
        entries
            .map(|entry| {
                let weights = self.topics.iter().map(|topic| weight(entry, topic)).enumerate();
                weights
                    .filter(|(_, weight)| *weight >= 12)
                    .max_by_key(|(at, weight)| (*weight, std::cmp::Reverse(*at)))
                    .map(|(at, _)| at)
            })
            .collect()
    }

    fn best(&self, pool: &str, page: usize, heading: &str) -> Option<(i32, usize)> {
        let heading = text::stems(heading);
        let empty = Topic::new();
        let own = self.topics.get(page).unwrap_or(&empty);
        let mut best: Option<(i32, usize)> = None;
        for (at, entry) in self.pools.get(pool)?.iter().enumerate() {
            let penalty = match entry.state {
                State::Free => 0,
                State::Released => 1000,
                State::Used | State::Reserved => continue,
            };
            let shared = |topic: &Topic| entry.stems.iter().filter_map(|stem| topic.get(stem)).sum::<i32>();
            let others = self.topics.iter().enumerate().filter(|(other, _)| *other != page);
            let elsewhere = others.map(|(_, topic)| shared(topic)).max().unwrap_or(0);
            let named = entry.stems.intersection(&heading).count() as i32;
            let score = 4 * shared(own) + 12 * named - 3 * elsewhere - penalty;
            if best.is_none_or(|(top, _)| score > top) {
                best = Some((score, at));
            }
        }
        best
    }

    /// Takes entries out that say what a fact of the brief says.
    pub fn strike(&mut self, pool: &str, words: &[String]) {
        for entry in self.pools.get_mut(pool).into_iter().flatten() {
            let title = text::spoken(&entry.title);
            if words.iter().any(|word| title.contains(word.as_str())) {
                entry.state = State::Used;
            }
        }
    }

    /// The draws since the last call.
    pub fn settle(&mut self) -> Vec<(&'static str, usize)> {
        std::mem::take(&mut self.drawn)
    }

    /// Gives draws back as a last choice, for a text that is to be written anew.
    pub fn release(&mut self, draws: &[(&'static str, usize)]) {
        self.put_back(draws, State::Released);
    }

    fn put_back(&mut self, draws: &[(&'static str, usize)], state: State) {
        for (pool, index) in draws {
            if let Some(entry) = self
                .pools
                .get_mut(pool)
                .and_then(|p| p.iter_mut().find(|e| e.index == *index))
            {
                entry.state = state;
            }
        }
    }
}

fn shuffled(mut entries: Vec<Entry>, context: &Context, name: &str) -> Vec<Entry> {
    context.dice(name).shuffle(&mut entries);
    entries
}

fn weighed(topics: &[BTreeSet<String>]) -> Vec<Topic> {
    let pages = |stem: &String| topics.iter().filter(|topic| topic.contains(stem)).count().max(1) as i32;
    topics
        .iter()
        .map(|topic| topic.iter().map(|stem| (stem.clone(), 12 / pages(stem))).collect())
        .collect()
}
