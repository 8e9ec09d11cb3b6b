//! Sites and pages to render, and contents that say the same text in every field.

use serde_json::{Map, Value, json};

use crate::render::{BlockStatus, LinkBase, Page, PageRef, PageStatus, RenderBlock, Site};
use crate::sites::block::{BlockKind, Content, Link, page_schema};
use crate::sites::structure::{Navigation, Seo, Theme};

/// What a site and a page borrow from.
pub struct Sample {
    pub name: String,
    pub tagline: String,
    pub language: String,
    pub theme: Theme,
    pub navigation: Navigation,
    pub seo: Seo,
    pub heading: String,
    pub title: String,
    pub contents: Vec<Content>,
    pub placeholders: Vec<String>,
    pub status: BlockStatus,
    pub base: LinkBase,
}

impl Sample {
    /// A site whose every text is this one; the page has a block of each kind.
    pub fn saying(text: &str) -> Sample {
        let link = |href: &str| Link {
            label: text.to_owned(),
            href: href.to_owned(),
            children: vec![Link {
                label: text.to_owned(),
                href: text.to_owned(),
                children: Vec::new(),
            }],
        };
        let navigation = Navigation {
            header: vec![link("/"), link("/about"), link(text)],
            footer: vec![link("https://example.org/"), link(text)],
        };
        Sample {
            name: text.to_owned(),
            tagline: text.to_owned(),
            language: "en".to_owned(),
            theme: Theme::default(),
            navigation,
            seo: Seo {
                title: text.to_owned(),
                description: text.to_owned(),
            },
            heading: text.to_owned(),
            title: text.to_owned(),
            contents: BlockKind::ALL.iter().map(|kind| content_saying(*kind, text)).collect(),
            placeholders: vec![text.to_owned()],
            status: BlockStatus::Ready,
            base: LinkBase::Files,
        }
    }

    pub fn only(kind: BlockKind, content: Value) -> Sample {
        let content = Content::of_kind(kind, content).expect("content of the kind");
        Sample {
            contents: vec![content],
            placeholders: Vec::new(),
            ..Sample::saying("Anna")
        }
    }

    pub fn site(&self) -> Site<'_> {
        let page = |slug: &str| PageRef {
            slug: slug.to_owned(),
            title: slug.to_owned(),
        };
        Site {
            name: &self.name,
            tagline: &self.tagline,
            language: &self.language,
            theme: &self.theme,
            navigation: &self.navigation,
            contact: None,
            pages: vec![page(""), page("about")],
            base: self.base.clone(),
        }
    }

    pub fn page(&self) -> Page<'_> {
        let block = |content| RenderBlock {
            kind: Content::kind(content),
            status: self.status,
            heading: &self.heading,
            content: Some(content),
            placeholders: &self.placeholders,
        };
        Page {
            slug: "about",
            title: &self.title,
            seo: &self.seo,
            status: PageStatus::Ready,
            blocks: self.contents.iter().map(block).collect(),
        }
    }

    pub fn html(&self) -> String {
        crate::render::page(&self.site(), &self.page())
    }
}

/// Content of a kind with this text in every field that takes one, made from the kind's own schema so
/// that no new field is forgotten.
pub fn content_saying(kind: BlockKind, text: &str) -> Content {
    let schema = page_schema(&[kind]);
    let mut value = fill(&schema["properties"]["blocks"]["items"], text);
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("placeholders");
        fields.shift_remove("kind");
    }
    Content::of_kind(kind, value).expect("content of the kind")
}

fn fill(schema: &Value, text: &str) -> Value {
    if let Some(choices) = schema["anyOf"].as_array() {
        return fill(&choices[0], text);
    }
    if let Some(word) = schema["enum"].as_array().and_then(|words| words.first()) {
        return word.clone();
    }
    if let Some(properties) = schema["properties"].as_object() {
        let fields = properties.iter().map(|(name, field)| (name.clone(), fill(field, text)));
        return Value::Object(fields.collect::<Map<_, _>>());
    }
    if schema["items"].is_object() {
        return json!([fill(&schema["items"], text), fill(&schema["items"], text)]);
    }
    match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
        Some("boolean") => json!(true),
        _ => json!(text),
    }
}
