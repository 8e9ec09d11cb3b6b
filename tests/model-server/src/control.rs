//! How another process tells the server what to do, and learns what it did.
//!
//! `POST /control/rules` adds rules (an array of `{"when": {…}, "behaviour": {"do": "cut", "after": 20}, "times": 1}`),
//! `DELETE /control/rules` forgets them, `PUT /control/speed` takes tokens a second, `GET /control/statistics` and
//! `GET /control/calls` tell.

use axum::extract::State;
use axum::routing::{get, post, put};
use axum::{Json, Router};

use crate::behaviour::Rule;
use crate::book::{Call, Shared, Statistics};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/control/rules", post(add).delete(forget))
        .route("/control/speed", put(speed))
        .route("/control/statistics", get(statistics))
        .route("/control/calls", get(calls))
}

async fn add(State(book): State<Shared>, Json(rules): Json<Vec<Rule>>) {
    book.send_modify(|book| book.rules.extend(rules));
}

async fn forget(State(book): State<Shared>) {
    book.send_modify(|book| book.rules.clear());
}

async fn speed(State(book): State<Shared>, Json(tokens_per_second): Json<u32>) {
    book.send_modify(|book| book.tokens_per_second = tokens_per_second);
}

async fn statistics(State(book): State<Shared>) -> Json<Statistics> {
    Json(book.borrow().statistics())
}

async fn calls(State(book): State<Shared>) -> Json<Vec<Call>> {
    Json(book.borrow().calls.clone())
}
