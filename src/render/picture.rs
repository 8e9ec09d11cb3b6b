//! A picture in a frame: the file when there is one, a drawing until then.
//!
//! Files are loaded lazily from https only and keep their place by width and height, so that nothing
//! moves when they arrive. Sizes of a file are not known here; the place decides the shape.

use maud::{Markup, html};

use super::address;
use super::art;
use super::input::Site;
use super::theme::Colours;
use super::words;
use crate::sites::block::Image;

const WIDTH: u32 = 1200;

pub(super) fn has_file(image: &Image) -> bool {
    address::picture(image.url.as_deref()).is_some()
}

/// The picture, `usual` being its shape (width to height) where it does not say itself.
pub(super) fn show(site: &Site, colours: &Colours, image: &Image, usual: (u32, u32)) -> Markup {
    let (wide, high) = image.aspect.as_deref().and_then(shape).unwrap_or(usual);
    let size = (WIDTH, (WIDTH * high / wide).max(1));
    let alt = words::bare(image.alt.as_deref().unwrap_or_default());
    match address::picture(image.url.as_deref()) {
        Some(url) => html! {
            img src=(url) alt=(alt) width=(size.0) height=(size.1) loading="lazy" decoding="async" referrerpolicy="no-referrer";
        },
        None => {
            let subject = format!("{alt}{}", image.prompt.as_deref().unwrap_or_default());
            art::draw(colours, site.name, &subject, &alt, size)
        }
    }
}

/// `16:9`, unless it would be a ribbon.
fn shape(aspect: &str) -> Option<(u32, u32)> {
    let (wide, high) = aspect.split_once(':')?;
    let (wide, high): (u32, u32) = (wide.trim().parse().ok()?, high.trim().parse().ok()?);
    let fits = (1..=100).contains(&wide) && (1..=100).contains(&high) && wide <= high * 4 && high <= wide * 2;
    fits.then_some((wide, high))
}
