//! The bytes beside those of an execution, for selections of every make.

use std::sync::{Arc, LazyLock};

use async_graphql::{Context, EmptyMutation, ID, Object, Request, Schema, Subscription, ValidationMode, Variables};
use futures::{FutureExt, Stream, StreamExt};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::json;

use super::*;
use crate::config;
use crate::db::now;
use crate::events::{JobBody, JobFeedItem, Piece};
use crate::graphql::fanout::{Event, Given, Line, Renderer};
use crate::graphql::jobs::job_event;
use crate::graphql::operation::Stamped;
use crate::graphql::scalars;
use crate::graphql::schema::sdl;
use crate::graphql::strict::Strict;

const EPOCH: &str = "e0";

struct Query;

#[Object]
impl Query {
    async fn nothing(&self) -> bool {
        false
    }
}

/// The field of the real schema, with nothing around it.
struct Watching;

#[Subscription]
impl Watching {
    async fn job_events(
        &self,
        ctx: &Context<'_>,
        #[expect(unused_variables, reason = "its item is given")] job_id: ID,
    ) -> impl Stream<Item = async_graphql::Result<Stamped<JobEvent>>> {
        let given = ctx.data_unchecked::<Given>();
        let (items, job) = (given.items(), given.job);
        items.map(move |item| job_event(item?, job, EPOCH))
    }
}

static STRICT: LazyLock<Strict> = LazyLock::new(|| {
    let config = config::load(&config::Source::default()).unwrap();
    Strict::new(&sdl(), config.graphql)
        .unwrap()
        .with_scalars(scalars::check)
});

fn piece() -> impl Strategy<Value = (TextDelta, Position)> {
    let path = prop::collection::vec("[a-z0-9\"]{1,9}", 1..4);
    let text = prop_oneof![any::<String>(), Just("\u{0}\u{7f}\u{2028}\"\\/</b>🥐\n".to_string())];
    (path, text, 0..9_000_000_usize, 1..99_i64, 1..99_999_i64).prop_map(|(path, text, offset, lease, n)| {
        let piece = TextDelta {
            block_id: Uuid::now_v7(),
            path: path.into(),
            offset,
            text,
        };
        (piece, Position::new(lease, n))
    })
}

/// Fields with an alias or without; one alias is of one field, as the specification wants it.
fn fields(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let field = (prop::sample::select(of), 0..3_u8).prop_map(|(name, alias)| match alias {
        0 => name.to_string(),
        alias => format!("{}_{alias}: {name}", name.trim_matches('_')),
    });
    prop::collection::vec(field, 1..5).prop_map(|fields| fields.join(" "))
}

/// A part of a selection, and the fragment that it may need.
fn part() -> impl Strategy<Value = (String, String)> {
    let common = || fields(&["__typename", "cursor", "at"]);
    let own = || fields(&["__typename", "cursor", "at", "blockId", "path", "offset", "text"]);
    let plain = prop_oneof![
        common(),
        own().prop_map(|fields| format!("... on TextWritten {{ {fields} }}")),
        own().prop_map(|fields| format!("... on JobEvent {{ ... on TextWritten {{ {fields} }} }}")),
        common().prop_map(|fields| format!("... {{ {fields} }}")),
        own().prop_map(|fields| format!("... on TextWritten @skip(if: $yes) {{ {fields} }}")),
        own().prop_map(|fields| format!("... @include(if: $yes) {{ ... on TextWritten {{ {fields} }} }}")),
        Just("... on BlockReady { blockId job { id } }".to_string()),
    ];
    let named = own().prop_map(|fields| {
        (
            "...Piece".to_string(),
            format!("fragment Piece on TextWritten {{ {fields} }}"),
        )
    });
    prop_oneof![6 => plain.prop_map(|plain| (plain, String::new())), 1 => named]
}

