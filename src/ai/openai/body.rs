//! The JSON of a request, with only those fields that the servers agree on.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Settings;
use super::grammar::{for_grammar, without_bounds};
use crate::ai::{Message, Request, Role, Task};
use crate::config::ResponseFormat;

/// What is sent. Most of it is the schema, whose words are the same for every call of its shape.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Said<'a>>,
    stream: bool,
    stream_options: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    /// The most tokens, in the field that this server has for it.
    #[serde(flatten)]
    budget: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    role: Role,
    content: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    JsonSchema { json_schema: Named<'a> },
    JsonObject,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    strict: bool,
    schema: Shown<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Known(&'a RawValue),
    Made(Value),
}

pub(super) fn body<'a>(settings: &'a Settings, request: &'a Request) -> Body<'a> {
    let strict = |schema| {
        let json_schema = Named {
            name: request.function,
            strict: true,
            schema,
        };
        Some(Format::JsonSchema { json_schema })
    };
    Body {
        model: &settings.model,
        messages: messages(settings, request),
        stream: true,
        stream_options: json!({ "include_usage": true }),
        temperature: settings.temperature,
        budget: budget(settings, request),
        response_format: match settings.response_format {
            ResponseFormat::JsonSchema => strict(Shown::Known(request.schema.strict(without_bounds))),
            ResponseFormat::Grammar => strict(Shown::Made(for_grammar(request, settings.limits))),
            ResponseFormat::JsonObject => Some(Format::JsonObject),
            ResponseFormat::None => None,
        },
    }
}

/// The function knows what it needs, the configuration what this model can.
fn budget(settings: &Settings, request: &Request) -> Map<String, Value> {
    let most = match request.task {
        Task::Structure { .. } => settings.structure_max_tokens,
        _ => settings.page_max_tokens,
    };
    let most = request.max_tokens.map_or(most, |budget| budget.min(most));
    let field = (most > 0).then(|| (settings.max_tokens_field.clone(), json!(most)));
    field.into_iter().collect()
}

fn messages<'a>(settings: &Settings, request: &'a Request) -> Vec<Said<'a>> {
    let said = |message: &'a Message| Said {
        role: message.role,
        content: Cow::from(&message.text),
    };
    let mut messages: Vec<Said<'a>> = request.messages.iter().map(said).collect();
    if matches!(
        settings.response_format,
        ResponseFormat::JsonObject | ResponseFormat::None
    ) {
        let schema = format!(
            "Answer with one JSON object that obeys this JSON Schema:\n{}",
            request.schema.value()
        );
        match messages.first_mut().filter(|message| message.role == Role::System) {
            Some(system) => system.content = format!("{}\n\n{schema}", system.content).into(),
            None => messages.insert(
                0,
                Said {
                    role: Role::System,
                    content: schema.into(),
                },
            ),
        }
    }
    messages
}
