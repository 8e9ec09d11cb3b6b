//! The phrase files: every sentence the offline writer knows, by language, trade and tone.
//!
//! They are compiled in and read on first use, a file at a time, so that starting costs nothing.
//! Adding a trade is a file and a line in the list here; `data/README.md` says how. No sentence of a
//! site stands in code.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// One line of a phrase list, split at the bars.
pub(super) type Line = Vec<String>;

/// A process: its title and its steps.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub title: String,
    pub steps: Vec<Line>,
}

/// Everything the writer knows about one trade.
#[derive(Debug, Clone, Default)]
pub(super) struct Trade {
    pub name: String,
    pub customers: String,
    pub family: String,
    pub aliases: Vec<String>,
    pub lists: BTreeMap<String, Vec<Line>>,
    pub processes: Vec<Process>,
}

impl Trade {
    /// The lines of a list; empty when the file has none.
    pub fn list(&self, name: &str) -> &[Line] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }
}

/// A manner of speaking.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tone {
    pub personalities: String,
    pub keywords: String,
    /// Whether "do not" becomes "don't".
    pub contractions: bool,
    /// Whether descriptions are cut to their first sentence.
    pub brisk: bool,
    pub fonts: String,
    pub call: String,
    pub mail: String,
    pub contact: String,
    pub contact_intros: String,
    pub closings: String,
}

/// What all trades of a language share: labels, default headings, goals, questions for facts.
pub(super) type Shared = BTreeMap<String, toml::Value>;

/// The phrases of one language.
pub(super) struct Language {
    pub tag: &'static str,
    trades: &'static [(&'static str, &'static str)],
    tones: &'static [(&'static str, &'static str)],
    shared: &'static str,
    read_trades: OnceLock<Vec<OnceLock<Trade>>>,
    read_tones: OnceLock<Vec<(&'static str, Tone)>>,
    read_shared: OnceLock<Shared>,
}

macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_str!(concat!("data/", $folder, "/", $name, ".toml")))),*]
    };
}

static ENGLISH: Language = Language {
    tag: "en",
    trades: files!("en/trades":
        "accountant" "architect" "bakery" "bicycle-shop" "bookshop" "cafe" "car-repair" "carpenter" "cleaning-service" "consultant" "dentist" "driving-school" "electrician" "fashion-boutique" "florist" "generic" "gym" "hair-salon" "hotel" "landscaper" "language-school" "lawyer" "marketing-agency" "nonprofit" "painter" "photographer" "physiotherapist" "plumber" "real-estate-agent" "restaurant" "roofer" "software-company" "veterinarian" "wedding-planner" "winery" "yoga-studio"
    ),
    tones: files!("en/tones": "warm" "plain" "bold" "refined" "playful" "expert"),
    shared: include_str!("data/en/shared.toml"),
    read_trades: OnceLock::new(),
    read_tones: OnceLock::new(),
    read_shared: OnceLock::new(),
};

/// The layouts of pages, for all languages.
static RECIPES: &str = include_str!("data/recipes.toml");

impl Language {
    /// The phrases of a language tag, if there are any.
    pub fn of(tag: &str) -> Option<&'static Language> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or("").to_lowercase();
        (primary.is_empty() || primary == ENGLISH.tag).then_some(&ENGLISH)
    }

    pub fn english() -> &'static Language {
        &ENGLISH
    }

    /// The keys of the trades.
    pub fn trade_keys(&self) -> impl Iterator<Item = &'static str> {
        self.trades.iter().map(|(key, _)| *key)
    }

    pub fn trade(&'static self, key: &str) -> Option<&'static Trade> {
        let at = self.trades.iter().position(|(known, _)| *known == key)?;
        let cells = self
            .read_trades
            .get_or_init(|| self.trades.iter().map(|_| OnceLock::new()).collect());
        Some(cells[at].get_or_init(|| read_trade(self.trades[at].1)))
    }

    pub fn tones(&'static self) -> &'static [(&'static str, Tone)] {
        self.read_tones.get_or_init(|| {
            self.tones
                .iter()
                .map(|(key, source)| (*key, toml::from_str(source).unwrap_or_default()))
                .collect()
        })
    }

    pub fn shared(&'static self) -> &'static Shared {
        self.read_shared
            .get_or_init(|| toml::from_str(self.shared).unwrap_or_default())
    }

    /// A shared text, by `table.key` or `key`.
    pub fn text(&'static self, path: &str) -> &'static str {
        let mut parts = path.split('.');
        let first = parts.next().and_then(|key| self.shared().get(key));
        parts
            .fold(first, |value, key| value?.get(key))
            .and_then(toml::Value::as_str)
            .unwrap_or("")
    }

    /// The lines of a shared text.
    pub fn lines(&'static self, path: &str) -> Vec<Line> {
        lines(self.text(path))
    }
}

/// The layouts of pages: by page type, and the home page by family of trades.
pub(super) fn recipes() -> &'static BTreeMap<String, Vec<Vec<String>>> {
    static READ: OnceLock<BTreeMap<String, Vec<Vec<String>>>> = OnceLock::new();
    READ.get_or_init(|| {
        let raw: BTreeMap<String, Vec<String>> = toml::from_str(RECIPES).unwrap_or_default();
        let split = |line: &String| line.split_whitespace().map(str::to_owned).collect();
        raw.into_iter()
            .map(|(key, variants)| (key, variants.iter().map(split).collect()))
            .collect()
    })
}

/// Splits a list: one line an entry, bars between its parts.
pub(super) fn lines(text: &str) -> Vec<Line> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| line.split('|').map(|part| part.trim().to_owned()).collect())
        .collect()
}

fn read_trade(source: &str) -> Trade {
    // A test reads every file; a broken one would give an empty trade here, never a panic.
    let raw: BTreeMap<String, String> = toml::from_str(source).unwrap_or_default();
    let word = |key: &str| raw.get(key).map(|text| text.trim().to_owned()).unwrap_or_default();
    let mut trade = Trade {
        name: word("name"),
        customers: word("customers"),
        family: word("family"),
        aliases: word("aliases")
            .split(',')
            .map(|alias| alias.trim().to_lowercase())
            .collect(),
        ..Trade::default()
    };
    for (key, text) in &raw {
        match key.as_str() {
            "name" | "customers" | "family" | "aliases" => {}
            "steps" => trade.processes = read_processes(text),
            _ => {
                trade.lists.insert(key.clone(), lines(text));
            }
        }
    }
    trade
}

fn read_processes(text: &str) -> Vec<Process> {
    let mut processes: Vec<Process> = Vec::new();
    for line in lines(text) {
        match line[0].strip_prefix('#') {
            Some(title) => processes.push(Process {
                title: title.trim().to_owned(),
                steps: Vec::new(),
            }),
            None => {
                if let Some(process) = processes.last_mut() {
                    process.steps.push(line);
                }
            }
        }
    }
    processes
}
