//! Blocks that make an offer: strengths, the way of working, prices, the list of what there is.

use maud::{Markup, html};

use crate::render::frame::{Frame, said};
use crate::render::{icon, picture};
use crate::sites::block::{FeaturesContent, PricingContent, PricingPlan, ProductItem, ProductsContent, StepsContent};

pub(super) fn features(frame: &Frame, content: &FeaturesContent) -> Markup {
    let icons = icon::suit(content.items.iter().map(|item| item.icon.as_deref()));
    let class = match (frame.way("features", 2), content.items.len()) {
        (0, _) => "features aside",
        (_, 4 | 8) => "features columns by-four",
        (_, 2) => "features columns by-two",
        _ => "features columns by-three",
    };
    frame.section(
        class,
        &html! {
            (frame.lead(content.title.as_deref(), content.intro.as_deref()))
            ul.items {
                @for item in &content.items {
                    li {
                        @if icons { (icon::draw(item.icon.as_deref())) }
                        h3 { (frame.maybe(item.title.as_deref())) }
                        p { (frame.maybe(item.description.as_deref())) }
                    }
                }
            }
        },
    )
}

pub(super) fn steps(frame: &Frame, content: &StepsContent) -> Markup {
    let long = content.items.len() > 4 || frame.way("steps", 2) == 0;
    let class = if long { "steps aside" } else { "steps columns" };
    frame.section(
        class,
        &html! {
            (frame.lead(content.title.as_deref(), None))
            ol.items {
                @for item in &content.items {
                    li {
                        h3 { (frame.maybe(item.title.as_deref())) }
                        p { (frame.maybe(item.description.as_deref())) }
                    }
                }
            }
        },
    )
}

pub(super) fn pricing(frame: &Frame, content: &PricingContent) -> Markup {
    frame.section(
        "pricing",
        &html! {
            (frame.lead(content.title.as_deref(), content.intro.as_deref()))
            ul.plans { @for plan in &content.plans { (plan_card(frame, plan)) } }
        },
    )
}

fn plan_card(frame: &Frame, plan: &PricingPlan) -> Markup {
    html! {
        li.plan.highlighted[plan.highlighted] {
            h3 { (frame.maybe(plan.name.as_deref())) }
            p.price {
                strong { (frame.maybe(plan.price.as_deref())) }
                @if let Some(period) = said(plan.period.as_deref()) { " " span { (frame.text(period)) } }
            }
            @if !plan.features.is_empty() {
                ul.points { @for feature in &plan.features { li { (frame.text(feature)) } } }
            }
            (frame.actions(&plan.action))
        }
    }
}

/// With pictures a row of cards, without them a list as on a menu: a drawing of a thing that is for
/// sale would say less than nothing.
pub(super) fn products(frame: &Frame, content: &ProductsContent) -> Markup {
    let pictured = content.items.iter().flat_map(|item| &item.image).any(picture::has_file);
    // Two columns for a list that fills both; an odd one stands beside its heading.
    let paired = content.items.len() > 3 && content.items.len().is_multiple_of(2);
    let class = match (pictured, paired) {
        (true, _) => "products pictured",
        (false, true) => "products listed paired",
        (false, false) => "products listed aside",
    };
    frame.section(
        class,
        &html! {
            (frame.lead(content.title.as_deref(), content.intro.as_deref()))
            ul.items { @for item in &content.items { (product(frame, item, pictured)) } }
        },
    )
}

fn product(frame: &Frame, item: &ProductItem, pictured: bool) -> Markup {
    html! {
        li {
            @if let Some(image) = item.image.as_ref().filter(|_| pictured) { figure.picture { (frame.picture(image, (4, 3))) } }
            div.name {
                h3 { (frame.maybe(item.name.as_deref())) }
                @if let Some(price) = said(item.price.as_deref()) { span.price { (frame.text(price)) } }
            }
            @if let Some(text) = said(item.description.as_deref()) { p { (frame.text(text)) } }
        }
    }
}
