//! The entry: a request in, the complete reply out.
//!
//! Pacing and streaming are the caller's; so is charging.

use serde_json::Value;

use super::brief::Context;
use super::library::Language;
use super::{outline, plan};
use crate::ai::request::{Request, Task};

/// The complete reply: a structure object, or `{"blocks": […]}`.
pub fn write(request: &Request) -> Value {
    let context = Context::new(&request.brief);
    match &request.task {
        Task::Structure {
            max_pages,
            instructions,
        } => plan::structure(&context, *max_pages, instructions.as_deref()),
        Task::Page(task) => outline::page(&context, task),
    }
}

/// What the person who starts a job in this language should know about the reply.
pub fn warnings(language: &str) -> Vec<String> {
    match Language::of(language) {
        Some(_) => Vec::new(),
        None => {
            let tag = super::text::plain(language, 35);
            vec![format!(
                "Language '{tag}' is not available offline; the text is in English."
            )]
        }
    }
}

/// The phrases of a language, or English.
pub(super) fn language_or_english(tag: &str) -> &'static Language {
    Language::of(tag).unwrap_or_else(Language::english)
}
