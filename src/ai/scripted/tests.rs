//! Each behaviour as a reader sees it, and what the script's book says of it.

use super::*;
use crate::ai::{Brief, Delta, Deltas, ErrorKind, FinishReason, PageTask, Request, Section, Task, offline, partial};
use futures::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

fn request(task: Task) -> Request {
    Request {
        job: Uuid::from_u128(7),
        attempt: 1,
        function: "page",
        messages: Vec::new(),
        schema: serde_json::Value::Null.into(),
        brief: Brief {
            business_name: "Öz Bäckerei".into(),
            language: "en".into(),
            ..Brief::default()
        },
        task,
        correction: None,
        max_tokens: None,
    }
}

fn structure() -> Request {
    request(Task::Structure {
        max_pages: 4,
        instructions: None,
    })
}

fn page(slug: &str) -> Request {
    let section = Section {
        position: 0,
        kind: "HERO".into(),
        heading: "Fresh bread".into(),
        goal: "Welcome".into(),
    };
    request(Task::Page(PageTask {
        outline: Vec::new(),
        slug: slug.into(),
        sections: vec![section],
        finished: Vec::new(),
        instructions: None,
    }))
}

/// All text, and what came after it.
async fn read(mut stream: Deltas) -> (String, Vec<Result<Delta, ErrorKind>>) {
    let (mut text, mut rest) = (String::new(), Vec::new());
    while let Some(delta) = stream.next().await {
        match delta {
            Ok(Delta::Text(more)) => text += &more,
            other => rest.push(other.map_err(|error| error.kind)),
        }
    }
    (text, rest)
}

fn finish(rest: &[Result<Delta, ErrorKind>]) -> Option<FinishReason> {
    match rest {
        [Ok(Delta::Usage(_)), Ok(Delta::Finish(reason))] => Some(*reason),
        _ => None,
    }
}

fn first(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[tokio::test]
async fn without_rules_it_writes_what_the_offline_writer_writes() {
    let script = Script::new();
    for request in [structure(), page("about")] {
        let (text, rest) = read(script.stream(request.clone())).await;
        assert_eq!(text, offline::write(&request).to_string());
        assert_eq!(finish(&rest), Some(FinishReason::Stop));
    }
    let calls = script.calls(&When::any());
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (calls[1].number, &calls[1].subject),
        (2, &Subject::Page("about".into()))
    );
    assert!(
        calls
            .iter()
            .all(|call| call.outcome == Outcome::Finished && call.characters > 0)
    );
}

#[tokio::test(start_paused = true)]
async fn it_writes_as_slowly_as_it_is_told() {
    let script = Script::new();
    script.speed(10);
    let start = Instant::now();
    let (text, _) = read(script.stream(structure())).await;
    let pieces = text.chars().count() as f64 / 4.0;
    assert!((start.elapsed().as_secs_f64() - pieces / 10.0).abs() < 0.5);
}

#[tokio::test]
async fn it_ends_after_exactly_so_many_characters_in_the_way_it_was_told() {
    let whole = offline::write(&structure()).to_string();
    let fail = |after| Behaviour::Fail {
        kind: ErrorKind::RateLimited,
        retry_after: Some(Duration::from_millis(50)),
        after,
    };
    for after in [0, 1, 45, 100, usize::MAX] {
        let script = Script::new();
        script
            .once(When::any(), fail(after))
            .once(When::any(), Behaviour::Cut { after })
            .once(
                When::any(),
                Behaviour::Finish {
                    reason: FinishReason::Length,
                    after,
                },
            );

        let (text, rest) = read(script.stream(structure())).await;
        assert_eq!((text, rest), (first(&whole, after), vec![Err(ErrorKind::RateLimited)]));
        let (text, rest) = read(script.stream(structure())).await;
        assert_eq!((text, rest), (first(&whole, after), vec![]));
        let (text, rest) = read(script.stream(structure())).await;
        assert_eq!(
            (text, finish(&rest)),
            (first(&whole, after), Some(FinishReason::Length))
        );

        let calls = script.calls(&When::any());
        let outcomes: Vec<Outcome> = calls.iter().map(|call| call.outcome).collect();
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Cut, Outcome::Finished]);
        assert!(
            calls
                .iter()
                .all(|call| call.characters == after.min(whole.chars().count()))
        );
    }
    let script = Script::new();
    script.once(When::any(), fail(0));
    let error = script
        .stream(structure())
        .next()
        .await
        .expect("an item")
        .expect_err("an error");
    assert_eq!(error.retry_after, Some(Duration::from_millis(50)));
}

