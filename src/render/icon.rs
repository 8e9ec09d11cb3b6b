//! A small set of line icons, found by name.
//!
//! A writer names icons freely, so a drawing answers to several words. A name that none answers to gets
//! a plain mark. The drawings are our own, on a grid of 24, and only decorate: the text says it all.

use maud::{Markup, html};

/// Words that ask for a drawing, and its paths.
const DRAWINGS: &[Drawing] = &[
    (
        &["clock", "time", "hours", "watch", "timer"],
        "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 7.5V12l3.2 2",
    ),
    (
        &["shield", "safe", "security", "protection", "guarantee", "insurance"],
        "M12 3.2 19 6v5.4c0 4.3-2.9 7.6-7 9.4-4.1-1.8-7-5.1-7-9.4V6ZM9 12l2.2 2.2L15.2 10",
    ),
    (
        &["calendar", "date", "schedule", "appointment", "event"],
        "M4.5 6h15v14h-15ZM4.5 10.2h15M8.5 3.5V7M15.5 3.5V7M8.5 14h2M13.5 14h2",
    ),
    (
        &["phone", "call", "telephone"],
        "M6.2 3.8h3.1l1.5 4-2 1.6a12 12 0 0 0 5.8 5.8l1.6-2 4 1.5v3.1c0 1-.8 1.8-1.8 1.7C10.8 19 5 13.2 4.5 5.6c0-1 .7-1.8 1.7-1.8",
    ),
    (
        &["truck", "delivery", "van", "transport", "shipping"],
        "M2.8 6.5h11v10h-11ZM13.8 10h4l3.4 3.4v3.1h-7.4M7 19.3a1.9 1.9 0 1 0 0-3.8 1.9 1.9 0 0 0 0 3.8M17 19.3a1.9 1.9 0 1 0 0-3.8 1.9 1.9 0 0 0 0 3.8",
    ),
    (
        &[
            "leaf", "plant", "organic", "nature", "green", "eco", "sprout", "garden", "flower", "tree",
        ],
        "M5 19C4 10.5 9 4.8 19.5 4.5 20 14.5 14.5 19.8 7.2 17.3M5 20.5c1.5-5 4.5-8.5 9-10.7",
    ),
    (
        &["heart", "care", "love", "health"],
        "M12 20C6.5 16.2 3.5 13 3.5 9.3A4.6 4.6 0 0 1 12 6.8a4.6 4.6 0 0 1 8.5 2.5C20.5 13 17.5 16.2 12 20",
    ),
    (
        &[
            "tools", "tool", "wrench", "repair", "hammer", "settings", "gear", "workshop", "plumber", "mechanic",
        ],
        "M14.2 6.3a4.3 4.3 0 0 1 5.5-2.1l-2.7 2.7.3 2.4 2.4.3 1-1a4.3 4.3 0 0 1-6.1 4.6l-6.8 6.8a1.9 1.9 0 0 1-2.7-2.7l6.8-6.8a4.3 4.3 0 0 1 2.3-4.2",
    ),
    (
        &[
            "document",
            "paper",
            "file",
            "contract",
            "report",
            "clipboard",
            "text",
            "form",
        ],
        "M6 3.5h8l4 4v13H6ZM14 3.5v4h4M9 12h6M9 15.5h6",
    ),
    (
        &[
            "users",
            "team",
            "people",
            "family",
            "group",
            "community",
            "user",
            "person",
        ],
        "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.8 20c.3-3.6 2.8-5.7 6.2-5.7s5.9 2.1 6.2 5.7M16 5a3.3 3.3 0 0 1 0 6.3M17.5 14.8c2.2.7 3.5 2.5 3.7 5.2",
    ),
    (
        &["star", "quality", "favourite", "favorite", "rating"],
        "m12 3.8 2.5 5.3 5.7.7-4.2 4 1.1 5.8L12 16.8l-5.1 2.8L8 13.8l-4.2-4 5.7-.7Z",
    ),
    (
        &["home", "house", "roof", "roofer", "building", "slate", "chimney"],
        "M3.5 11.5 12 4l8.5 7.5M6 9.5V20h12V9.5M10 20v-5.5h4V20",
    ),
    (
        &["map", "route", "area", "location", "pin", "place", "nearby"],
        "M12 21c4.3-4.8 6.5-8.2 6.5-11A6.5 6.5 0 0 0 5.5 10c0 2.8 2.2 6.2 6.5 11M12 12.3a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8",
    ),
    (
        &[
            "wallet", "price", "money", "payment", "cash", "coins", "budget", "credit", "card",
        ],
        "M3.5 7.5h17v12h-17ZM3.5 7.5l12-3.7v3.7M16 13.5h1.5",
    ),
    (
        &[
            "chat",
            "message",
            "talk",
            "conversation",
            "comment",
            "question",
            "support",
        ],
        "M4 5h16v11h-8.5L7 20v-4H4ZM8 9.2h8M8 12.2h5",
    ),
    (
        &["eye", "view", "see", "inspect", "vision"],
        "M2.5 12C5 7.8 8.2 5.8 12 5.8s7 2 9.5 6.2c-2.5 4.2-5.7 6.2-9.5 6.2s-7-2-9.5-6.2M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
    ),
    (
        &["check", "tick", "done", "confirm", "verified"],
        "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M8.2 12.2l2.6 2.6 5-5.3",
    ),
    (
        &["mail", "email", "envelope", "letter", "newsletter"],
        "M3.5 5.5h17v13h-17ZM3.5 6.5l8.5 7 8.5-7",
    ),
    (
        &[
            "bolt",
            "lightning",
            "energy",
            "power",
            "fast",
            "electric",
            "emergency",
            "speed",
        ],
        "M13.5 3 5.5 13.5h5.7L10.5 21l8-10.5h-5.7Z",
    ),
    (
        &["key", "access", "lock", "private"],
        "M8 12.5a4 4 0 1 0 0 .1M11.8 12h9M17 12v3.5M20.3 12v2.5",
    ),
    (
        &["award", "medal", "badge", "trophy", "certificate"],
        "M12 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11M8.7 13.6 7.5 21l4.5-2.5 4.5 2.5-1.2-7.4",
    ),
    (
        &["book", "learn", "course", "read", "education", "guide"],
        "M12 6.5C9.5 4.8 6.7 4.3 3.5 4.8v13c3.2-.5 6 0 8.5 1.7 2.5-1.7 5.3-2.2 8.5-1.7v-13C17.3 4.3 14.5 4.8 12 6.5M12 6.5v13",
    ),
    (
        &["sun", "day", "weather", "light", "lightbulb", "idea"],
        "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8M12 2.8v2M12 19.2v2M2.8 12h2M19.2 12h2M5.5 5.5l1.4 1.4M17.1 17.1l1.4 1.4M5.5 18.5l1.4-1.4M17.1 6.9l1.4-1.4",
    ),
    (
        &["camera", "photo", "picture", "image"],
        "M3.5 7.5h4L9 5h6l1.5 2.5h4v12h-17ZM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7",
    ),
    (
        &["cup", "coffee", "tea", "drink", "cafe"],
        "M5 8.5h11.5v5.5a5 5 0 0 1-5 5H10a5 5 0 0 1-5-5ZM16.5 10h1.7a2.3 2.3 0 0 1 0 4.6h-1.8M8.5 3v2.5M12.5 3v2.5",
    ),
    (
        &[
            "bread",
            "wheat",
            "bakery",
            "grain",
            "food",
            "cake",
            "kitchen",
            "restaurant",
            "loaf",
            "loaves",
            "dough",
            "flour",
            "oven",
        ],
        "M12 21V9M12 9c-2.4-.8-3.3-2.6-2.5-5.5C12 4.5 13 6.2 12 9M12 13.5c-3.2.3-5-1-5.5-4 3.2-.3 5 1 5.5 4M12 13.5c3.2.3 5-1 5.5-4-3.2-.3-5 1-5.5 4M12 18c-3.2.3-5-1-5.5-4 3.2-.3 5 1 5.5 4M12 18c3.2.3 5-1 5.5-4-3.2-.3-5 1-5.5 4",
    ),
    (
        &["scissors", "cut", "hair", "tailor"],
        "M6.5 9.3a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6M6.5 20.3a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6M8.7 8.3 20 17.5M8.7 15.7 20 6.5",
    ),
    (
        &["globe", "world", "language", "international", "web"],
        "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M3.5 12h17M12 3.5c2.7 2.4 4 5.2 4 8.5s-1.3 6.1-4 8.5c-2.7-2.4-4-5.2-4-8.5s1.3-6.1 4-8.5",
    ),
    (
        &["chart", "growth", "analytics", "data", "graph", "results"],
        "M4 4v16h16M8 16v-4M12.5 16V8M17 16v-6",
    ),
    (
        &["scale", "scales", "law", "lawyer", "justice", "balance", "legal"],
        "M12 4v16M7.5 20h9M5 7l7-1.5L19 7M5 7l-2.5 6.5a2.8 2.8 0 0 0 5 0ZM19 7l-2.5 6.5a2.8 2.8 0 0 0 5 0Z",
    ),
    (
        &["water", "drop", "rain", "leak", "clean"],
        "M12 3.5c4 4.5 6 7.8 6 10.7a6 6 0 0 1-12 0c0-2.9 2-6.2 6-10.7M9 14.5a3 3 0 0 0 2.5 2.8",
    ),
    (
        &["gift", "voucher", "present", "offer"],
        "M4 9h16v4H4ZM5.5 13v7h13v-7M12 9v11M12 9C8 9 6.8 7.6 7.3 5.8 8 3.6 11 4.3 12 9M12 9c4 0 5.2-1.4 4.7-3.2C16 3.6 13 4.3 12 9",
    ),
    (
        &["paw", "dog", "cat", "pet", "animal"],
        "M12 12.5c2.5 0 5 2.6 5 5 0 1.8-1.3 2.6-2.8 2.3-1.5-.4-2.9-.4-4.4 0C8.3 20.1 7 19.3 7 17.5c0-2.4 2.5-5 5-5M5.5 11.8a1.6 2 0 1 0 0-.1M9.8 8a1.6 2.1 0 1 0 0-.1M17.4 8a1.6 2.1 0 1 0 0-.1M21.7 11.8a1.6 2 0 1 0 0-.1",
    ),
];

