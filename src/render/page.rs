//! A page as a document: head, menus, the blocks in order, foot.
//!
//! One `h1`, a link that skips the menu, and a policy that forbids everything the page does not use.
//! The finished document loses every control and bidirectional character in one place, whatever field
//! it came from: templates write none, so nothing else can change.

use std::collections::HashMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::address::{self, Target};
use super::blocks;
use super::colour::Colour;
use super::frame::{Frame, Ground, reachable, said};
use super::input::{BlockStatus, Page, PageStatus, RenderBlock, Site};
use super::labels::{self, Labels};
use super::theme::{self, Colours};
use super::words;
use crate::sites::block::{BlockKind, ContactContent, Content, Link};
use crate::sites::text;

/// The whole document of a page.
pub fn page(site: &Site, page: &Page) -> String {
    let labels = Labels::of(site.language);
    let colours = Colours::of(&site.theme.palette);
    let direction = labels::is_right_to_left(site.language).then_some("rtl");
    let document = html! {
        (DOCTYPE)
        html lang=(labels::language_tag(site.language)) dir=[direction] {
            (head(site, page, &colours))
            body {
                a.skip href="#main" { (labels.skip) }
                (header(site, page, labels))
                main #main { (sections(site, page, labels, &colours)) }
                (footer(site, page, labels))
            }
        }
    };
    let mut document = document.into_string();
    document.retain(|c| !text::is_forbidden(c));
    document.push('\n');
    document
}

fn head(site: &Site, page: &Page, colours: &Colours) -> Markup {
    let title = document_title(site, page);
    let description = words::bare(&page.seo.description);
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(theme::content_security_policy(site.theme));
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (title) }
            @if !description.is_empty() { meta name="description" content=(description); }
            @if page.status != PageStatus::Ready { meta name="robots" content="noindex"; }
            meta name="referrer" content="strict-origin-when-cross-origin";
            meta name="theme-color" content=(colours.background.hex());
            link rel="icon" href=(emblem(site, colours));
            // The stylesheet is ours; the theme's values in it are hex colours and checked names.
            style { (PreEscaped(theme::style_sheet(site.theme))) }
        }
    }
}

/// The page's title, with the site's name behind it unless it says it.
fn document_title(site: &Site, page: &Page) -> String {
    let (own, name) = (words::bare(&page.seo.title), words::bare(site.name));
    let own = if own.is_empty() { words::bare(page.title) } else { own };
    match (own.is_empty(), own.to_lowercase().contains(&name.to_lowercase())) {
        (true, _) => name,
        (_, true) => own,
        _ => format!("{own} – {name}"),
    }
}

/// The icon of the browser's tab: the first letter of the name on the site's colour.
fn emblem(site: &Site, colours: &Colours) -> String {
    let letter = words::bare(site.name)
        .chars()
        .find(|c| c.is_alphanumeric())
        .unwrap_or('•');
    let letter: String = letter.to_uppercase().collect();
    let (ground, ink): (Colour, Colour) = (colours.primary, colours.on_primary);
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" {
            rect width="32" height="32" rx="7" fill=(ground.hex()) {}
            text x="16" y="23" font-family="Georgia,serif" font-size="20" text-anchor="middle" fill=(ink.hex()) { (letter) }
        }
    };
    format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg.into_string()))
}

fn header(site: &Site, page: &Page, labels: &Labels) -> Markup {
    let entries = entries(site, page, &site.navigation.header, 0);
    html! {
        header.site-header {
            div.wrap {
                a.site-name href=(address::page_address(&site.base, "")) { (words::bare(site.name)) }
                // Phones get the same menu folded; the stylesheet shows one of the two.
                nav aria-label=(labels.menu) {
                    ul.wide { (entries) }
                    details.narrow {
                        summary { (labels.menu) }
                        ul { (entries) }
                    }
                }
            }
        }
    }
}

fn footer(site: &Site, page: &Page, labels: &Labels) -> Markup {
    html! {
        footer.site-footer {
            div.wrap {
                div {
                    p.site-name { (words::bare(site.name)) }
                    @if let Some(tagline) = said(Some(site.tagline)) { p { (words::marked(tagline, &[])) } }
                }
                @if let Some(contact) = site.contact.filter(|_| !has_contact(page)) { (foot_contact(site, contact)) }
                @if !site.navigation.footer.is_empty() {
                    nav aria-label=(labels.footer) { ul { (entries(site, page, &site.navigation.footer, 0)) } }
                }
            }
        }
    }
}

