//! What finished pages of a site say already: a section that says it again is asked for once more, alone.
//!
//! Whole sentences and the texts of buttons count, as `quality` measures them. What the owner's brief says may stand
//! on every page, and so may a button by which visitors reach the business. A section that still repeats after it was
//! asked for twice stays as it is: without its button it would lose more, and the report on quality names what repeats.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::context::Site;
use crate::db::Db;
use crate::entities::{block, page};
use crate::error::Result;
use crate::jobs::Lookup;
use crate::sites::problem::{Constraint, Problem};
use crate::sites::said::{Link, OwnWords, links, sentences, texts};
use crate::sites::store::{self, WrittenRevision};

/// What other pages say, and where.
pub struct Taken {
    /// By sentence, the title of a page on which it stands.
    sentences: HashMap<String, String>,
    /// By the text of a button, the same.
    buttons: HashMap<String, String>,
    /// The slugs of pages on which visitors reach the business.
    contact: Vec<String>,
    own: OwnWords,
    /// The pages beside this one, with their titles.
    pages: HashMap<Uuid, String>,
    /// The sections that were read, and which revision of each.
    read: HashSet<(Uuid, i64)>,
}

impl Taken {
    /// What stands on the finished pages beside this one.
    pub fn beside(site: &Site, page: Uuid) -> Taken {
        let brief = &site.brief;
        let own = brief.facts.iter().chain(&brief.objectives).chain([&brief.summary]);
        let mut taken = Taken {
            sentences: HashMap::new(),
            buttons: HashMap::new(),
            contact: Vec::new(),
            own: OwnWords::of(own.map(String::as_str)),
            pages: HashMap::new(),
            read: HashSet::new(),
        };
        let is_contact = |page: &&page::Model| page.page_type.eq_ignore_ascii_case("CONTACT");
        let contact = site.pages.iter().filter(is_contact);
        taken.contact = contact.map(|page| page.slug.clone()).collect();
        let others = site.pages.iter().filter(|other| other.id != page);
        taken.pages = others.map(|other| (other.id, other.title.clone())).collect();
        taken.take(&site.blocks);
        taken
    }

    /// There is no page beside this one.
    pub fn is_alone(&self) -> bool {
        self.pages.is_empty()
    }

    /// The sections of pages beside this one that were written since they were read last: others may be written at the
    /// same time.
    pub fn unread(&self, written: &[WrittenRevision]) -> Vec<Uuid> {
        let is_new = |one: &&WrittenRevision| {
            self.pages.contains_key(&one.page) && !self.read.contains(&(one.block, one.revision))
        };
        written.iter().filter(is_new).map(|one| one.block).collect()
    }

    /// Text that is gone from those pages stays taken.
    pub fn take(&mut self, blocks: &[block::Model]) {
        for block in blocks {
            if let (Some(title), Some(content)) = (self.pages.get(&block.page_id).cloned(), &block.content) {
                self.read.insert((block.id, block.revision));
                self.add(&title, content);
            }
        }
    }

    fn add(&mut self, title: &str, content: &Value) {
        texts(content, &mut |_, text| {
            for (sentence, _) in sentences(text) {
                self.sentences.entry(sentence).or_insert_with(|| title.to_string());
            }
        });
        for text in links(content).iter().filter_map(Link::text) {
            self.buttons.entry(text).or_insert_with(|| title.to_string());
        }
    }

    /// What a section's content says again, in words for its writer.
    pub fn problems(&self, content: &Value) -> Vec<Problem> {
        let mut found = Vec::new();
        texts(content, &mut |path, text| {
            for (sentence, said) in sentences(text) {
                let Some(page) = self.sentences.get(&sentence) else {
                    continue;
                };
                if !self.own.say(&sentence) {
                    let message = format!("\"{said}\" stands on the page \"{page}\" already; say something new.");
                    found.push(Problem::new(path, Constraint::Format, message));
                }
            }
        });
        let contact: HashSet<&str> = self.contact.iter().map(String::as_str).collect();
        for link in links(content).into_iter().filter(|link| !link.is_contact(&contact)) {
            if let Some(page) = link.text().and_then(|text| self.buttons.get(&text)) {
                let label = &link.label;
                let message =
                    format!("The button text \"{label}\" stands on the page \"{page}\" already; find another.");
                // A button's text is what repeats, not where it leads; a link within a text has no place of its own.
                let mut path = link.path.clone();
                if let Some(last) = path.last_mut().filter(|last| *last == "href") {
                    *last = "label".to_string();
                }
                found.push(Problem::new(&path, Constraint::Format, message));
            }
        }
        found
    }
}

/// What stands on sites, by site; one on which nothing does is not found.
pub struct Standing;

impl Lookup for Standing {
    type Key = Uuid;
    type Found = Arc<Vec<WrittenRevision>>;

    async fn find(db: &Db, account: Uuid, sites: &[Uuid]) -> Result<HashMap<Uuid, Self::Found>> {
        let mut standing: HashMap<Uuid, Vec<WrittenRevision>> = HashMap::new();
        for one in store::written_revisions(db.reader(), account, sites).await? {
            standing.entry(one.site).or_default().push(one);
        }
        Ok(standing.into_iter().map(|(site, all)| (site, Arc::new(all))).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(content: Value) -> Vec<String> {
        let mut taken = Taken {
            sentences: HashMap::new(),
            buttons: HashMap::new(),
            contact: vec!["find-us".to_string()],
            own: OwnWords::of(["All our flour is milled in Fife, every week. Open from 7."]),
            pages: HashMap::new(),
            read: HashSet::new(),
        };
        let home = json!({
            "subheadline": "We bake all night so that you can eat at seven. All our flour is milled in Fife. Come in.",
            "actions": [{ "label": "Order now", "href": "/shop" }, { "label": "Contact us", "href": "/find-us" }],
        });
        taken.add("Home", &home);
        taken.problems(&content).iter().map(Problem::to_string).collect()
    }

    #[test]
    fn sentences_and_buttons_of_other_pages_are_found_however_they_are_spelled() {
        let found = messages(json!({
            "body": "Hello. We bake all night, so that YOU can eat at seven!",
            "actions": [{ "label": "ORDER NOW!", "href": "/other" }],
        }));
        assert_eq!(
            found,
            [
                "body: \"We bake all night, so that YOU can eat at seven\" stands on the page \"Home\" already; say something new.",
                "actions[0].label: The button text \"ORDER NOW!\" stands on the page \"Home\" already; find another.",
            ]
        );
    }

    #[test]
    fn the_brief_short_sentences_and_ways_to_reach_the_business_may_repeat() {
        let found = messages(json!({
            "body": "All our flour is milled in Fife. Come in.",
            "actions": [
                { "label": "Contact us", "href": "/find-us#map" },
                { "label": "Order now", "href": "mailto:hello@rye.example" },
            ],
        }));
        assert_eq!(found, Vec::<String>::new());
    }
}