const PLAIN: &str = "M12 4c.6 5 3 7.4 8 8-5 .6-7.4 3-8 8-.6-5-3-7.4-8-8 5-.6 7.4-3 8-8";

/// The drawings, by their first word, that are also pretty when repeated on a wall.
const PRINTS: &[&str] = &[
    "leaf", "tools", "home", "bread", "cup", "scissors", "water", "paw", "sun", "book", "scale",
];

type Drawing = (&'static [&'static str], &'static str);

fn find(word: &str) -> Option<&'static Drawing> {
    DRAWINGS.iter().find(|(words, _)| words.contains(&word))
}

/// The drawing that answers to the name.
fn path(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    words.find_map(find).map(|(_, path)| *path)
}

/// Whether most of a row have a drawing of their own; otherwise the row looks better without any.
pub(super) fn suit<'a>(names: impl Iterator<Item = Option<&'a str>>) -> bool {
    let (mut all, mut found) = (0, Vec::new());
    for name in names {
        all += 1;
        found.extend(name.and_then(path));
    }
    found.sort_unstable();
    found.dedup();
    2 * found.len() > all
}

/// The drawing for a print that a description calls for by one of its words.
pub(super) fn motif(description: &str) -> Option<&'static str> {
    let description = description.to_lowercase();
    let mut words = description
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 2);
    let (_, path) = words.find_map(|word| {
        let drawing = find(word).or_else(|| find(word.strip_suffix('s')?))?;
        PRINTS.contains(&drawing.0[0]).then_some(drawing)
    })?;
    Some(path)
}

pub(super) fn draw(name: Option<&str>) -> Markup {
    let path = name.and_then(path).unwrap_or(PLAIN);
    html! {
        svg.icon viewBox="0 0 24 24" aria-hidden="true" focusable="false" { path d=(path) {} }
    }
}
