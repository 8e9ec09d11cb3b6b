//! How the writer's plan becomes a site's structure: bounds by its schema, then the rules between fields.
//!
//! A plan is repaired wherever one repair is the obvious one, so that a person sees a site and not an
//! error; the order is fixed (pages, then slugs, then sections, then menus, then colours) because each
//! step relies on the one before. Matching a new plan with pages that exist is not done here.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::plan::{PageType, PlannedPage, PlannedSection, SiteStructure};
use super::{colour, menu};
use crate::sites::block::BlockKind;
use crate::sites::problem::Problem;
use crate::sites::reply::{self, Reader, Shape, strict};
use crate::sites::text;

/// The most pages a plan may have.
pub const MAX_PAGES: usize = 12;
/// The most sections a page may have, and the fewest.
const MAX_SECTIONS: usize = 8;
const MIN_SECTIONS: usize = 2;
const LONGEST_READ: usize = 100;

/// How large a plan may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pages: usize,
    sections: usize,
}

impl Bounds {
    /// The most pages (1 to 12), and the most sections of each (2 to 8).
    pub fn new(pages: usize, sections: usize) -> Bounds {
        Bounds {
            pages: pages.clamp(1, MAX_PAGES),
            sections: sections.clamp(MIN_SECTIONS, MAX_SECTIONS),
        }
    }
}

/// The JSON Schema of a structure reply of at most this size.
pub fn structure_schema(bounds: Bounds) -> Value {
    let mut schema = strict(&DERIVED);
    let pages = &mut schema["properties"]["pages"];
    pages["maxItems"] = json!(bounds.pages);
    pages["items"]["properties"]["sections"]["maxItems"] = json!(bounds.sections);
    schema
}

/// Reads a structure reply: the structure and what had to be changed, or what is wrong with it. The
/// problems are fit to be shown to the writer as its correction.
pub fn read_structure(value: Value, bounds: Bounds) -> Result<(SiteStructure, Vec<String>), Vec<Problem>> {
    if !value.is_object() {
        return Err(vec![Problem::whole("Write one object with the site's structure.")]);
    }
    let mut reader = Reader::default();
    let clean = reader.read(&SHAPE, value);
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    // The reader wrote every field in the type that the struct's own schema names.
    let mut plan: SiteStructure = serde_json::from_value(clean).map_err(|error| {
        vec![Problem::whole(format!(
            "Write one object with the site's structure: {error}."
        ))]
    })?;
    let mut repairs = reader.repairs;

    choose_home(&mut plan.pages, &mut repairs);
    if plan.pages.len() > bounds.pages {
        plan.pages.truncate(bounds.pages);
        repairs.push(format!("pages was cut to {} entries", bounds.pages));
    }
    let addresses = menu::name_pages(&mut plan.pages, &mut repairs);
    for page in &mut plan.pages {
        describe(page, &plan.site_name, &plan.tagline);
        open_with_hero(page, bounds.sections, &mut repairs);
    }
    menu::repair(&mut plan.navigation, &plan.pages, &addresses, &mut repairs);
    colour::repair(&mut plan.theme.palette, &mut repairs);
    Ok((plan, repairs))
}

/// Exactly one page is HOME and it stands first: the one that says so, else the one whose slug says
/// so, else the first.
fn choose_home(pages: &mut [PlannedPage], repairs: &mut Vec<String>) {
    let is_root = |page: &PlannedPage| matches!(text::slugify(&page.slug).as_str(), "" | "home" | "index");
    let at = pages
        .iter()
        .position(|page| page.page_type == PageType::Home && is_root(page))
        .or_else(|| pages.iter().position(|page| page.page_type == PageType::Home))
        .or_else(|| pages.iter().position(is_root))
        .unwrap_or(0);
    if at > 0 {
        pages[..=at].rotate_right(1);
        repairs.push("the home page was moved to the front".to_owned());
    }
    for (number, page) in pages.iter_mut().enumerate() {
        let is_home = page.page_type == PageType::Home;
        if number == 0 && !is_home {
            page.page_type = PageType::Home;
            repairs.push("no page was HOME; the first one is now".to_owned());
        } else if number > 0 && is_home {
            page.page_type = PageType::Custom;
            repairs.push(format!("pages[{number}] was a second HOME and is CUSTOM now"));
        }
    }
}

/// What search engines show falls back to what people see.
fn describe(page: &mut PlannedPage, site_name: &str, tagline: &str) {
    if page.title.is_empty() {
        page.title = if page.page_type == PageType::Home {
            site_name.to_owned()
        } else {
            title_of(&page.slug)
        };
    }
    if page.seo.title.is_empty() {
        page.seo.title = text::clamp(&page.title, 60);
    }
    if page.seo.description.is_empty() {
        page.seo.description = text::clamp(tagline, 160);
    }
}

/// `about-us` as people write it: `About us`.
fn title_of(slug: &str) -> String {
    let words = slug.replace('-', " ");
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// HERO stands first on every page, and only there; what is too much goes from the end.
fn open_with_hero(page: &mut PlannedPage, most: usize, repairs: &mut Vec<String>) {
    let before = page.sections.clone();
    let hero = match page.sections.iter().position(|section| section.kind == BlockKind::Hero) {
        Some(at) => page.sections.remove(at),
        None => PlannedSection {
            kind: BlockKind::Hero,
            heading: page.title.clone(),
            goal: page.seo.description.clone(),
        },
    };
    page.sections.retain(|section| section.kind != BlockKind::Hero);
    page.sections.insert(0, hero);
    page.sections.truncate(most);
    if page.sections.len() < MIN_SECTIONS {
        // All sections were openings: a page also needs a next step.
        page.sections.push(PlannedSection {
            kind: BlockKind::Cta,
            heading: String::new(),
            goal: String::new(),
        });
    }
    for section in &mut page.sections {
        if section.heading.is_empty() {
            section.heading = page.title.clone();
        }
    }
    let kinds = |sections: &[PlannedSection]| sections.iter().map(|section| section.kind).collect::<Vec<_>>();
    if kinds(&before) != kinds(&page.sections) {
        repairs.push(format!(
            "the sections of `{}` were rearranged to open with one HERO, or cut to {most}",
            page.title
        ));
    }
}

static DERIVED: LazyLock<Value> =
    LazyLock::new(|| reply::generator().into_root_schema_for::<SiteStructure>().to_value());

/// Pages are cut once the home page is known, and menus once dead entries are gone: reading leaves
/// these lists longer.
static SHAPE: LazyLock<Shape> = LazyLock::new(|| {
    let mut schema = DERIVED.clone();
    schema["properties"]["pages"]["maxItems"] = json!(LONGEST_READ);
    for menu in ["header", "footer"] {
        schema["properties"]["navigation"]["properties"][menu]["maxItems"] = json!(LONGEST_READ);
    }
    Shape::of(&schema)
});
