//! What a block needs to be drawn: its place on the page and the means to write text, links, pictures.
//!
//! The drawing of each kind is in `blocks`; this is what they share. Nothing here knows a kind.

use maud::{Markup, html};

use super::address;
use super::art::Dice;
use super::input::Site;
use super::labels::Labels;
use super::theme::Colours;
use super::{markdown, picture, words};
use crate::sites::block::{Action, ActionStyle, Image};

/// The ground a section stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    Background,
    Surface,
    Primary,
}

impl Ground {
    fn class(self) -> &'static str {
        match self {
            Ground::Background => "on-background",
            Ground::Surface => "on-surface",
            Ground::Primary => "on-primary",
        }
    }
}

/// A block's place on its page.
pub(super) struct Frame<'a> {
    pub site: &'a Site<'a>,
    pub labels: &'static Labels,
    pub colours: &'a Colours,
    /// Unique on the page; the first block of a kind has the kind's name, `/about#team` finds it.
    pub anchor: String,
    pub ground: Ground,
    /// Whether its heading is the page's one `h1`.
    pub opens_page: bool,
    /// How many blocks of its kind stand above it.
    pub repeat: usize,
    /// The planned heading.
    pub planned: &'a str,
    /// Phrases to be confirmed that have no brackets.
    pub claims: Vec<String>,
}

impl Frame<'_> {
    /// The block as a section, named by its heading.
    pub fn section(&self, class: &str, inside: &Markup) -> Markup {
        html! {
            section.block.(class).(self.ground.class()) id=(self.anchor) aria-labelledby=(self.heading_id()) {
                div.wrap { (inside) }
            }
        }
    }

    fn heading_id(&self) -> String {
        format!("{}-heading", self.anchor)
    }

    /// The block's heading. Without a title of its own, the planned one is there for those who listen.
    pub fn heading(&self, title: Option<&str>) -> Markup {
        let title = said(title);
        let hidden = title.is_none() && !self.opens_page;
        let shown = title.or(said(Some(self.planned))).unwrap_or(self.site.name);
        let id = self.heading_id();
        html! {
            @if self.opens_page { h1 id=(id) { (self.text(shown)) } }
            @else { h2 id=(id) class=[hidden.then_some("unseen")] { (self.text(shown)) } }
        }
    }

    /// Heading and introduction.
    pub fn lead(&self, title: Option<&str>, intro: Option<&str>) -> Markup {
        html! {
            div.lead {
                (self.heading(title))
                @if let Some(intro) = said(intro) { p.intro { (self.text(intro)) } }
            }
        }
    }

    pub fn text(&self, text: &str) -> Markup {
        words::marked(text, &self.claims)
    }

    /// A text that may be missing.
    pub fn maybe(&self, text: Option<&str>) -> Markup {
        self.text(said(text).unwrap_or_default())
    }

    pub fn prose(&self, text: Option<&str>) -> Markup {
        html! {
            @if let Some(text) = said(text) {
                div.prose { (markdown::render(self.site, text, &self.claims)) }
            }
        }
    }

    pub fn actions<'b>(&self, actions: impl IntoIterator<Item = &'b Action>) -> Markup {
        let drawn: Vec<Markup> = actions.into_iter().filter_map(|action| self.action(action)).collect();
        html! {
            @if !drawn.is_empty() {
                p.actions { @for action in drawn { (action) " " } }
            }
        }
    }

    /// A link that leads nowhere stays visible and cannot be followed.
    fn action(&self, action: &Action) -> Option<Markup> {
        let label = said(action.label.as_deref())?;
        let class = match action.style {
            ActionStyle::Primary => "button primary",
            ActionStyle::Secondary => "button secondary",
            ActionStyle::Link => "onward",
        };
        let target = address::resolve(self.site, action.href.as_deref().unwrap_or_default());
        let dead = target.href().is_none().then_some("true");
        Some(html! {
            a class=(class) href=[target.href()] rel=[target.rel()] aria-disabled=[dead] { (self.text(label)) }
        })
    }

    pub fn picture(&self, image: &Image, usual: (u32, u32)) -> Markup {
        picture::show(self.site, self.colours, image, usual)
    }

    /// One of `count` ways to lay out this block: the same on every visit, different between sites and
    /// between blocks of one kind.
    pub fn way(&self, purpose: &str, count: usize) -> usize {
        (Dice::new(&[self.site.name, purpose]).below(count) + self.repeat) % count.max(1)
    }
}

/// A text that says something.
pub(super) fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// A link when the text is an address or a number as a whole, the text as it is shown otherwise.
pub(super) fn reachable(site: &Site, scheme: &str, text: &str, shown: Markup) -> Markup {
    // A trunk zero in brackets is for readers: `+44 (0)20` is dialled without it.
    let dialled = text.replace("(0)", "").replace(['/', '\u{a0}'], " ");
    let target = address::resolve(
        site,
        &format!("{scheme}:{}", if scheme == "tel" { &dialled } else { text }),
    );
    html! {
        @match &target {
            address::Target::Person(href) => a href=(href) { (shown) },
            _ => (shown),
        }
    }
}
