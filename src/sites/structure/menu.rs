//! The addresses of planned pages, and menus that lead to them.
//!
//! A writer names pages by whatever it has just made up (`/About us`, `contact.html`, a title), so an
//! entry finds its page by any of these; an entry that finds none is left out. Addresses out of the
//! site follow the allow-list of `url`.

use std::collections::{HashMap, HashSet};

use super::plan::{Navigation, PageType, PlannedPage};
use crate::sites::block::Link;
use crate::sites::{text, url};

const MAX_HEADER: usize = 7;
const MAX_FOOTER: usize = 12;

/// By what a menu may call a page (old slug, new slug, title; slugified), the address of the page.
pub(super) type Addresses = HashMap<String, String>;

/// Gives every page its slug: the home page none, the others a unique one.
pub(super) fn name_pages(pages: &mut [PlannedPage], repairs: &mut Vec<String>) -> Addresses {
    let mut taken = HashSet::new();
    let mut addresses = Addresses::new();
    // New slugs are certain, what the writer wrote is a hint: the first page to claim a hint has it.
    let mut hints = Vec::new();
    for page in pages.iter_mut() {
        let said = slug_of_path(&page.slug);
        let slug = match page.page_type {
            PageType::Home => String::new(),
            _ => unique(
                &[
                    &said,
                    &text::slugify(&page.title),
                    &page.page_type.as_str().to_lowercase(),
                ],
                &taken,
            ),
        };
        if slug != page.slug {
            repairs.push(format!("the slug `{}` became `{slug}`", page.slug));
        }
        let address = format!("/{slug}");
        taken.insert(slug.clone());
        addresses.insert(slug.clone(), address.clone());
        hints.extend([(said, address.clone()), (text::slugify(&page.title), address)]);
        page.slug = slug;
    }
    for hint in ["home", "index"] {
        hints.push((hint.to_owned(), "/".to_owned()));
    }
    for (hint, address) in hints {
        addresses.entry(hint).or_insert(address);
    }
    addresses
}

/// The first of the names that says something, with a number behind it when it is taken.
fn unique(names: &[&str], taken: &HashSet<String>) -> String {
    let name = names.iter().find(|name| !name.is_empty()).copied().unwrap_or("page");
    let free = |slug: &String| !taken.contains(slug);
    let numbered = |number: usize| {
        let ending = format!("-{number}");
        let room = text::SLUG_MAX - ending.len();
        // Slugs are ASCII, so bytes are characters.
        format!("{}{ending}", name[..name.len().min(room)].trim_end_matches('-'))
    };
    Some(name.to_owned())
        .filter(free)
        .unwrap_or_else(|| (2..).map(numbered).find(free).unwrap_or_default())
}

/// The slug in `/about/`, `about.html` or `About us`.
fn slug_of_path(path: &str) -> String {
    let path = path.trim().trim_matches('/');
    let path = path
        .strip_suffix(".html")
        .or_else(|| path.strip_suffix(".htm"))
        .unwrap_or(path);
    text::slugify(path)
}

/// Leaves only entries that lead somewhere; an empty header lists the pages.
pub(super) fn repair(
    navigation: &mut Navigation,
    pages: &[PlannedPage],
    addresses: &Addresses,
    repairs: &mut Vec<String>,
) {
    for (menu, max) in [
        (&mut navigation.header, MAX_HEADER),
        (&mut navigation.footer, MAX_FOOTER),
    ] {
        let links = std::mem::take(menu);
        *menu = links
            .into_iter()
            .filter_map(|link| repair_link(link, addresses, repairs))
            .collect();
        if menu.len() > max {
            menu.truncate(max);
            repairs.push(format!("a menu was cut to {max} entries"));
        }
    }
    if navigation.header.is_empty() {
        let visible = pages.iter().filter(|page| page.page_type != PageType::Legal);
        navigation.header = visible.take(MAX_HEADER).map(link_to).collect();
        repairs.push("the header was empty and lists the pages now".to_owned());
    }
}

fn link_to(page: &PlannedPage) -> Link {
    Link {
        label: text::clamp(&page.title, 60),
        href: format!("/{}", page.slug),
        children: Vec::new(),
    }
}

fn repair_link(link: Link, addresses: &Addresses, repairs: &mut Vec<String>) -> Option<Link> {
    let children: Vec<Link> = link
        .children
        .into_iter()
        .filter_map(|child| {
            repair_link(
                Link {
                    children: Vec::new(),
                    ..child
                },
                addresses,
                repairs,
            )
        })
        .collect();
    // A heading of a submenu often leads nowhere itself: it then leads where its first entry leads.
    let target = target(&link.href, addresses).or_else(|| children.first().map(|child| child.href.clone()));
    let Some(href) = target else {
        repairs.push(format!(
            "the menu entry `{}` led to no page and was left out",
            link.label
        ));
        return None;
    };
    Some(Link {
        label: link.label,
        href,
        children,
    })
}

fn target(href: &str, addresses: &Addresses) -> Option<String> {
    let href = url::link(href)?;
    if !href.starts_with(['/', '#']) {
        return Some(href);
    }
    let (path, anchor) = href.split_at(href.find('#').unwrap_or(href.len()));
    let path = path.split('?').next().unwrap_or_default();
    let address = addresses.get(&slug_of_path(path))?;
    Some(format!("{address}{anchor}"))
}
