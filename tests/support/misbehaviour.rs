//! What a model's server does in the wild, and what becomes of the job: one list for the tests and for the faults.

use model_server::Behaviour;

/// What a server does to every call, and the failure that the job ends with. Some can get better, and are tried again.
pub fn wrong(key: &str) -> Vec<(&'static str, Behaviour, &'static str, bool)> {
    let stream = |body: &str| Behaviour::ErrorInStream { body: body.to_string() };
    let finish = |reason: &str, after| Behaviour::Finish {
        reason: reason.to_string(),
        after,
    };
    let babble = |after, every_ms, bytes| Behaviour::Babble { after, every_ms, bytes };
    vec![
        ("429", Behaviour::rate_limited(None), "PROVIDER_BUSY", true),
        (
            "429 with a wait",
            Behaviour::rate_limited(Some("0")),
            "PROVIDER_BUSY",
            true,
        ),
        ("429 in HTML", Behaviour::html_429(), "PROVIDER_BUSY", true),
        ("500", Behaviour::server_error(), "PROVIDER_BUSY", true),
        ("a number as code", Behaviour::numeric_code(), "PROVIDER_BUSY", true),
        (
            "an error with status 200",
            Behaviour::error_with_status_200(),
            "PROVIDER_BUSY",
            true,
        ),
        ("no answer", Behaviour::Mute, "TIMEOUT", true),
        (
            "a stall before the first word",
            Behaviour::Stall { after: 0 },
            "TIMEOUT",
            true,
        ),
        ("a stall", Behaviour::Stall { after: 40 }, "TIMEOUT", true),
        ("a byte at a time", Behaviour::Drip { every_ms: 20 }, "TIMEOUT", true),
        ("events without text", babble(0, 20, 0), "TIMEOUT", true),
        ("events without text, after some", babble(40, 20, 0), "TIMEOUT", true),
        ("an event without an end", babble(40, 0, 2 << 20), "BAD_OUTPUT", true),
        ("a cut", Behaviour::Cut { after: 30 }, "INTERRUPTED", true),
        (
            "an end without a reason",
            Behaviour::End { after: 60 },
            "INTERRUPTED",
            true,
        ),
        ("an empty reason", finish("", 60), "INTERRUPTED", true),
        (
            "an error in the stream",
            stream(r#"{"error":{"message":"boom"}}"#),
            "PROVIDER_BUSY",
            true,
        ),
        ("an event that is no JSON", stream("{oops"), "INTERRUPTED", true),
        ("cut JSON, reason length", finish("length", 60), "LENGTH", true),
        (
            "a tool's call in the middle",
            finish("tool_calls", 60),
            "BAD_OUTPUT",
            true,
        ),
        (
            "an unknown reason in the middle",
            finish("whatever", 60),
            "BAD_OUTPUT",
            true,
        ),
        ("an error as reason", finish("error", 60), "INTERRUPTED", true),
        ("prose", Behaviour::Nonsense, "BAD_OUTPUT", true),
        ("another shape", Behaviour::WrongSchema, "BAD_OUTPUT", true),
        ("50 MB", Behaviour::Flood { bytes: 50 << 20 }, "BAD_OUTPUT", true),
        ("filtered", finish("content_filter", 60), "CONTENT_FILTER", false),
        (
            "a refusal",
            Behaviour::Refuse {
                text: "I cannot help with that.".into(),
            },
            "REFUSED",
            false,
        ),
        ("a bare string", Behaviour::string_error(), "PROVIDER_REJECTED", false),
        ("too long", Behaviour::context_overflow(), "CONTEXT_LENGTH", false),
        ("a bad key", Behaviour::bad_key(key), "PROVIDER_AUTH", false),
        (
            "a bad key in the stream",
            stream(r#"{"error":{"code":401,"message":"no"}}"#),
            "PROVIDER_AUTH",
            false,
        ),
        ("no quota", Behaviour::no_quota(), "PROVIDER_QUOTA", false),
        ("no such model", Behaviour::no_such_model(), "PROVIDER_REJECTED", false),
    ]
}

/// What is odd but not wrong: the page is written, and what is dangerous in it is gone.
pub fn odd() -> Vec<(&'static str, Behaviour)> {
    let finish = |reason: &str| Behaviour::Finish {
        reason: reason.to_string(),
        after: usize::MAX,
    };
    vec![
        ("no usage", Behaviour::NoUsage),
        ("a tool's call as the end", finish("tool_calls")),
        ("a function's call as the end", finish("function_call")),
        ("a reason that nobody knows", finish("eos_token")),
        ("events cut anywhere, characters too", Behaviour::Shred { bytes: 7 }),
        ("single bytes", Behaviour::Shred { bytes: 1 }),
        (
            "hostile text",
            Behaviour::Taint {
                text: "\0<script>alert(1)</script>\u{202e}".into(),
                address: "javascript:alert(1)".into(),
            },
        ),
    ]
}
