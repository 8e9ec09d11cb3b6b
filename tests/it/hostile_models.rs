//! Briefs that give orders to the writer, and a writer that obeys them: what can be asked and what may come of it stay.
//!
//! Each of `tests/briefs/hostile.json` has `words`, put into every text of a brief, and `obeyed`, what a model would
//! answer that does as it is told there instead of as we ask.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::json;
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::entities::{HostingType, JobState};
use sitewright::sites::structure::{PageType, SiteStructure};
use sitewright::{generation, sites};
use uuid::Uuid;

use crate::support::{Backend, World};

#[derive(Deserialize)]
pub struct HostileBrief {
    pub name: String,
    pub words: String,
    pub obeyed: String,
}

pub fn hostile_briefs() -> Vec<HostileBrief> {
    serde_json::from_str(include_str!("../briefs/hostile.json")).expect("the briefs are JSON")
}

async fn site_of(world: &World, words: &str) -> Uuid {
    let line = words.replace('\n', " ");
    let line: String = line.chars().take(100).collect();
    let brief = json!({
        "businessName": line, "summary": words, "language": "en", "objectives": [words], "facts": [words, words],
        "customBusinessType": line, "style": { "tone": words, "notes": words },
    });
    let new = sites::NewBlueprint {
        name: line.clone(),
        description: words.to_string(),
        brief: serde_json::from_value(brief).unwrap(),
        hosting_type: HostingType::BuiltIn,
    };
    let made = sites::create_blueprint(&world.app.db, &world.app.bus, world.account, new).await;
    made.unwrap().id
}

/// What a plan must be, whatever was said.
fn assert_sound(name: &str, plan: &SiteStructure) {
    assert!(
        (1..=8).contains(&plan.pages.len()),
        "{name}: {} pages",
        plan.pages.len()
    );
    let homes = plan.pages.iter().filter(|page| page.page_type == PageType::Home);
    assert_eq!(homes.count(), 1, "{name}");
    let slugs: HashSet<&str> = plan.pages.iter().map(|page| page.slug.as_str()).collect();
    assert_eq!(slugs.len(), plan.pages.len(), "{name}: slugs repeat");
    for slug in &slugs {
        let is_kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(slug.bytes().all(is_kebab), "{name}: {slug}");
    }
    for link in plan.navigation.header.iter().chain(&plan.navigation.footer) {
        let target = link.href.trim_start_matches('/');
        assert!(
            link.href.starts_with('/') && slugs.contains(target),
            "{name}: {}",
            link.href
        );
    }
    for page in &plan.pages {
        assert_eq!(page.sections[0].kind.as_str(), "HERO", "{name}");
        assert!((2..=8).contains(&page.sections.len()), "{name}");
    }
}

async fn orders_in_a_brief_stay_data_in_every_prompt(backend: Backend) {
    let world = backend.world().await;
    let mut shapes = Vec::new();
    let tame = "A bakery in Leith.".to_string();
    for words in std::iter::once(tame).chain(hostile_briefs().into_iter().map(|brief| brief.words)) {
        let blueprint = site_of(&world, &words).await;
        let key = Uuid::now_v7().to_string();
        let instructions = Some(words.clone());
        let job = generation::start_structure(&world.app, world.account, blueprint, &key, instructions)
            .await
            .unwrap()
            .jobs[0]
            .id;
        world.finished(job).await;
        let call = world.script.calls(&When::of_job(job)).remove(0);
        let site = world.site(blueprint).await;
        assert_sound(
            &words,
            &serde_json::from_value(site.blueprint.structure.unwrap()).unwrap(),
        );
        for structure in ["<|", "[INST", "[/INST", "<<SYS", "```", "{{"] {
            assert!(!call.prompt.contains(structure), "{structure} in {}", call.prompt);
        }
        let ends = call.prompt.matches("</data>").count();
        shapes.push((call.prompt.lines().count(), ends));
    }
    shapes.dedup();
    assert_eq!(shapes.len(), 1, "the brief changed the prompt's own lines: {shapes:?}");
    world.settle().await;
}

async fn a_writer_that_obeys_the_brief_changes_nothing_structural(backend: Backend) {
    let world = backend.world().await;
    for brief in hostile_briefs() {
        let before = world.account(world.account).await.balance;
        world
            .script
            .always(When::structure(), Behaviour::Say(brief.obeyed.clone()));
        let blueprint = site_of(&world, &brief.words).await;
        let key = Uuid::now_v7().to_string();
        let started = generation::start_structure(&world.app, world.account, blueprint, &key, None).await;
        let job = world.finished(started.unwrap().jobs[0].id).await;
        world.script.clear();
        let stored = world.site(blueprint).await.blueprint.structure;
        match job.state {
            JobState::Succeeded => assert_sound(&brief.name, &serde_json::from_value(stored.unwrap()).unwrap()),
            JobState::Failed => {
                assert_eq!(job.error_code.as_deref(), Some("BAD_OUTPUT"), "{}", brief.name);
                assert_eq!((stored, job.charged), (None, Some(0)), "{}", brief.name);
                assert_eq!(world.account(world.account).await.balance, before, "{}", brief.name);
            }
            other => panic!("{}: {other:?}", brief.name),
        }
    }
    world.settle().await;
}

on_both!(
    orders_in_a_brief_stay_data_in_every_prompt,
    a_writer_that_obeys_the_brief_changes_nothing_structural,
);