#[tokio::test]
async fn a_stalled_call_is_silent_until_it_is_dropped_and_counts_as_aborted() {
    let script = Script::new();
    script.once(When::page("about"), Behaviour::Stall { after: 40 });
    let reader = tokio::spawn(read(script.stream(page("about"))));
    let call = script.reached(&When::page("about"), 40).await;
    assert_eq!((call.characters, call.outcome), (40, Outcome::Running));
    script.release();
    tokio::task::yield_now().await;
    assert!(!reader.is_finished());
    assert_eq!(script.running(), 1);
    reader.abort();
    assert_eq!(
        script
            .ended(&When::of_job(Uuid::from_u128(7)), Outcome::Aborted)
            .await
            .number,
        1
    );
    assert_eq!(script.running(), 0);
}

#[tokio::test]
async fn a_held_call_goes_on_when_released_as_if_nothing_had_been() {
    let script = Script::new();
    script.always(When::any(), Behaviour::Hold { after: 33 });
    let held = [
        tokio::spawn(read(script.stream(structure()))),
        tokio::spawn(read(script.stream(structure()))),
    ];
    script
        .until(|calls| calls.iter().all(|call| call.characters == 33))
        .await;
    let mut later = script.stream(structure());
    assert_eq!((script.running(), script.peak()), (3, 3));
    script.release();
    for reader in held {
        let (text, rest) = reader.await.expect("the reader");
        assert_eq!(text, offline::write(&structure()).to_string());
        assert_eq!(finish(&rest), Some(FinishReason::Stop));
    }
    // It began before the release, so that it never holds: no test can come too early.
    while later.next().await.is_some() {}
    assert_eq!(script.count(&When::any(), Outcome::Finished), 3);
    let mut next = script.stream(structure());
    while script.calls(&When::any().call(4))[0].characters < 33 {
        assert!(next.next().now_or_never().is_none_or(|delta| delta.is_some()));
    }
    assert!(next.next().now_or_never().is_none(), "it holds again");
    assert_eq!(script.peak(), 3);
}

#[tokio::test]
async fn nonsense_is_no_json_and_a_wrong_schema_is_json_of_another_shape() {
    let script = Script::new();
    script
        .times(2, When::any(), Behaviour::Nonsense)
        .always(When::any(), Behaviour::WrongSchema);
    for (request, watched) in [(structure(), "pages"), (page(""), "blocks")] {
        let (text, rest) = read(script.stream(request)).await;
        assert!(partial::Scanner::new(watched).feed(text, &mut Vec::new()).is_err());
        assert_eq!(finish(&rest), Some(FinishReason::Stop));
    }
    for (request, watched) in [(structure(), "pages"), (page(""), "blocks")] {
        let expected = offline::write(&request);
        let (text, rest) = read(script.stream(request)).await;
        let mut scanner = partial::Scanner::new(watched);
        scanner.feed(text, &mut Vec::new()).expect("good JSON");
        assert_ne!(scanner.finish().expect("a whole object"), expected);
        assert_eq!(finish(&rest), Some(FinishReason::Stop));
    }
    script.clear().otherwise(Behaviour::Say("{\"blocks\":[]}\0".into()));
    assert_eq!(read(script.stream(page(""))).await.0, "{\"blocks\":[]}\0");
}

