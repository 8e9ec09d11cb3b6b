//! Which form of stream the `Accept` header asks for.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// How answers are written while an operation runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// GraphQL over SSE, one operation a connection.
    Events,
    /// `multipart/mixed;subscriptionSpec=1.0`.
    Parts,
}

/// The form that the client asks for. An operation with one answer is streamed only to somebody who takes nothing else:
/// clients list all they know, whatever they ask.
pub fn asked(headers: &HeaderMap, is_subscription: bool) -> Option<Form> {
    let mut form = None;
    for value in headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
        for range in split(value, ',') {
            let mut parts = split(range, ';').into_iter().map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameters: Vec<(String, &str)> = parts.filter_map(parameter).collect();
            if parameters
                .iter()
                .any(|(name, value)| name == "q" && value.parse() == Ok(0.0))
            {
                continue;
            }
            let is_ours = |(name, value): &(String, &str)| name == "subscriptionspec" && *value == "1.0";
            match media_type.as_str() {
                "text/event-stream" => form = form.or(Some(Form::Events)),
                "multipart/mixed" if parameters.iter().any(is_ours) => form = form.or(Some(Form::Parts)),
                "application/json" | "application/graphql-response+json" | "application/*" | "*/*"
                    if !is_subscription =>
                {
                    return None;
                }
                _ => {}
            }
        }
    }
    // Parts are for subscriptions only; whoever asks for them reads JSON as well.
    form.filter(|form| is_subscription || *form == Form::Events)
}

fn parameter(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
}

/// Splits outside of quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut begin, mut is_quoted) = (Vec::new(), 0, false);
    for (place, letter) in text.char_indices() {
        if letter == '"' {
            is_quoted = !is_quoted;
        } else if letter == at && !is_quoted {
            parts.push(&text[begin..place]);
            begin = place + letter.len_utf8();
        }
    }
    parts.push(&text[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(accept: &str, is_subscription: bool) -> Option<Form> {
        let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
        asked(&headers, is_subscription)
    }

    #[test]
    fn a_subscription_is_streamed_in_the_first_form_that_is_asked_for() {
        for (accept, expected) in [
            ("text/event-stream", Some(Form::Events)),
            ("Text/Event-Stream; charset=utf-8", Some(Form::Events)),
            ("text/event-stream, multipart/mixed", Some(Form::Events)),
            (
                "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
                Some(Form::Events),
            ),
            (
                "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,application/json",
                Some(Form::Parts),
            ),
            ("multipart/mixed; subscriptionSpec=\"1.0\"", Some(Form::Parts)),
            (
                "multipart/mixed;boundary=\",\";subscriptionSpec=1.0;q=0.5, text/event-stream",
                Some(Form::Parts),
            ),
            ("multipart/mixed;deferSpec=20220824", None),
            ("multipart/mixed;subscriptionSpec=1.0;q=0", None),
            ("text/event-stream;q=0", None),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(form(accept, true), expected, "{accept}");
        }
    }

    #[test]
    fn a_query_is_streamed_only_to_somebody_who_takes_nothing_else() {
        for (accept, expected) in [
            ("text/event-stream", Some(Form::Events)),
            ("application/json, text/event-stream", None),
            ("text/event-stream, */*;q=0.1", None),
            ("multipart/mixed;subscriptionSpec=1.0", None),
            ("application/json;q=0, text/event-stream", Some(Form::Events)),
        ] {
            assert_eq!(form(accept, false), expected, "{accept}");
        }
    }
}
