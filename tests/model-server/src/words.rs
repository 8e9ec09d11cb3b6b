//! Plain words in a fixed disorder: the same seed, the same text. Umlauts and an emoji are among them, so that
//! characters are longer than bytes.

pub(crate) struct Words {
    state: u64,
}

const WORDS: [&str; 40] = [
    "bread",
    "morning",
    "street",
    "careful",
    "hands",
    "simple",
    "local",
    "kitchen",
    "garden",
    "neighbours",
    "fresh",
    "quiet",
    "honest",
    "work",
    "season",
    "table",
    "winter",
    "summer",
    "small",
    "tools",
    "plan",
    "window",
    "river",
    "stone",
    "paper",
    "colour",
    "light",
    "door",
    "visit",
    "story",
    "letter",
    "market",
    "corner",
    "Brötchen",
    "café",
    "wool",
    "copper",
    "bicycle",
    "evening",
    "🥐",
];

impl Words {
    pub fn new(seed: u64) -> Self {
        Words { state: seed | 1 }
    }

    /// A number below `end`, or 0.
    pub fn number(&mut self, end: usize) -> usize {
        // Knuth's MMIX generator; its upper bits are the good ones.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let upper = usize::try_from(self.state >> 33).unwrap_or(0);
        upper.checked_rem(end).unwrap_or(0)
    }

    fn some(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.number(WORDS.len())]).collect();
        let text = words.join(" ");
        let mut letters = text.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    }

    pub fn title(&mut self) -> String {
        self.some(3)
    }

    pub fn sentences(&mut self, count: usize) -> String {
        let sentences: Vec<String> = (0..count).map(|_| format!("{}.", self.some(8))).collect();
        sentences.join(" ")
    }
}
