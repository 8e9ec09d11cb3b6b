//! Random briefs from the real seeds, and the example briefs; the same seed gives the same brief.

use serde::Deserialize;

use crate::ai::offline::seed::Dice;
use crate::ai::request::{Brief, Choice};

#[derive(Deserialize)]
struct Options {
    option: Vec<Choice>,
}

pub fn business_types() -> Vec<Choice> {
    read(include_str!("../../../options/seeds/business_types.toml"))
}

pub fn audiences() -> Vec<Choice> {
    read(include_str!("../../../options/seeds/audience_profiles.toml"))
}

pub fn personalities() -> Vec<Choice> {
    read(include_str!("../../../options/seeds/brand_personalities.toml"))
}

pub fn imagery() -> Vec<Choice> {
    read(include_str!("../../../options/seeds/hero_imagery_directions.toml"))
}

fn read(text: &str) -> Vec<Choice> {
    toml::from_str::<Options>(text).expect("seeds are TOML").option
}

/// Facts of every sort, as owners write them.
pub const FACTS: &[&str] = &[
    "Phone: +32 9 123 45 67",
    "Call us on 0171 2345678 at any time",
    "hello@example.org",
    "E-mail: office@kollwitz.example",
    "Address: Korenmarkt 12, 9000 Ghent",
    "Lindenstraße 4, 10969 Berlin",
    "Open Tue–Sat 7–14",
    "Mon-Fri 8am-6pm, Sat 9:00 - 13:00, Sunday closed",
    "Country loaf: 4.80 €",
    "First visit €65",
    "Hourly rate from $95 per hour",
    "Founded in 1987 by Marie Claes",
    "Moved to the harbour in 2011",
    "1,200 customers a year",
    "Free delivery by bicycle within 5 km",
    "Everything is organic",
    "We speak Dutch, French and English",
    "Parking behind the building",
    "Cards and cash accepted",
    "Family-run in the third generation",
    "Member of the Chamber of Crafts since 2004",
    "Wheelchair access from the courtyard",
    "Winner of the regional craft prize 2019 for the restoration of the town hall doors in Bruges",
    "Gift vouchers for any amount",
    "14 people work here",
    "Services: repair, advice and rental",
    "Partners: Fietslab, Stad Gent, De Molen",
    "Team: Marie Claes (founder), Jo Peeters (apprentice)",
    "“They answered on a Sunday.” – Ann Peeters",
    "Monthly plan €49 a month, includes advice, spare parts and a loan item",
    "Small repair €16 and takes 30 minutes",
];

/// A brief of a business type with random tone, audience and facts.
pub fn random(business_type: &Choice, seed: u64) -> Brief {
    let mut dice = Dice::new(seed, &business_type.key);
    let mut facts: Vec<String> = FACTS.iter().map(|fact| (*fact).to_owned()).collect();
    dice.shuffle(&mut facts);
    facts.truncate(dice.below(9));
    let summaries = [
        "A family business in Ghent that takes its time. We have two vans and a good reputation.",
        "Small team, long experience, short answers.",
        "We started in a backyard. Today people come from three valleys. We want a website that brings enquiries.",
        "",
    ];
    let names = ["Zuurdesem & Zoon", "Kollwitz", "North Quay", "Casa Oliva"];
    let name = *dice.pick(&names).expect("there are names");
    Brief {
        site_name: name.to_owned(),
        business_name: name.to_owned(),
        summary: (*dice.pick(&summaries).expect("there are summaries")).to_owned(),
        business_type: Some(business_type.clone()),
        audiences: dice.pick(&audiences()).cloned().into_iter().collect(),
        personalities: dice.pick(&personalities()).cloned().into_iter().collect(),
        hero_imagery: dice.pick(&imagery()).cloned(),
        objectives: vec!["Win more enquiries".to_owned(), "Show our prices".to_owned()],
        facts,
        language: "en".to_owned(),
    }
}

/// Every business type with some random briefs.
pub fn all(rounds: u64) -> Vec<(String, Brief)> {
    let mut briefs = Vec::new();
    for business_type in business_types() {
        for seed in 0..rounds {
            briefs.push((
                format!("{} with seed {seed}", business_type.key),
                random(&business_type, seed),
            ));
        }
    }
    briefs
}

/// An example brief, with its names turned into options as the server does it.
fn example(text: &str) -> Brief {
    let file: toml::Value = toml::from_str(text).expect("an example is TOML");
    let brief = &file["brief"];
    let text = |key: &str| brief[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| -> Vec<String> {
        let values = brief[key].as_array().into_iter().flatten();
        values.filter_map(|value| value.as_str()).map(str::to_owned).collect()
    };
    let choice = |known: Vec<Choice>, name: String| {
        let own = Choice {
            key: String::new(),
            name: name.clone(),
            description: String::new(),
        };
        known.into_iter().find(|option| option.name == name).unwrap_or(own)
    };
    let choices = |known: fn() -> Vec<Choice>, key: &str| -> Vec<Choice> {
        list(key).into_iter().map(|name| choice(known(), name)).collect()
    };
    Brief {
        site_name: file["name"].as_str().unwrap_or_default().to_owned(),
        business_name: text("business_name"),
        summary: text("summary"),
        business_type: Some(choice(business_types(), text("business_type"))),
        audiences: choices(audiences, "audience_profiles"),
        personalities: choices(personalities, "brand_personalities"),
        hero_imagery: Some(choice(imagery(), text("hero_imagery_direction"))),
        objectives: list("objectives"),
        facts: list("facts"),
        language: text("language"),
    }
}

macro_rules! examples {
    ($($name:literal)*) => {
        [$(($name, example(include_str!(concat!("../../../../examples/briefs/", $name, ".toml"))))),*]
    };
}

pub fn examples() -> [(&'static str, Brief); 8] {
    examples!("bakery" "bicycle-shop" "dentist" "law-firm" "photographer" "roofer" "winery" "yoga-studio")
}
