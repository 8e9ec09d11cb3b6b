//! The JSON of a request, with only those fields that the servers agree on.

use serde_json::{Value, json};

use super::Settings;
use super::grammar::{for_grammar, without_bounds};
use crate::ai::{Message, Request, Role, Task};
use crate::config::ResponseFormat;

pub(super) fn body(settings: &Settings, request: &Request) -> Value {
    let mut body = json!({
        "model": settings.model,
        "messages": messages(settings, request),
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if let Some(temperature) = settings.temperature {
        body["temperature"] = json!(temperature);
    }
    let most = match request.task {
        Task::Structure { .. } => settings.structure_max_tokens,
        _ => settings.page_max_tokens,
    };
    // The function knows what it needs, the configuration what this model can.
    let most = request.max_tokens.map_or(most, |budget| budget.min(most));
    if most > 0 {
        body[settings.max_tokens_field.as_str()] = json!(most);
    }
    match settings.response_format {
        ResponseFormat::JsonSchema => body["response_format"] = strict(request, without_bounds(request.schema.clone())),
        ResponseFormat::Grammar => {
            body["response_format"] = strict(request, for_grammar(request, settings.limits));
        }
        ResponseFormat::JsonObject => body["response_format"] = json!({ "type": "json_object" }),
        ResponseFormat::None => {}
    }
    body
}

fn strict(request: &Request, schema: Value) -> Value {
    json!({
        "type": "json_schema",
        "json_schema": { "name": request.function, "strict": true, "schema": schema },
    })
}

fn messages(settings: &Settings, request: &Request) -> Vec<Value> {
    let mut messages: Vec<Message> = request.messages.clone();
    if matches!(
        settings.response_format,
        ResponseFormat::JsonObject | ResponseFormat::None
    ) {
        let schema = format!(
            "Answer with one JSON object that obeys this JSON Schema:\n{}",
            request.schema
        );
        match messages.first_mut().filter(|message| message.role == Role::System) {
            Some(system) => system.text = format!("{}\n\n{schema}", system.text),
            None => messages.insert(
                0,
                Message {
                    role: Role::System,
                    text: schema,
                },
            ),
        }
    }
    messages
        .into_iter()
        .map(|message| json!({ "role": message.role, "content": message.text }))
        .collect()
}
