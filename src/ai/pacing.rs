//! Cuts a finished text into the small pieces in which a model would have sent it, on time.
//!
//! The schedule is absolute: piece n is due n periods after the first, so a slow reader or a coarse
//! timer never makes the whole late. Nothing here knows what the text means.

use super::{Request, Usage};
use std::time::Duration;
use tokio::time::Instant;

/// Lengths of pieces in characters, in turn: about four, like the tokens of language models.
const TOKEN: [usize; 5] = [4, 3, 5, 2, 6];
/// At full speed nobody watches the letters come, and fewer pieces cost less.
const FULL_SPEED: usize = 32;
/// So many pieces are handed out in a row before other tasks get a turn.
const BURST: u64 = 16;
/// Characters that count as one token.
const CHARACTERS_PER_TOKEN: usize = 4;

/// A text on its way out.
pub(super) struct Pieces {
    text: String,
    /// Where the next piece starts.
    at: usize,
    /// How many pieces are out.
    sent: u64,
    tokens_per_second: u32,
    /// When the first piece left; the schedule counts from there.
    start: Option<Instant>,
}

impl Pieces {
    pub(super) fn new(text: String, tokens_per_second: u32) -> Self {
        Pieces {
            text,
            at: 0,
            sent: 0,
            tokens_per_second,
            start: None,
        }
    }

    /// Waits until the next piece is due and returns it.
    pub(super) async fn next(&mut self) -> Option<String> {
        if self.at == self.text.len() {
            return None;
        }
        self.due().await;
        let length = match self.tokens_per_second {
            0 => FULL_SPEED,
            _ => TOKEN[(self.sent % TOKEN.len() as u64) as usize],
        };
        let (piece, _) = split_at_character(&self.text[self.at..], length);
        let piece = piece.to_owned();
        self.at += piece.len();
        self.sent += 1;
        Some(piece)
    }

    async fn due(&mut self) {
        if self.sent > 0 && self.sent.is_multiple_of(BURST) {
            tokio::task::yield_now().await;
        }
        if self.tokens_per_second > 0 {
            let start = *self.start.get_or_insert_with(Instant::now);
            let nanos = self.sent * 1_000_000_000 / u64::from(self.tokens_per_second);
            tokio::time::sleep_until(start + Duration::from_nanos(nanos)).await;
        }
    }
}

/// Splits after so many characters, or at the end of a shorter text.
pub(super) fn split_at_character(text: &str, characters: usize) -> (&str, &str) {
    let at = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.split_at(at)
}

/// What a language model of the usual kind would have counted.
pub(super) fn usage(request: &Request, reply: &str, model: &str) -> Usage {
    let read = request
        .messages
        .iter()
        .map(|message| message.text.chars().count())
        .sum();
    Usage {
        prompt_tokens: tokens(read),
        completion_tokens: tokens(reply.chars().count()),
        model: model.to_owned(),
        is_estimate: true,
    }
}

/// About as many as a model of the usual kind would count.
pub(super) fn tokens(characters: usize) -> u32 {
    u32::try_from(characters.div_ceil(CHARACTERS_PER_TOKEN)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pieces(text: &str, tokens_per_second: u32) -> Vec<String> {
        let mut pieces = Pieces::new(text.to_owned(), tokens_per_second);
        let mut all = Vec::new();
        while let Some(piece) = pieces.next().await {
            all.push(piece);
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_are_small_cut_between_characters_and_always_the_same() {
        let text = "Brötchen, 🥐 und Kuchen – täglich ab 6 Uhr";
        let first = pieces(text, 50).await;
        assert_eq!(first.concat(), text);
        assert_eq!(first, pieces(text, 1000).await);
        assert!(first.iter().all(|piece| (1..=6).contains(&piece.chars().count())));
        assert_eq!(pieces(text, 0).await.len(), 2);
        assert!(pieces("", 5).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_speed_that_does_not_divide_a_second_does_not_drift() {
        let start = Instant::now();
        let count = pieces(&"x".repeat(4 * 3001), 300).await.len();
        assert_eq!(count, 3001);
        // 3,000 periods of 3.33 ms are ten seconds; rounding each would lose one.
        assert!(
            start.elapsed().abs_diff(Duration::from_secs(10)) <= Duration::from_millis(1),
            "{:?}",
            start.elapsed()
        );
    }
}
