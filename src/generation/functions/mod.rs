//! What a model can be asked: one list of functions, each with its prompt, its schema, its checks and its price.
//!
//! Adding one is one file here, its words in the `.md` file beside it, and one line in [`FUNCTIONS`]. A function
//! is a value that holds what one call is about; [`Prepared::request`] turns it into a request. Reading the stream and
//! storing what came is the activities' own work.

mod block;
mod page;
mod structure;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;
use serde_json::Value;
use tokio::try_join;

use super::context::Site;
use super::prompts::{Current, Prompts, Template, Variable, data};
use crate::ai::{Message, Provider, Request, Role, Schema, Task};
use crate::entities::{PriceKind, job};
use crate::error::Error;
use crate::jobs::{Halt, Work};
use crate::sites::problem::Problem;

pub use block::Block;
pub use page::Page;
pub use structure::Structure;

/// Every function, in the order in which they are shown.
pub const FUNCTIONS: &[&Spec] = &[&structure::SPEC, &page::SPEC, &block::SPEC];

/// What is known of a function before any call.
#[derive(Debug)]
pub struct Spec {
    /// A stable word: it stands in rows and in the API.
    pub name: &'static str,
    /// What the function does, for people who write prompts.
    pub about: &'static str,
    /// The built-in prompt, as its file has it.
    pub words: &'static str,
    pub variables: &'static [Variable],
    /// What a start of it costs.
    pub price: PriceKind,
}

impl Spec {
    /// The built-in prompt.
    pub fn template(&self) -> Template {
        Template::of_file(self.words)
    }

    /// The function of this name.
    pub fn named(name: &str) -> Option<&'static Spec> {
        FUNCTIONS.iter().copied().find(|spec| spec.name == name)
    }
}

/// One call of a function.
pub trait Function: Send + Sync {
    /// What a good reply becomes.
    type Reply;

    const SPEC: &'static Spec;

    /// The site that the call is about.
    fn site(&self) -> &Site;

    /// The call as typed context, for the offline writer and for scripted doubles.
    fn task(&self) -> Task;

    /// The JSON Schema of the reply: strict for OpenAI, readable for a grammar; `schema_of` keeps it.
    fn schema(&self) -> Schema;

    /// A value for each variable of the prompt.
    fn values(&self) -> Vec<(&'static str, String)>;

    /// The most tokens that a good reply can need.
    fn max_tokens(&self) -> u32;

    /// Checks and repairs a reply, or says what is wrong with it in words for the writer.
    fn read(&self, reply: Value) -> Result<Self::Reply, Vec<Problem>>;
}

/// Whether the writer is told in words what to do, and may invent: the offline writer does neither.
pub fn reads_prompts(ai: &Provider) -> bool {
    ai.name() != "offline"
}

/// What a call is made of, as it is now.
pub struct Prepared {
    pub site: Arc<Site>,
    /// The account's; none for a writer that reads no words.
    prompt: Option<Current>,
}

/// Reads what a call of this function for a job is made of.
pub async fn prepare<F: Function>(ai: &Provider, work: &Work) -> Result<Prepared, Halt> {
    let prompt = async {
        if !reads_prompts(ai) {
            return Ok(None);
        }
        let prompt = work.look_up::<Prompts>(F::SPEC.name).await?;
        Ok(Some(
            prompt.ok_or_else(|| Error::internal("a function without a prompt"))?,
        ))
    };
    let (site, prompt) = try_join!(Site::read(work), prompt)?;
    Ok(Prepared { site, prompt })
}

impl Prepared {
    /// The request of one call for a job; `correction` is why the last reply was refused.
    pub fn request<F: Function>(&self, job: &job::Model, function: &F, correction: Option<String>) -> Request {
        let prompt = self.prompt.as_ref();
        debug_assert!(
            prompt.is_none_or(|prompt| prompt.spec.name == F::SPEC.name),
            "another function's prompt"
        );
        let messages = prompt.map(|prompt| messages(prompt, function, correction.as_deref()));
        Request {
            job: job.id,
            attempt: job.attempt,
            function: F::SPEC.name,
            messages: messages.unwrap_or_default(),
            schema: function.schema(),
            brief: function.site().brief.clone(),
            task: function.task(),
            correction,
            max_tokens: Some(function.max_tokens()),
        }
    }
}

fn messages(prompt: &Current, function: &impl Function, correction: Option<&str>) -> Vec<Message> {
    let (system, user) = prompt.template.fill(&function.values());
    let correction = correction.map(|reasons| message(Role::User, refused(reasons)));
    let asked = [message(Role::System, system), message(Role::User, user)];
    asked.into_iter().chain(correction).collect()
}

fn message(role: Role, text: String) -> Message {
    Message { role, text }
}

/// The problems as data: they may quote what the writer wrote.
fn refused(correction: &str) -> String {
    format!(
        "Your last answer was refused by the checks, for these reasons: {}\nWrite the answer again and correct them. \
         Answer with the JSON only.",
        data(&correction)
    )
}

/// The schema of a function that depends on nothing but what `shape` shows of itself. The newest and the most asked for
/// are kept: the kinds of a page's sections are a planner's choice, so there may be many.
fn schema_of(function: &str, shape: &impl Debug, make: impl FnOnce() -> Value) -> Schema {
    static KEPT: LazyLock<Cache<String, Schema>> = LazyLock::new(|| Cache::new(64));
    let shape = format!("{function} {shape:?}");
    let made = KEPT.get_or_insert_with(&shape, || Ok::<_, Infallible>(make().into()));
    made.unwrap_or_else(|never| match never {})
}

/// A variable that must stand in every prompt of the function.
const fn required(name: &'static str, about: &'static str) -> Variable {
    Variable {
        name,
        about,
        is_required: true,
    }
}

const fn optional(name: &'static str, about: &'static str) -> Variable {
    Variable {
        name,
        about,
        is_required: false,
    }
}
