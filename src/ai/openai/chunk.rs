//! One event of a reply, read with patience: servers imitate OpenAI, but not exactly.

use serde::Deserialize;
use serde_json::Value;

/// No model has a longer name.
const MODEL_CHARS: usize = 200;

/// What we look at; everything else is ignored, and so is what has an unexpected type.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    pub error: Option<Value>,
    model: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Choice {
    delta: Option<Part>,
    /// Of servers that answer a stream's request with a whole message.
    message: Option<Part>,
    finish_reason: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Part {
    content: Option<Value>,
    refusal: Option<Value>,
}

impl Chunk {
    fn parts(&self) -> impl Iterator<Item = &Part> {
        let choice = self.choices.iter().flatten().take(1);
        choice.flat_map(|choice| choice.delta.iter().chain(&choice.message))
    }

    /// The text of the first choice: a string, or a list of parts.
    pub fn text(&mut self) -> String {
        let Some(choice) = self.choices.iter_mut().flatten().next() else {
            return String::new();
        };
        let part = choice.delta.take().or(choice.message.take());
        match part.and_then(|part| part.content) {
            Some(Value::String(text)) => text,
            Some(Value::Array(parts)) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            _ => String::new(),
        }
    }

    pub fn refusal(&self) -> Option<&str> {
        let said = self.parts().find_map(|part| part.refusal.as_ref()?.as_str());
        said.filter(|text| !text.is_empty())
    }

    /// Why it ended; an empty word is none.
    pub fn finish(&self) -> Option<&str> {
        let choice = self.choices.as_ref()?.first()?;
        choice.finish_reason.as_ref()?.as_str().filter(|word| !word.is_empty())
    }

    /// Tokens that were read and written.
    pub fn usage(&self) -> Option<(u32, u32)> {
        let usage = self.usage.as_ref()?;
        let count = |name: &str| {
            usage[name]
                .as_f64()
                .map(|count| count.clamp(0.0, f64::from(u32::MAX)) as u32)
        };
        Some((count("prompt_tokens")?, count("completion_tokens").unwrap_or(0)))
    }

    /// The model that answers, as a name that can be stored.
    pub fn model(&self) -> Option<String> {
        let name = self.model.as_ref()?.as_str()?;
        let name: String = name.chars().filter(|c| !c.is_control()).take(MODEL_CHARS).collect();
        Some(name).filter(|name| !name.is_empty())
    }
}
