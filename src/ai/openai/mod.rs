//! Servers that speak OpenAI's chat completions: OpenAI, llama.cpp, vLLM, Ollama, OpenRouter, Azure.
//!
//! `body` makes the request, `client` sends it, `chunk` reads what comes back however odd it is, `fault` says
//! what a failure means. Retrying is absent: the job does it, where people see it.

mod body;
mod chunk;
mod client;
mod fault;
mod grammar;
mod links;
mod reply;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{Deltas, Request};
use crate::config::{Ai, ResponseFormat};

/// One server and how it is asked. Its `Debug` shows no key.
#[derive(Debug)]
pub struct Openai {
    client: client::Client,
    settings: Settings,
}

/// What a request says beside its words, and how long it may take.
#[derive(Debug, Clone)]
struct Settings {
    model: String,
    /// None leaves it to the server.
    temperature: Option<f64>,
    response_format: ResponseFormat,
    max_tokens_field: String,
    structure_max_tokens: u32,
    page_max_tokens: u32,
    limits: grammar::Limits,
    first_token: Duration,
    idle: Duration,
    total: Duration,
}

impl Openai {
    /// The server of these settings; nothing is sent yet.
    pub fn new(ai: &Ai) -> Result<Self, String> {
        let ms = Duration::from_millis;
        let key = SecretString::from(ai.api_key.expose_secret().trim());
        Ok(Openai {
            client: client::Client::new(&ai.base_url, key, ms(ai.connect_ms))?,
            settings: Settings {
                model: ai.model.trim().to_string(),
                temperature: Some(ai.temperature).filter(|temperature| *temperature >= 0.0),
                response_format: ai.response_format,
                max_tokens_field: ai.max_tokens_field.clone(),
                structure_max_tokens: ai.structure_max_tokens,
                page_max_tokens: ai.page_max_tokens,
                limits: grammar::Limits {
                    text: ai.grammar_max_text.into(),
                    items: ai.grammar_max_items.into(),
                },
                first_token: ms(ai.first_token_ms),
                idle: ms(ai.idle_ms),
                total: ms(ai.total_ms),
            },
        })
    }

    pub(super) fn stream(self: &Arc<Self>, request: Request) -> Deltas {
        reply::read(self.clone(), request)
    }
}
