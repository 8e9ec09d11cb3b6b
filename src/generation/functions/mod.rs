//! What a model can be asked: one list of functions, each with its prompt, its schema, its checks and its price.
//!
//! Adding one is one file here, its words in the `.md` file beside it, and one line in [`FUNCTIONS`]. A function
//! is a value that holds what one call is about; [`request`] turns it into a request. Reading the stream and
//! storing what came is the activities' own work.

mod block;
mod page;
mod structure;

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::context::Site;
use super::prompts::{Prompts, Template, Variable, data};
use crate::ai::{Message, Provider, Request, Role, Task};
use crate::entities::PriceKind;
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

    fn spec(&self) -> &'static Spec;

    /// The site that the call is about.
    fn site(&self) -> &Site;

    /// The call as typed context, for the offline writer and for scripted doubles.
    fn task(&self) -> Task;

    /// The JSON Schema of the reply: strict for OpenAI, readable for a grammar.
    fn schema(&self) -> Value;

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

/// The request of one call for a job, with the account's prompt; `correction` is why the last reply was refused.
pub async fn request(
    ai: &Provider,
    work: &Work,
    function: &impl Function,
    correction: Option<String>,
) -> Result<Request, Halt> {
    let job = work.job();
    let messages = match reads_prompts(ai) {
        true => messages(work, function, correction.as_deref()).await?,
        false => Vec::new(),
    };
    Ok(Request {
        job: job.id,
        attempt: job.attempt,
        function: function.spec().name,
        messages,
        schema: function.schema(),
        brief: function.site().brief.clone(),
        task: function.task(),
        correction,
        max_tokens: Some(function.max_tokens()),
    })
}

async fn messages(work: &Work, function: &impl Function, correction: Option<&str>) -> Result<Vec<Message>, Halt> {
    let prompt = work.look_up::<Prompts>(function.spec().name).await?;
    let prompt = prompt.ok_or_else(|| Error::internal("a function without a prompt"))?;
    let (system, user) = prompt.template.fill(&function.values());
    let correction = correction.map(|reasons| message(Role::User, refused(reasons)));
    let asked = [message(Role::System, system), message(Role::User, user)];
    Ok(asked.into_iter().chain(correction).collect())
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
