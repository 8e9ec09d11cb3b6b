//! The routes, and one chat completion from its request to the last byte.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::behaviour::Behaviour;
use crate::book::{Call, Outcome, Shared, Ticket};
use crate::{answer, chunks, control};

pub(crate) async fn serve(listener: TcpListener, book: Shared) {
    let routes = Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .merge(control::routes())
        .layer(DefaultBodyLimit::max(16 << 20))
        .with_state(book);
    // A listener that fails ends the server: whoever waits for an answer sees a broken connection.
    let _ = axum::serve(listener, routes).await;
}

async fn models() -> Json<Value> {
    Json(json!({ "object": "list", "data": [{ "id": "scripted", "object": "model", "owned_by": "tests" }] }))
}

async fn complete(State(book): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let body = Arc::new(body);
    let prompt = answer::prompt(&body);
    let ticket = Ticket::draw(&book, call(&headers, &body, &prompt));
    if body["stream"] != json!(true) {
        return (StatusCode::BAD_REQUEST, "only streams are made here").into_response();
    }
    match ticket.behaviour.clone() {
        Behaviour::Status {
            code,
            body,
            content_type,
            retry_after,
        } => {
            ticket.end(Outcome::Answered);
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, [(header::CONTENT_TYPE, content_type)], body).into_response();
            if let Some(wait) = retry_after.and_then(|wait| wait.parse().ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, wait);
            }
            response
        }
        Behaviour::Mute => {
            // The ticket lives in this future, which goes when the caller does.
            let _ticket = ticket;
            std::future::pending().await
        }
        behaviour => {
            let reply = reply(&behaviour, &body, &prompt);
            let stream = chunks::stream(ticket, behaviour, reply, body);
            ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
        }
    }
}

fn call(headers: &HeaderMap, body: &Arc<Value>, prompt: &str) -> Call {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_string)
    };
    let job = header("x-client-request-id").unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    Call {
        number: 0,
        job: job.split('.').next().unwrap_or_default().to_string(),
        model: text(&body["model"]),
        function: text(&body["response_format"]["json_schema"]["name"]),
        prompt: prompt.to_string(),
        body: body.clone(),
        authorization: header("authorization"),
        characters: 0,
        outcome: Outcome::Running,
        began_ms: 0,
        ended_ms: None,
    }
}

fn reply(behaviour: &Behaviour, body: &Value, prompt: &str) -> String {
    match behaviour {
        Behaviour::Say { text } => text.clone(),
        Behaviour::Nonsense => "Certainly! Here is your website:\n\n<html><h1>Welcome</h1></html>".to_string(),
        Behaviour::WrongSchema => {
            r#"{"siteName":42,"pages":[{"slug":"../etc","title":["no"],"sections":{}}],"blocks":[{"kind":"NO_SUCH_KIND","placeholders":7}]}"#
                .to_string()
        }
        Behaviour::Flood { bytes } => flood(*bytes, body, prompt),
        Behaviour::Refuse { text } => text.clone(),
        Behaviour::Taint { text, address } => answer::write(body, prompt, text, Some(address)).to_string(),
        _ => answer::write(body, prompt, "", None).to_string(),
    }
}

/// The reply, with its first text grown out of all bounds.
fn flood(bytes: usize, body: &Value, prompt: &str) -> String {
    let whole = answer::write(body, prompt, "", None).to_string();
    let at = whole.rfind("\":\"").map_or(0, |at| at + 3);
    format!("{}{}{}", &whole[..at], "flood ".repeat(bytes / 6), &whole[at..])
}
