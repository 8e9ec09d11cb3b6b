//! The structure of a site: its plan, and how a writer's plan is read and repaired.
//!
//! Stored as one document beside the blueprint. Pages as rows, and their order once people edit them,
//! are absent: they belong to the store.

mod colour;
mod menu;
mod plan;
mod read;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use colour::{MIN_CONTRAST, contrast};
pub use plan::{Fonts, Navigation, PageType, Palette, PlannedPage, PlannedSection, Seo, SiteStructure, Theme};
pub use read::{Bounds, MAX_PAGES, read_structure, structure_schema};
