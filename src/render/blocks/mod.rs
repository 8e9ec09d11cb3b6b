//! How each kind of block looks as HTML: one function a kind.
//!
//! A missing text or an empty list leaves its element out, so that content of any age and completeness
//! can be shown. Which block stands where, and on which ground, is decided by `page`.

mod offer;
mod opening;
mod proof;
mod reach;
mod unfinished;

use maud::Markup;

use super::frame::Frame;
use crate::sites::block::Content;

pub(super) use unfinished::unfinished;

pub(super) fn draw(frame: &Frame, content: &Content) -> Markup {
    match content {
        Content::Hero(content) => opening::hero(frame, content),
        Content::Split(content) => opening::split(frame, content),
        Content::Cta(content) => opening::cta(frame, content),
        Content::Text(content) => opening::text(frame, content),
        Content::Features(content) => offer::features(frame, content),
        Content::Steps(content) => offer::steps(frame, content),
        Content::Pricing(content) => offer::pricing(frame, content),
        Content::Products(content) => offer::products(frame, content),
        Content::Stats(content) => proof::stats(frame, content),
        Content::Logos(content) => proof::logos(frame, content),
        Content::Testimonials(content) => proof::testimonials(frame, content),
        Content::Gallery(content) => proof::gallery(frame, content),
        Content::Team(content) => proof::team(frame, content),
        Content::Timeline(content) => proof::timeline(frame, content),
        Content::Faq(content) => reach::faq(frame, content),
        Content::Contact(content) => reach::contact(frame, content),
    }
}
