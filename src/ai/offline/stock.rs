//! Layouts of pages within what the trade has words for.
//!
//! A recipe proposes the kinds of a page; a kind that the trade has used up is left out, so that no
//! page is planned that could only be filled with questions to the owner.

use std::collections::BTreeMap;

use super::brief::Context;
use super::library::recipes;
use super::outline::PageView;
use super::seed::Dice;

/// How many more sections of a kind the trade has words for.
pub(super) struct Stock(BTreeMap<&'static str, usize>);

impl Stock {
    pub fn of(context: &Context, has_faq_page: bool) -> Stock {
        let count = |list: &str| context.list(list).len();
        let one = |list: &str| usize::from(count(list) > 0);
        Stock(BTreeMap::from([
            ("FEATURES", (count("benefits") + context.audiences.len()) / 3),
            ("STEPS", context.trade.processes.len()),
            ("SPLIT", count("splits")),
            ("TEXT", count("stories")),
            ("CTA", count("closings")),
            (
                "FAQ",
                count("questions").saturating_sub(if has_faq_page { 5 } else { 0 }) / 3,
            ),
            ("GALLERY", 2),
            ("PRODUCTS", 2),
            ("TESTIMONIALS", one("voices")),
            ("STATS", one("stats")),
            ("LOGOS", one("partners")),
            ("PRICING", one("plans")),
            ("TEAM", one("team")),
            ("TIMELINE", one("timeline")),
            ("CONTACT", 1),
            ("HERO", usize::MAX),
        ]))
    }

    fn take(&mut self, kind: &str) -> bool {
        match self.0.get_mut(kind) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
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
        let main = context
            .trade
            .list("pages")
            .first()
            .is_some_and(|line| line[0] == page.slug);
        let priced = context.facts.iter().filter(|fact| fact.price.is_some()).count() > 1;
        let dated = context.facts.iter().any(|fact| fact.year.is_some());
        let counted = context.facts.iter().any(|fact| fact.figure.is_some());
        for kind in recipe {
            // Without a year or a number of the brief these would hold nothing but questions.
            if kind == "TIMELINE" && !dated || kind == "STATS" && !counted {
                continue;
            }
            // The page of questions and the list of prices draw on what is kept for them.
            let kept = matches!((page.page_type.as_str(), kind.as_str()), ("FAQ", "FAQ"))
                || (priced && page.page_type == "PRICING" && kind == "PRODUCTS");
            if kinds.len() < 7 && (kept || self.take(&kind)) {
                kinds.push(kind);
            }
        }
        if main && !kinds.iter().any(|kind| kind == "PRODUCTS") && kinds.len() < 7 && self.take("PRODUCTS") {
            kinds.insert(1, "PRODUCTS".to_owned());
        }
        self.add_for_facts(context, page, &mut kinds);
        for kind in ["FEATURES", "TEXT", "SPLIT", "FAQ", "CTA", "GALLERY"] {
            if kinds.len() < 3 && !kinds.iter().any(|known| known == kind) && self.take(kind) {
                kinds.push(kind.to_owned());
            }
        }
        while kinds.len() < 3 {
            kinds.push("TEXT".to_owned());
        }
        kinds
    }

    /// Years ask for a history, counts for figures, where the page is the place for them.
    fn add_for_facts(&mut self, context: &Context, page: &PageView, kinds: &mut Vec<String>) {
        let years = context.facts.iter().filter(|fact| fact.year.is_some()).count();
        let figures = context.facts.iter().filter(|fact| fact.figure.is_some()).count();
        let wanted = [
            ("TIMELINE", years > 0 && page.page_type == "ABOUT"),
            ("STATS", figures > 0 && page.page_type == "HOME"),
        ];
        for (kind, needed) in wanted {
            if needed && kinds.len() < 7 && !kinds.iter().any(|known| known == kind) && self.take(kind) {
                kinds.insert(kinds.len().min(2), kind.to_owned());
            }
        }
    }
}
