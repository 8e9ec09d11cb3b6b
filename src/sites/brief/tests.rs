//! What a brief may contain, at its limits and beyond.

use uuid::Uuid;

use super::*;

fn bakery() -> Brief {
    Brief {
        business_name: "  Anna's Bakery ".into(),
        summary: "Sourdough bread.\r\nWe want orders.".into(),
        facts: vec!["Open from 7".into(), "  ".into(), "2 Mill Lane".into()],
        language: "EN-gb".into(),
        ..Brief::default()
    }
}

/// Path and constraint of every problem.
fn broken(draft: Brief) -> Vec<(String, &'static str)> {
    let problems = validate(draft).expect_err("the brief should be refused");
    assert!(problems.iter().all(|problem| problem.message.ends_with('.')));
    problems
        .iter()
        .map(|problem| (problem.path.join("."), problem.constraint.as_str()))
        .collect()
}

#[test]
fn a_good_brief_is_trimmed_and_otherwise_kept() {
    let brief = validate(bakery()).expect("the brief is good");
    assert_eq!(brief.business_name, "Anna's Bakery");
    assert_eq!(brief.summary, "Sourdough bread.\nWe want orders.");
    assert_eq!(brief.facts, ["Open from 7", "2 Mill Lane"]);
    assert_eq!(brief.language, "en-GB");
    assert_eq!(validate(brief.clone()), Ok(brief));
}

#[test]
fn a_stored_brief_is_camel_case_and_reads_back() {
    let brief = validate(bakery()).expect("the brief is good");
    let stored = serde_json::to_value(&brief).expect("a brief is JSON");
    assert_eq!(stored["businessName"], "Anna's Bakery");
    assert_eq!(serde_json::from_value::<Brief>(stored).expect("it reads back"), brief);
    assert_eq!(
        serde_json::from_value::<Brief>(serde_json::json!({})).expect("old rows read"),
        Brief::default()
    );
}

#[test]
fn every_broken_rule_is_named_at_its_place() {
    let draft = Brief {
        business_name: " ".into(),
        summary: "x".repeat(SUMMARY_MAX + 1),
        custom_business_type: Some("a\nb".into()),
        audience_profile_ids: (0..11).map(Uuid::from_u128).collect(),
        objectives: vec!["more\u{202E}orders".into(); 21],
        facts: vec!["ok".into(), "y".repeat(FACT_MAX + 1)],
        language: "english please".into(),
        style: Some(Style {
            tone: Some("\u{0}".into()),
            notes: None,
            primary_color: Some("red".into()),
        }),
        ..Brief::default()
    };
    let broken = broken(draft);
    for expected in [
        ("brief.businessName", "REQUIRED"),
        ("brief.summary", "TOO_LONG"),
        ("brief.customBusinessType", "CONTROL_CHARACTERS"),
        ("brief.audienceProfileIds", "TOO_MANY"),
        ("brief.objectives", "TOO_MANY"),
        ("brief.objectives.20", "CONTROL_CHARACTERS"),
        ("brief.facts.1", "TOO_LONG"),
        ("brief.language", "FORMAT"),
        ("brief.style.tone", "CONTROL_CHARACTERS"),
        ("brief.style.primaryColor", "FORMAT"),
    ] {
        assert!(
            broken.contains(&(expected.0.to_owned(), expected.1)),
            "{expected:?} is missing in {broken:?}"
        );
    }
}

#[test]
fn each_control_character_is_refused_wherever_people_write() {
    for c in [
        '\u{0}', '\u{8}', '\u{b}', '\u{1b}', '\u{7f}', '\u{85}', '\u{61c}', '\u{200e}', '\u{202a}', '\u{2069}',
    ] {
        let mut draft = bakery();
        draft.summary = format!("a{c}b");
        assert_eq!(
            broken(draft),
            [("brief.summary".to_owned(), "CONTROL_CHARACTERS")],
            "{c:?}"
        );
        assert!(validate_name(&["name"], &format!("a{c}b")).is_err());
    }
    let mut draft = bakery();
    draft.summary = "tab\tand\nline".into();
    assert!(validate(draft).is_ok());
}

#[test]
fn limits_count_characters_and_hold_at_the_edge() {
    let mut draft = bakery();
    draft.business_name = "é".repeat(NAME_MAX);
    draft.summary = "字".repeat(SUMMARY_MAX);
    draft.facts = vec!["ü".repeat(FACT_MAX); FACTS_MAX];
    draft.objectives = vec!["o".repeat(OBJECTIVE_MAX); OBJECTIVES_MAX];
    assert!(validate(draft).is_ok());
    assert!(validate_name(&["name"], &"x".repeat(NAME_MAX + 1)).is_err());
    assert!(validate_name(&["name"], "two\nlines").is_err());
    assert!(validate_description(&["description"], "").is_ok());
    assert!(validate_description(&["description"], &"x".repeat(DESCRIPTION_MAX + 1)).is_err());
}

#[test]
fn names_with_markup_are_only_names() {
    assert_eq!(
        validate_name(&["name"], "<script>alert(1)</script>").as_deref(),
        Ok("<script>alert(1)</script>")
    );
}

#[test]
fn languages_are_spelled_as_usual_or_refused() {
    for (raw, tag) in [
        ("", "en"),
        ("DE", "de"),
        ("pt-br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
    ] {
        let mut draft = bakery();
        draft.language = raw.into();
        assert_eq!(validate(draft).expect(raw).language, tag);
    }
    for raw in [
        "e",
        "english",
        "en_GB",
        "en-",
        "-en",
        "en-é1",
        "en-a-b",
        "en-aa-bb-cc-dd",
        "../en",
    ] {
        let mut draft = bakery();
        draft.language = raw.into();
        assert_eq!(broken(draft), [("brief.language".to_owned(), "FORMAT")], "{raw}");
    }
}

#[test]
fn an_empty_style_is_no_style_and_a_colour_is_lower_case() {
    let mut draft = bakery();
    draft.style = Some(Style {
        tone: Some(" ".into()),
        notes: None,
        primary_color: Some(String::new()),
    });
    assert_eq!(validate(draft.clone()).expect("good").style, None);
    draft.style = Some(Style {
        primary_color: Some("#AABBCC".into()),
        ..Style::default()
    });
    let style = validate(draft).expect("good").style.expect("it has a colour");
    assert_eq!(style.primary_color.as_deref(), Some("#aabbcc"));
}
