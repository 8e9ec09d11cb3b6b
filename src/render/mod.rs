//! The renderer: typed pages in, complete HTML documents out.
//!
//! One pure function serves the files that are exported and the preview that the server shows while
//! a page is still being written. Text is escaped by the template macro, Markdown and addresses pass
//! allow-lists, and the finished document is cleaned once more (`page`). Absent on purpose: scripts,
//! web fonts, forms, requests to anywhere but the pictures, rows, files and HTTP.

mod address;
mod art;
mod blocks;
mod colour;
mod font;
mod frame;
mod icon;
mod input;
mod labels;
mod markdown;
mod page;
mod picture;
mod theme;
mod words;

#[cfg(test)]
mod tests;

pub use address::file_name;
pub use input::{BlockStatus, LinkBase, Page, PageRef, PageStatus, RenderBlock, Site};
pub use page::page;
pub use theme::content_security_policy;
