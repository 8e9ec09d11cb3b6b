//! What is shared and what is not, with executions that the test holds up.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::value;
use tokio::sync::Notify;

use super::*;
use crate::db::now;
use crate::events::{JobBody, JobEvent};
use crate::ids::Position;

fn item(n: i64) -> Result<JobFeedItem> {
    let at = Position::new(1, n);
    Ok(JobFeedItem {
        piece: Some(Piece { first: at, last: at }),
        at,
        time: now(),
        body: JobBody::Event(JobEvent::Queued),
    })
}

/// How executions go in a test.
#[derive(Default)]
struct Executions {
    count: AtomicUsize,
    /// Lines that were opened.
    lines: AtomicUsize,
    /// Items with this number wait until they are let go.
    held: Option<i64>,
    let_go: Notify,
    fails: bool,
}

fn renderer(executions: &Arc<Executions>) -> Arc<Renderer> {
    let executions = executions.clone();
    Arc::new(Renderer::new(None, move || {
        executions.lines.fetch_add(1, Ordering::SeqCst);
        let executions = executions.clone();
        Line::new(Uuid::nil(), move |given| {
            let run = move |item: Result<JobFeedItem>| {
                let executions = executions.clone();
                async move {
                    let n = item.map(|item| item.at.n).unwrap_or_default();
                    if executions.held == Some(n) {
                        executions.let_go.notified().await;
                    }
                    let count = executions.count.fetch_add(1, Ordering::SeqCst);
                    match executions.fails {
                        true => Response::from_errors(vec![masked()]),
                        false => Response::new(value!({ "n": n, "count": count as i64 })),
                    }
                }
            };
            given.items().then(run).boxed()
        })
    }))
}

fn json(event: Event) -> String {
    match event {
        Event::Written(written) => written.json.clone(),
        Event::Response(response) => panic!("{:?}", response.errors),
    }
}

#[tokio::test]
async fn those_who_watch_get_the_same_bytes() {
    let executions = Arc::new(Executions::default());
    let (renderer, since) = (renderer(&executions), Instant::now());
    for n in 1..=3 {
        let first = renderer.render(item(n), since).await;
        let (Event::Written(first), Event::Written(second)) = (first, renderer.render(item(n), since).await) else {
            panic!("an error")
        };
        assert!(Arc::ptr_eq(&first, &second));
    }
    assert_eq!(executions.count.load(Ordering::SeqCst), 3);
    assert_eq!(
        executions.lines.load(Ordering::SeqCst),
        1,
        "one request executes them all"
    );
}

#[tokio::test]
async fn whoever_came_later_gets_the_present_state() {
    let executions = Arc::new(Executions::default());
    let renderer = renderer(&executions);
    let before = json(renderer.render(item(1), Instant::now()).await);
    let after = json(renderer.render(item(1), Instant::now()).await);
    assert_ne!(before, after);
}

#[tokio::test]
async fn an_error_is_everybodys_own() {
    let executions = Arc::new(Executions {
        fails: true,
        ..Executions::default()
    });
    let (renderer, since) = (renderer(&executions), Instant::now());
    for _ in 0..2 {
        assert!(matches!(renderer.render(item(1), since).await, Event::Response(_)));
    }
    assert_eq!(executions.count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn nobody_waits_for_anothers_item_and_a_watcher_that_leaves_takes_nothing_along() {
    let executions = Arc::new(Executions {
        held: Some(1),
        ..Executions::default()
    });
    let (renderer, since) = (renderer(&executions), Instant::now());
    let mut leaving = Box::pin(renderer.render(item(1), since));
    assert!(leaving.as_mut().now_or_never().is_none(), "it waits");
    let mut staying = Box::pin(renderer.render(item(1), since));
    assert!(staying.as_mut().now_or_never().is_none(), "it waits for the same");
    // Another item is executed meanwhile, by a request of its own.
    assert!(json(renderer.render(item(2), since).await).contains(r#""n":2"#));
    drop(leaving);
    executions.let_go.notify_one();
    assert!(json(staying.await).contains(r#""n":1"#));
    assert_eq!(executions.count.load(Ordering::SeqCst), 2, "the held one ran once");
    // And the shared request goes on.
    assert!(json(renderer.render(item(3), since).await).contains(r#""n":3"#));
    assert_eq!(executions.lines.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_execution_that_panics_is_one_error() {
    let renderer = Arc::new(Renderer::new(None, || {
        Line::new(Uuid::nil(), |given| {
            let run = |item: Result<JobFeedItem>| match item {
                Ok(item) if item.at.n == 1 => panic!("a bug"),
                _ => Response::new(value!({ "fine": true })),
            };
            given.items().map(run).boxed()
        })
    }));
    let since = Instant::now();
    assert!(matches!(renderer.render(item(1), since).await, Event::Response(_)));
    // The request that panicked has ended; the item that finds it so is told an error at worst, and the next one is fine.
    drop(renderer.render(item(2), since).await);
    assert!(json(renderer.render(item(3), since).await).contains("fine"));
}
