//! Layouts of pages within what the brief gives and the trade has words for.
//!
//! A recipe proposes the kinds of a page. One that would hold nothing but questions to the owner is
//! left out: no list of prices without prices, no voices, names or people that nobody named.

use std::collections::BTreeMap;

use super::brief::Context;
use super::facts::{Fact, Listed, count};
use super::library::{lines, recipes};
use super::outline::PageView;
use super::seed::Dice;

/// How many more sections of a kind there is something to say in.
pub(super) struct Stock {
    left: BTreeMap<&'static str, usize>,
    /// Whether a page of prices takes what has a price from the page of offers.
    has_price_page: bool,
}

impl Stock {
    pub fn of(context: &Context, pages: &[PageView]) -> Stock {
        let stocked = |list: &str| {
            context
                .list(list)
                .iter()
                .filter(|line| context.fits(list, line))
                .count()
        };
        let facts = &context.facts;
        let named = |sort: Listed, least: usize| usize::from(count(facts, sort) >= least);
        let voices = facts.iter().filter(|fact| fact.voice.is_some()).count();
        let years = facts.iter().filter(|fact| fact.year.is_some()).count();
        let figures = facts.iter().filter(|fact| fact.figure.is_some()).count();
        let plans = facts.iter().filter(|fact| !fact.includes.is_empty()).count();
        let asked = pages.iter().any(|page| page.page_type == "FAQ");
        let kept = if asked { 5 } else { 0 };
        let left = BTreeMap::from([
            (
                "FEATURES",
                (stocked("benefits") + usize::from(!context.audiences.is_empty())) / 3,
            ),
            ("STEPS", context.trade.processes.len()),
            ("SPLIT", stocked("splits") + 1),
            ("TEXT", stocked("stories")),
            ("CTA", stocked("closings") + lines(&context.tone.closings).len()),
            ("FAQ", stocked("questions").saturating_sub(kept) / 3),
            ("GALLERY", 1),
            ("PRODUCTS", 3),
            ("TESTIMONIALS", usize::from(voices > 0)),
            ("STATS", usize::from(figures > 1)),
            ("LOGOS", named(Listed::Partners, 2)),
            ("PRICING", usize::from(plans > 0)),
            ("TEAM", named(Listed::People, 1)),
            ("TIMELINE", usize::from(years > 1)),
            ("CONTACT", usize::MAX),
            ("HERO", usize::MAX),
        ]);
        Stock {
            left,
            has_price_page: pages.iter().any(|page| page.page_type == "PRICING"),
        }
    }

    fn take(&mut self, kind: &str) -> bool {
        match self.left.get_mut(kind) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    /// Whether a list of offers on this page would say something.
    fn has_offers(&self, context: &Context, page: &PageView, alone: bool) -> bool {
        let (mut priced, mut named) = (0, 0);
        for offer in &context.offers {
            match offer.price {
                Some(_) => priced += 1,
                None => named += 1,
            }
        }
        match page.page_type.as_str() {
            // Without anything named the owner is asked once, on the page of offers.
            "HOME" => alone || priced + named > 0,
            "PRICING" => priced > 0,
            _ if !is_main(context, page) => false,
            _ if self.has_price_page => named > 0 || priced == 0,
            _ => true,
        }
    }

    /// The kinds of a page: three to seven, the opening first.
    pub fn layout(&mut self, context: &Context, page: &PageView, alone: bool) -> Vec<String> {
        let named = match page.page_type.as_str() {
            "HOME" if alone => "HOME_ALONE".to_owned(),
            "HOME" => format!("HOME_{}", context.trade.family),
            other => other.to_owned(),
        };
        let variants = recipes()
            .get(&named)
            .or_else(|| recipes().get("HOME_general").filter(|_| page.page_type == "HOME"));
        let variants = variants.or_else(|| recipes().get("CUSTOM"));
        let mut dice = Dice::new(context.seed, &format!("layout {}", page.slug));
        let recipe = variants
            .and_then(|variants| dice.pick(variants))
            .cloned()
            .unwrap_or_default();
        let mut kinds: Vec<String> = vec!["HERO".to_owned()];
        let reachable = context.facts.iter().any(Fact::is_contact);
        for kind in recipe {
            let fits = kind != "PRODUCTS" || self.has_offers(context, page, alone);
            let kind = match kind.as_str() {
                "CONTACT" if page.page_type == "HOME" && !alone && !reachable => "CTA".to_owned(),
                _ => kind,
            };
            // The page of questions draws on what is kept for it.
            let kept = (page.page_type.as_str(), kind.as_str()) == ("FAQ", "FAQ");
            if fits && kinds.len() < 7 && (kept || self.take(&kind)) {
                kinds.push(kind);
            }
        }
        if alone {
            for kind in ["STATS", "TESTIMONIALS"] {
                if kinds.len() < 7 && self.take(kind) {
                    kinds.insert(2, kind.to_owned());
                }
            }
        }
        let spare = match page.page_type.as_str() {
            "CONTACT" => ["FAQ", "FEATURES", "CTA", "SPLIT", "TEXT", "GALLERY"],
            _ => ["FEATURES", "TEXT", "SPLIT", "FAQ", "CTA", "GALLERY"],
        };
        for kind in spare {
            if kinds.len() < 3 && !kinds.iter().any(|known| known == kind) && self.take(kind) {
                let end = kinds.iter().position(|kind| kind == "CTA").unwrap_or(kinds.len());
                kinds.insert(end, kind.to_owned());
            }
        }
        while kinds.len() < 3 {
            kinds.push("CTA".to_owned());
        }
        kinds
    }
}

/// Whether a page is the trade's page of offers.
pub(super) fn is_main(context: &Context, page: &PageView) -> bool {
    let first = context.trade.list("pages").first();
    first.is_some_and(|line| line[0] == page.slug)
}