#[tokio::test]
async fn rules_select_by_task_number_job_attempt_and_correction_and_the_first_wins() {
    let script = Script::new();
    script
        .always(When::page("about").attempt(2), Behaviour::Say("second attempt".into()))
        .always(When::page("about"), Behaviour::Say("about".into()))
        .always(When::any().call(4), Behaviour::Say("fourth".into()))
        .once(When::any_page().correction(true), Behaviour::Say("corrected".into()))
        .always(When::structure().job(Uuid::nil()), Behaviour::Say("nil".into()))
        .otherwise(Behaviour::Say("otherwise".into()));
    let say = async |request: Request| read(script.stream(request)).await.0;

    assert_eq!(say(page("about")).await, "about");
    assert_eq!(
        say(Request {
            attempt: 2,
            ..page("about")
        })
        .await,
        "second attempt"
    );
    assert_eq!(say(page("")).await, "otherwise");
    assert_eq!(say(page("")).await, "fourth");
    let corrected = Request {
        correction: Some("not JSON".into()),
        ..page("")
    };
    assert_eq!(say(corrected.clone()).await, "corrected");
    assert_eq!(say(corrected).await, "otherwise");
    assert_eq!(say(structure()).await, "otherwise");
    assert_eq!(
        say(Request {
            job: Uuid::nil(),
            ..structure()
        })
        .await,
        "nil"
    );
    assert_eq!(script.calls(&When::of_job(Uuid::nil())).len(), 1);
}

#[tokio::test]
async fn a_call_that_is_never_read_is_counted_and_aborted() {
    let script = Script::new();
    drop(script.stream(structure()));
    let call = script.reached(&When::any(), 0).await;
    assert_eq!((call.outcome, call.characters), (Outcome::Aborted, 0));
}

#[tokio::test]
async fn rules_can_be_written_as_text() {
    let script: Script = "page:about times=1 -> cut after=20; page: -> wrong_schema\n\
                          structure call=2 attempt=1 correction=false -> fail rate_limited retry_after_ms=50 after=3;\n\
                          job=00000000-0000-0000-0000-000000000007 page -> content_filter; any -> nonsense;"
        .parse()
        .expect("good rules");
    assert_eq!(read(script.stream(page("about"))).await.0.chars().count(), 20);
    let (text, rest) = read(script.stream(structure())).await;
    assert_eq!((text.as_str(), rest), ("{\"s", vec![Err(ErrorKind::RateLimited)]));
    assert!(read(script.stream(page(""))).await.0.contains("NO_SUCH_KIND"));
    let (text, rest) = read(script.stream(page("about"))).await;
    assert_eq!((text.as_str(), finish(&rest)), ("", Some(FinishReason::ContentFilter)));
    assert!(read(script.stream(structure())).await.0.starts_with("Certainly"));
    assert!("".parse::<Script>().is_ok());
}

#[test]
fn a_misspelt_rule_is_refused_with_what_is_allowed() {
    for (rules, complaint) in [
        ("page:about", "it has no \"->\""),
        ("-> cut", "it selects nothing; allowed are any, structure"),
        ("any -> ", "\"\" is no action"),
        ("pages -> cut", "\"pages\" selects nothing"),
        ("any call=x -> cut", "\"call=x\": invalid digit"),
        ("any -> explode", "\"explode\" is no action"),
        ("any -> cut afer=3", "\"afer=3\" is no action"),
        (
            "any -> behave after=3",
            "\"after\" is no action or does not belong here",
        ),
        (
            "any -> cut retry_after_ms=3",
            "\"retry_after_ms\" is no action or does not belong here",
        ),
        ("any -> fail", "\"fail\" is no action"),
        ("any -> fail ratelimited", "allowed are auth, quota, rate_limited"),
    ] {
        let error = rules.parse::<Script>().expect_err(rules);
        assert!(error.contains(complaint), "{error}");
        assert!(error.starts_with("in the rule "), "{error}");
    }
}
