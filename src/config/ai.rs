//! Who writes: the section `[ai]`, its list of further providers, and the prices of models.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    Offline,
    /// A server that speaks OpenAI's chat completions.
    Openai,
    /// Misbehaves on command; only in builds with the `faults` feature.
    #[cfg(feature = "faults")]
    Scripted,
}

/// How a server is asked for JSON of a certain shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// By a strict schema that the server enforces.
    JsonSchema,
    /// The same for servers that make a grammar of it: with the lengths of texts and the order of sections.
    Grammar,
    /// By "some JSON object", with the schema in the prompt.
    JsonObject,
    /// By the prompt alone.
    None,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ai {
    pub provider: ProviderName,
    pub offline_tokens_per_second: u32,
    pub script: String,
    pub model: String,
    pub base_url: String,
    pub api_key: SecretString,
    pub temperature: f64,
    pub response_format: ResponseFormat,
    pub max_tokens_field: String,
    pub structure_max_tokens: u32,
    pub page_max_tokens: u32,
    pub grammar_max_text: u32,
    pub grammar_max_items: u32,
    pub connect_ms: u64,
    pub first_token_ms: u64,
    pub idle_ms: u64,
    pub total_ms: u64,
    pub max_sections: usize,
    pub breaker_failures: u32,
    pub breaker_open_ms: u64,
    pub breaker_cap_ms: u64,
    pub prices: BTreeMap<String, TokenPrice>,
    pub providers: Vec<AiProvider>,
}

/// What a model costs, in US dollars for a million tokens: so many millionths of a dollar a token.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPrice {
    pub prompt: f64,
    pub completion: f64,
}

/// A provider behind the first one. What it leaves out is as in `[ai]`, but for the key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AiProvider {
    /// How logs and records call it.
    pub name: Option<String>,
    pub provider: ProviderName,
    pub model: Option<String>,
    pub base_url: Option<String>,
    /// A key is sent to the server that it belongs to and to no other.
    pub api_key: Option<SecretString>,
    /// The name of the environment variable that holds the key.
    pub api_key_env: Option<String>,
    pub temperature: Option<f64>,
    pub response_format: Option<ResponseFormat>,
    pub max_tokens_field: Option<String>,
    pub structure_max_tokens: Option<u32>,
    pub page_max_tokens: Option<u32>,
    pub grammar_max_text: Option<u32>,
    pub grammar_max_items: Option<u32>,
}

impl Ai {
    /// The settings of every provider, in the order in which they are asked, each with its name.
    pub fn in_order(&self) -> Vec<(String, Ai)> {
        let mut all = vec![(self.provider.as_str().to_string(), self.clone())];
        for (nth, next) in self.providers.iter().enumerate() {
            let usual = || format!("{}-{}", next.provider.as_str(), nth + 2);
            all.push((next.name.clone().unwrap_or_else(usual), self.with(next)));
        }
        all
    }

    fn with(&self, next: &AiProvider) -> Ai {
        let base = self.clone();
        Ai {
            provider: next.provider,
            model: next.model.clone().unwrap_or(base.model),
            base_url: next.base_url.clone().unwrap_or(base.base_url),
            api_key: next.api_key.clone().unwrap_or_default(),
            temperature: next.temperature.unwrap_or(base.temperature),
            response_format: next.response_format.unwrap_or(base.response_format),
            max_tokens_field: next.max_tokens_field.clone().unwrap_or(base.max_tokens_field),
            structure_max_tokens: next.structure_max_tokens.unwrap_or(base.structure_max_tokens),
            page_max_tokens: next.page_max_tokens.unwrap_or(base.page_max_tokens),
            grammar_max_text: next.grammar_max_text.unwrap_or(base.grammar_max_text),
            grammar_max_items: next.grammar_max_items.unwrap_or(base.grammar_max_items),
            ..base
        }
    }
}

impl ProviderName {
    pub fn as_str(self) -> &'static str {
        match self {
            ProviderName::Offline => "offline",
            ProviderName::Openai => "openai",
            #[cfg(feature = "faults")]
            ProviderName::Scripted => "scripted",
        }
    }
}