/// Whether the page shows how to reach the business itself.
fn has_contact(page: &Page) -> bool {
    let shown = |block: &RenderBlock| block.kind == BlockKind::Contact && block.status == BlockStatus::Ready;
    page.blocks.iter().any(shown)
}

/// Telephone, e-mail, address and hours in few lines; what is still to be confirmed is left to the contact block.
fn foot_contact(site: &Site, contact: &ContactContent) -> Markup {
    let known = |text: &Option<String>| {
        said(text.as_deref())
            .filter(|text| !text.contains('['))
            .map(str::to_owned)
    };
    let hours = contact.hours.iter().filter_map(|line| {
        let day = known(&line.day)?;
        match (known(&line.opens), known(&line.closes)) {
            (Some(opens), Some(closes)) => Some(format!("{day} {opens} – {closes}")),
            (Some(opens), None) => Some(format!("{day} {opens}")),
            _ => None,
        }
    });
    let hours: Vec<String> = hours.collect();
    html! {
        address.site-contact {
            @if let Some(address) = known(&contact.address) { p { (words::marked(&address, &[])) } }
            @if let Some(phone) = known(&contact.phone) { p { (reachable(site, "tel", &phone, words::marked(&phone, &[]))) } }
            @if let Some(email) = known(&contact.email) { p { (reachable(site, "mailto", &email, words::marked(&email, &[]))) } }
            @if !hours.is_empty() { p { @for line in &hours { span { (words::bare(line)) } } } }
        }
    }
}

/// Entries that lead nowhere are left out; menus have two levels.
fn entries(site: &Site, page: &Page, links: &[Link], depth: usize) -> Markup {
    let here = address::page_address(&site.base, page.slug);
    html! {
        @for link in links {
            @let target = address::resolve(site, &link.href);
            @if target != Target::Nowhere && said(Some(&link.label)).is_some() {
                li {
                    a href=[target.href()] rel=[target.rel()] aria-current=[(target.href() == Some(&here)).then_some("page")] {
                        (words::bare(&link.label))
                    }
                    @if depth == 0 && !link.children.is_empty() {
                        ul { (entries(site, page, &link.children, 1)) }
                    }
                }
            }
        }
    }
}

fn sections(site: &Site, page: &Page, labels: &'static Labels, colours: &Colours) -> Markup {
    let has_hero = page.blocks.iter().any(|block| block.kind == BlockKind::Hero);
    let mut repeats: HashMap<BlockKind, usize> = HashMap::new();
    let mut last = Ground::Background;
    html! {
        @if !has_hero {
            section.block.hero.hero-plain { div.wrap { h1 { (words::marked(page.title, &[])) } } }
        }
        @for block in &page.blocks {
            @let seen = repeats.entry(block.kind).or_insert(0);
            @let repeat = std::mem::replace(seen, *seen + 1);
            @let ground = ground(block.kind, &mut last);
            @let frame = Frame {
                site, labels, colours, ground, repeat,
                anchor: anchor(block.kind, repeat),
                opens_page: block.kind == BlockKind::Hero && repeat == 0,
                planned: said(Some(block.heading)).unwrap_or(page.title),
                claims: claims(block),
            };
            (draw(&frame, block))
        }
    }
}

/// `features`, `features-2`, …
fn anchor(kind: BlockKind, repeat: usize) -> String {
    let name = kind.as_str().to_lowercase();
    if repeat == 0 {
        name
    } else {
        format!("{name}-{}", repeat + 1)
    }
}

/// Sections take turns between the two grounds; the opening keeps to the page's, the request to act is
/// the one strong colour.
fn ground(kind: BlockKind, last: &mut Ground) -> Ground {
    match kind {
        BlockKind::Cta => return Ground::Primary,
        BlockKind::Hero => *last = Ground::Background,
        _ if *last == Ground::Background => *last = Ground::Surface,
        _ => *last = Ground::Background,
    }
    *last
}

fn claims(block: &RenderBlock) -> Vec<String> {
    block
        .content
        .map(|content| words::listed_claims(block.placeholders, content))
        .unwrap_or_default()
}

/// A block being written again shows what it said before.
fn draw(frame: &Frame, block: &RenderBlock) -> Markup {
    match block.content {
        Some(content) if block.status == BlockStatus::Ready || *content != Content::empty(block.kind) => {
            blocks::draw(frame, content)
        }
        _ => blocks::unfinished(frame, block.kind, block.status),
    }
}
