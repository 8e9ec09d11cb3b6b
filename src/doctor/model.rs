//! Who writes: each provider of the configuration, asked for one token when somebody wants that.

use std::time::Duration;

use futures::StreamExt;
use uuid::Uuid;

use super::report::{Category, Check};
use crate::ai::{self, Brief, Delta, ErrorKind, Message, Provider, Request, Task};
use crate::config::{Ai, ProviderName, ResponseFormat};

/// How long a provider may take for its first word.
const PATIENCE: Duration = Duration::from_secs(20);

/// One row a provider, in the order in which they are asked.
pub async fn checks(ai: &Ai, probe: bool) -> Vec<Check> {
    let all = ai.in_order();
    let mut rows = Vec::with_capacity(all.len());
    for (nth, (name, settings)) in all.iter().enumerate() {
        let row = match nth {
            0 => "model".to_string(),
            _ => format!("model {name}"),
        };
        rows.push(check(&row, settings, probe).await);
    }
    rows
}

async fn check(row: &str, ai: &Ai, probe: bool) -> Check {
    let category = Category::Model;
    if ai.provider != ProviderName::Openai {
        let found = format!("The writer `{}` needs no network and no key.", ai.provider.as_str());
        return Check::ok(category, row, found);
    }
    if !probe {
        let found = format!("Not asked: {}. `--probe` asks for one token.", ai.model);
        return Check::skipped(category, row, found);
    }
    match ask(ai).await {
        Ok(()) => Check::ok(category, row, format!("{} answers.", ai.model)),
        Err(error) => {
            tracing::warn!(cause = error.cause, row, "the doctor's question to a model failed");
            let found = format!("{} does not answer: {}.", ai.model, why(error.kind));
            Check::broken(category, row, found, action(error.kind))
        }
    }
}

/// Asks for one token. A word or an end shows that the address, the key and the model are right.
async fn ask(ai: &Ai) -> Result<(), ai::Error> {
    let settings = Ai {
        response_format: ResponseFormat::None,
        ..ai.clone()
    };
    let wrong = |cause: String| ai::Error::new(ErrorKind::InvalidRequest, cause);
    let provider = Provider::configured(&settings).map_err(wrong)?;
    let message = Message {
        role: ai::Role::User,
        text: "Say yes.".to_string(),
    };
    let request = Request {
        job: Uuid::nil(),
        attempt: 1,
        function: "probe",
        messages: vec![message],
        max_tokens: Some(1),
        schema: serde_json::Value::Bool(true).into(),
        brief: Brief::default(),
        task: Task::Structure {
            max_pages: 1,
            instructions: None,
        },
        correction: None,
    };
    let mut answer = provider.stream(request);
    let first = async {
        while let Some(delta) = answer.next().await {
            // What a call took is said of refused ones too.
            if !matches!(delta?, Delta::Usage(_)) {
                return Ok(());
            }
        }
        Err(ai::Error::new(ErrorKind::Interrupted, "the answer is empty"))
    };
    let late = |_| ai::Error::new(ErrorKind::Timeout, "no first token in time");
    tokio::time::timeout(PATIENCE, first).await.map_err(late)?
}

fn why(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => "the key is refused",
        ErrorKind::Quota => "the account there has no credit left",
        ErrorKind::RateLimited | ErrorKind::Overloaded => "it is busy",
        ErrorKind::ModelNotFound => "there is no such model",
        ErrorKind::Timeout => "it is silent",
        ErrorKind::Network => "it cannot be reached",
        _ => "its answer makes no sense",
    }
}

fn action(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => "Set ai.api_key (OPENAI_API_KEY) to a key that this server accepts.",
        ErrorKind::Quota => "Add credit to the account at the provider, or name another one.",
        ErrorKind::RateLimited | ErrorKind::Overloaded => {
            "Wait and ask again; if it stays so, raise the limits there or add a second provider in [[ai.providers]]."
        }
        ErrorKind::ModelNotFound => "Set ai.model to a model of this server, as `GET <ai.base_url>/models` lists them.",
        _ => "Start the model's server, or correct ai.base_url (OPENAI_BASE_URL). Jobs wait meanwhile, uncharged.",
    }
}
