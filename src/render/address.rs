//! Where links lead: the address in a block, seen from the page that shows it.
//!
//! Every address passes the allow-list of `sites::url` again, because stored content may be older
//! than the list. A link to a page that the site does not have leads nowhere, visibly, instead of to
//! an error page. Whether another host answers is not asked.

use super::input::{LinkBase, PageRef, Site};
use crate::sites::{text, url};

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A place on this site.
    Inside(String),
    /// A page of somebody else.
    Outside(String),
    /// A mail or telephone program.
    Person(String),
    /// Refused, or a page that does not exist.
    Nowhere,
}

impl Target {
    pub fn href(&self) -> Option<&str> {
        match self {
            Target::Inside(href) | Target::Outside(href) | Target::Person(href) => Some(href),
            Target::Nowhere => None,
        }
    }

    /// The other page learns nothing about this one, and search engines are told that it is no recommendation.
    pub fn rel(&self) -> Option<&'static str> {
        matches!(self, Target::Outside(_)).then_some("noopener nofollow")
    }
}

/// The file in which an exported page stands: `index.html` for the home page.
pub fn file_name(slug: &str) -> String {
    match text::slugify(slug).as_str() {
        // A page that calls itself `index` must not overwrite the home page.
        "index" => "index-page.html".to_owned(),
        "" if slug.is_empty() => "index.html".to_owned(),
        "" => "page.html".to_owned(),
        slug => format!("{slug}.html"),
    }
}

/// Where an address leads from a page of the site.
pub(super) fn resolve(site: &Site, href: &str) -> Target {
    let Some(url) = url::link(href) else {
        return Target::Nowhere;
    };
    if url.starts_with('#') {
        return Target::Inside(url);
    }
    if url.starts_with("mailto:") || url.starts_with("tel:") {
        return Target::Person(url);
    }
    let Some(inside) = url.strip_prefix('/') else {
        return Target::Outside(url);
    };
    match find_page(&site.pages, inside) {
        Some(page) => {
            let fragment = inside.find('#').map_or("", |at| &inside[at..]);
            Target::Inside(format!("{}{fragment}", page_address(&site.base, &page.slug)))
        }
        None => Target::Nowhere,
    }
}

/// The address of a page of the site.
pub(super) fn page_address(base: &LinkBase, slug: &str) -> String {
    match base {
        LinkBase::Files => file_name(slug),
        LinkBase::Preview { path, query } if slug.is_empty() => format!("{path}{query}"),
        LinkBase::Preview { path, query } => format!("{path}/{}{query}", text::slugify(slug)),
    }
}

/// The page that `about`, `about/`, `about.html?x=1` or `about#team` means.
fn find_page<'a>(pages: &'a [PageRef], inside: &str) -> Option<&'a PageRef> {
    let path = inside.split(['?', '#']).next().unwrap_or_default();
    let path = path.trim_end_matches('/');
    let name = path.strip_suffix(".html").unwrap_or(path);
    let named = |name: &str| pages.iter().find(|page| page.slug == name);
    named(name).or_else(|| matches!(name, "index" | "home").then(|| named("")).flatten())
}

/// The address of a picture that may be shown, always over https; `None` when there is none. A
/// site-relative one has no file behind it yet.
pub(super) fn picture(address: Option<&str>) -> Option<String> {
    let url = url::picture(address?)?;
    let rest = url.strip_prefix("https:").or_else(|| url.strip_prefix("http:"))?;
    Some(format!("https:{rest}"))
}
