//! What the server asks a writer for, in our own words: no provider's types cross this line.
//!
//! A request carries the same facts twice: as `messages` for a language model, and as typed
//! context for the offline writer, which reads no prose. Nothing here knows about rows or GraphQL.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Schema;

/// One call to a writer.
#[derive(Debug, Clone)]
pub struct Request {
    /// The job on whose behalf the call is made; for logs and for scripted doubles.
    pub job: Uuid,
    /// The job's attempt, counted from 1.
    pub attempt: i32,
    /// What the call is about, in one word: `structure`, `page`, `block`.
    pub function: &'static str,
    /// What a language model reads. May be empty for the offline writer.
    pub messages: Vec<Message>,
    /// What the reply has to look like.
    pub schema: Schema,
    /// The business, as its owner described it.
    pub brief: Brief,
    /// What is to be written.
    pub task: Task,
    /// The validation error of the previous reply, when the writer is asked again.
    pub correction: Option<String>,
    /// The most tokens that a good reply can need; none leaves it to the provider.
    pub max_tokens: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    User,
    Assistant,
}

/// The brief with its options resolved to words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Brief {
    pub site_name: String,
    pub business_name: String,
    /// What the business is and wants, in the owner's words.
    pub summary: String,
    pub business_type: Option<Choice>,
    pub audiences: Vec<Choice>,
    pub personalities: Vec<Choice>,
    pub hero_imagery: Option<Choice>,
    pub objectives: Vec<String>,
    /// Facts the writer may state: prices, address, hours, phone numbers.
    pub facts: Vec<String>,
    /// BCP 47 language tag, `en` by default.
    pub language: String,
}

/// A builder option: a stable key (`bakery`), a name and a description that guides the writer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Choice {
    /// Empty for an owner's own words (`customBusinessType`).
    pub key: String,
    pub name: String,
    pub description: String,
}

#[derive(Debug, Clone)]
pub enum Task {
    /// Plan the whole site. The reply is one structure object.
    Structure {
        max_pages: usize,
        instructions: Option<String>,
    },
    /// Write the sections of one page. The reply is `{"blocks": [...]}`, one element a section, in order.
    Page(PageTask),
}

#[derive(Debug, Clone)]
pub struct PageTask {
    /// The site's outline: every page with its sections.
    pub outline: Vec<PageOutline>,
    /// Which page of the outline is written, by slug.
    pub slug: String,
    /// The sections to write now, in order. Sections that a person locked, or that an earlier attempt finished, are absent.
    pub sections: Vec<Section>,
    /// Content that already stands on the page (locked or finished blocks), for the writer not to repeat.
    pub finished: Vec<Value>,
    pub instructions: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PageOutline {
    pub slug: String,
    pub title: String,
    /// HOME, ABOUT, SERVICES, … as in the GraphQL enum `PageType`.
    pub page_type: String,
    pub sections: Vec<Section>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Section {
    /// Position on the page, counted from 0 over all sections.
    pub position: usize,
    /// HERO, FEATURES, … as in the GraphQL enum `BlockKind`.
    pub kind: String,
    pub heading: String,
    /// What the section is for.
    pub goal: String,
}