fn document() -> impl Strategy<Value = String> {
    let root = prop_oneof![Just("jobEvents"), Just("told: jobEvents")];
    (root, prop::collection::vec(part(), 1..6)).prop_map(|(root, parts)| {
        let fragment = parts.iter().map(|(_, fragment)| fragment.as_str()).max().unwrap_or_default();
        // Every use is of the one fragment that is there.
        let parts: Vec<&str> = parts.iter().map(|(part, _)| part.as_str()).collect();
        format!(
            "subscription($job: ID!, $yes: Boolean!) {{ {root}(jobId: $job) {{ {} ... @skip(if: $yes) {{ __typename }} }} }} {fragment}",
            parts.join(" ")
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_piece_of_text_is_written_as_it_would_be_executed(
        document in document(),
        yes in any::<bool>(),
        (piece, at) in piece(),
    ) {
        let (job, time) = (Uuid::now_v7(), now());
        let variables = Variables::from_json(json!({ "job": node::id(IdKind::Job, job), "yes": yes }));
        let ready = STRICT.ready(Request::new(&document).variables(variables));
        let again = ready.map_err(|errors| TestCaseError::fail(format!("{document}: {errors:?}")))?.again();
        let text = Text::of(again.document(), job, EPOCH).expect("nothing of it is loaded");
        let written = text.write(at, time, &piece);

        let schema = Schema::build(Query, EmptyMutation, Watching).validation_mode(ValidationMode::Fast).finish();
        let mut line = Line::new(job, |given| schema.execute_stream(again.request().data(given)));
        line.give(Ok(JobFeedItem { piece: None, at, time, body: JobBody::Text(piece) }));
        let response = line.response().now_or_never().flatten().expect("an answer at once");
        prop_assert!(response.errors.is_empty(), "{:?}", response.errors);
        let (data, cursor) = (serde_json::to_string(&response.data).unwrap(), written.cursor.unwrap());
        prop_assert_eq!(written.json, format!(r#"{{"data":{data},"extensions":{{"cursor":"{cursor}"}}}}"#));
        let place = Cursor::Job { epoch: EPOCH.to_string(), id: job, at };
        prop_assert_eq!(Cursor::decode(&cursor), Some(place));
    }
}

#[test]
fn what_is_loaded_is_executed() {
    let shown = |selection: &str| {
        let document = format!("subscription($job: ID!) {{ jobEvents(jobId: $job) {{ {selection} }} }}");
        let variables = Variables::from_json(json!({ "job": node::id(IdKind::Job, Uuid::nil()) }));
        let ready = STRICT.ready(Request::new(document).variables(variables)).ok().unwrap();
        Text::of(ready.again().document(), Uuid::nil(), EPOCH).is_some()
    };
    assert!(shown("cursor"));
    assert!(!shown("job { id }"));
    assert!(!shown("... on TextWritten { text job { id } }"));
    // It is another event's job.
    assert!(shown("... on TextWritten { text } ... on JobStarted { job { id } }"));
}

#[tokio::test]
async fn nothing_is_executed_for_a_piece_of_text_and_all_get_the_same_bytes() {
    let document = "subscription($job: ID!) { jobEvents(jobId: $job) { ... on TextWritten { text } } }";
    let variables = Variables::from_json(json!({ "job": node::id(IdKind::Job, Uuid::nil()) }));
    let ready = STRICT.ready(Request::new(document).variables(variables)).ok().unwrap();
    let text = Text::of(ready.again().document(), Uuid::nil(), EPOCH);
    let renderer = Arc::new(Renderer::new(text, || panic!("executed")));
    let (at, since) = (Position::new(1, 1), std::time::Instant::now());
    let item = JobFeedItem {
        piece: Some(Piece { first: at, last: at }),
        at,
        time: now(),
        body: JobBody::Text(TextDelta {
            block_id: Uuid::nil(),
            path: vec!["headline".to_string()].into(),
            offset: 0,
            text: "Rye".to_string(),
        }),
    };
    let first = renderer.render(Ok(item.clone()), since).await;
    let (Event::Written(first), Event::Written(second)) = (first, renderer.render(Ok(item), since).await) else {
        panic!("an error")
    };
    assert!(first.json.contains(r#""text":"Rye""#) && Arc::ptr_eq(&first, &second));
}
