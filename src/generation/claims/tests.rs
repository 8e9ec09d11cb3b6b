//! What counts as invented, and what does not.

use serde_json::{Value, json};

use super::*;
use crate::sites::block::read_block;

const BRIEF: &str = "Rye & Shine, a sourdough bakery in Leith, by Maria Lopez. A large loaf costs £4.80. \
    Open 7:30 to 15:00, on Friday until 6 pm. Call 0131 555 0199. Seats 1,500 people. We won \"best bread in Leith\".";

fn flagged(kind: BlockKind, value: Value) -> Vec<String> {
    flagged_in("en", kind, value)
}

fn flagged_in(language: &str, kind: BlockKind, value: Value) -> Vec<String> {
    let written = read_block(kind, value, "A heading").expect("a good block");
    Known::from_text(BRIEF, language).flag(written).placeholders
}

fn text(body: &str) -> Vec<String> {
    flagged(BlockKind::Text, json!({ "title": "Our bread", "body": body }))
}

#[test]
fn what_the_brief_says_is_no_claim() {
    assert_eq!(
        text("Maria Lopez bakes in Leith. A loaf is £4.80, we open at 07:30 and close at 3."),
        vec!["3"]
    );
    assert_eq!(
        text("On Friday we close at 18:00. We seat 1.500 people. On Saturdays they say: “Best bread in Leith”."),
        Vec::<String>::new()
    );
    assert_eq!(text("Step 1: order. Step 2: collect.\n3. Eat."), Vec::<String>::new());
    assert_eq!(
        text("It starts with [number] ovens and [Name of the miller]."),
        vec!["number", "Name of the miller"]
    );
    assert_eq!(text("See [our 12 loaves](/bread-2024) now."), vec!["12 loaves"]);
}

#[test]
fn invented_numbers_prices_quotes_and_names_are_listed_as_they_stand() {
    assert_eq!(
        text("For 25 years we served over 10,000 guests, 98% of them twice, from €49 a month, 24/7."),
        vec!["25 years", "10,000 guests", "98% of", "€49 a", "24/7"]
    );
    assert_eq!(text("It was twenty years ago."), vec!["twenty years"]);
    assert_eq!(
        text("Chef Anna Bell trained in Paris, with care."),
        vec!["Anna Bell", "Paris"]
    );
    assert_eq!(
        text("A guest wrote “the finest rye I ever had” to us."),
        vec!["the finest rye I ever had"]
    );
    let quotes = json!({ "title": "Guests", "items": [
        { "quote": "I drive an hour for it.", "author": "Tom Reed", "role": "Guest" },
        { "quote": "Best bread in Leith", "author": "Maria Lopez", "role": null },
    ]});
    assert_eq!(
        flagged(BlockKind::Testimonials, quotes),
        vec!["I drive an hour for it.", "Tom Reed"]
    );
    let contact = json!({ "title": "Find us", "email": "hello@rye.example", "phone": "+44 131 555 0199", "address": "1 Shore, Leith", "hours": [] });
    assert_eq!(
        flagged(BlockKind::Contact, contact),
        vec!["hello@rye.example", "+44 131 555 0199", "1 Shore, Leith"]
    );
    let known = json!({ "title": "Find us", "email": null, "phone": "0131-5550199", "address": null, "hours": [] });
    assert_eq!(flagged(BlockKind::Contact, known), Vec::<String>::new());
}

#[test]
fn addresses_that_nobody_named_are_listed_and_such_pictures_taken_out() {
    let action = |href: &str| json!({ "label": "Go", "href": href, "style": "LINK" });
    let hero = |first: &str, second: &str| json!({ "headline": "Bread", "actions": [action(first), action(second)] });
    let known = flagged(BlockKind::Hero, hero("/shop", "tel:01315550199"));
    assert_eq!(known, Vec::<String>::new());
    let invented = flagged(
        BlockKind::Hero,
        hero("https://www.bread.example/buy", "mailto:me@rye.example"),
    );
    assert_eq!(invented, vec!["https://www.bread.example/buy", "mailto:me@rye.example"]);
    assert_eq!(flagged(BlockKind::Hero, hero("#top", "tel:+44999")), vec!["tel:+44999"]);
    assert_eq!(
        text("See [us](https://else.example/x)."),
        vec!["https://else.example/x"]
    );

    let site = Known::from_text(
        "Our menu is at https://rye.example/menu, write to hi@rye.example.",
        "en",
    );
    for address in [
        "https://rye.example",
        "https://www.rye.example/a",
        "mailto:hi@rye.example?subject=x",
    ] {
        assert!(site.knows(address), "{address}");
    }
    let picture = |url: &str| {
        let image = json!({ "url": url, "alt": "Bread", "prompt": "A loaf", "aspect": null });
        let written = read_block(BlockKind::Hero, json!({ "headline": "Bread", "image": image }), "").unwrap();
        site.flag(written).content.to_value()["image"].take()
    };
    assert_eq!(picture("https://rye.example/a.jpg")["url"], "https://rye.example/a.jpg");
    assert_eq!(picture("/a.jpg")["url"], "/a.jpg");
    let gone = picture("https://pictures.example/a.jpg");
    assert_eq!(
        (&gone["url"], &gone["alt"], &gone["prompt"]),
        (&Value::Null, &json!("Bread"), &json!("A loaf"))
    );
}

#[test]
fn what_the_writer_lists_and_does_not_write_is_not_listed() {
    let listed = json!({ "title": "Find us", "body": "Ring [Phone number].", "placeholders": ["phone number", "LEFT", "opening hours"] });
    assert_eq!(flagged(BlockKind::Text, listed), vec!["phone number", "Phone number"]);
}

#[test]
fn words_that_are_drawn_together_are_no_names() {
    assert_eq!(
        text("Here, You see what I'm glad of and what We’ll bake."),
        Vec::<String>::new()
    );
}

#[test]
fn titles_and_german_nouns_are_no_names() {
    assert_eq!(text("Why Our Customers Love Fresh Bread"), Vec::<String>::new());
    let german = json!({ "title": "Brot", "body": "Wir backen jeden Tag frisches Brot mit Sauerteig." });
    assert_eq!(flagged_in("de-AT", BlockKind::Text, german), Vec::<String>::new());
}

#[test]
fn a_long_quote_is_cut_between_words_and_nothing_panics() {
    let long = "word ".repeat(60);
    let quotes = json!({ "title": "Guests", "items": [{ "quote": long, "author": "[name]", "role": null }] });
    let found = flagged(BlockKind::Testimonials, quotes);
    assert!(
        found[1].chars().count() <= PLACEHOLDER_MAX && found[1].ends_with("word"),
        "{found:?}"
    );
    for odd in [
        "“", "“”", "[", "][", "€", "1", "-1-", "1:", "„ab", "«", "ẞ9ß", "\"\"\"", "[a](", "٣",
    ] {
        text(odd);
    }
}

#[test]
fn a_name_inside_another_word_was_not_said() {
    assert!(has_words("our annual fair with ann", "ann"));
    assert!(!has_words("our annual fair", "ann") && !has_words("of joann", "ann"));
}
