//! From the names in a brief file to the options of the database.
//!
//! A name or key is compared without regard to case, spaces and hyphens. A business type that is not in the
//! list is the owner's own words; anything else unknown is answered with the names that come close.

use strsim::levenshtein;
use uuid::Uuid;

use super::brief_file::BriefFile;
use crate::cli::failure::Failure;
use crate::entities::{OptionKind, builder_option};
use crate::sites::brief::Brief;

/// Characters of a name that are compared.
const LONGEST: usize = 120;

/// The brief with its options, and what the person should know about how they were read.
pub struct Chosen {
    pub brief: Brief,
    pub notices: Vec<String>,
}

/// Finds every named option, or says which one does not exist.
pub fn resolve(file: &BriefFile, options: &[builder_option::Model]) -> Result<Chosen, Failure> {
    let lists = Lists { file, options };
    let mut chosen = Chosen {
        brief: file.brief.clone(),
        notices: Vec::new(),
    };
    if let Some(name) = &file.business_type {
        let words = name.get_ref().trim();
        match lists.find(OptionKind::BusinessType, words) {
            Some(option) => chosen.brief.business_type_id = Some(option.id),
            None if words.is_empty() => {}
            None => {
                let close = lists.close(OptionKind::BusinessType, words);
                let hint = if close.is_empty() {
                    String::new()
                } else {
                    format!(" The list has: {}.", close.join(", "))
                };
                chosen.notices.push(format!(
                    "\"{words}\" is not in the list of business types; it is used in your own words.{hint}"
                ));
                chosen.brief.custom_business_type = Some(words.to_string());
            }
        }
    }
    let some = |kind, names: &[toml::Spanned<String>]| -> Result<Vec<Uuid>, Failure> {
        names.iter().map(|name| lists.require(kind, name)).collect()
    };
    chosen.brief.audience_profile_ids = some(OptionKind::AudienceProfile, &file.audience_profiles)?;
    chosen.brief.brand_personality_ids = some(OptionKind::BrandPersonality, &file.brand_personalities)?;
    if let Some(name) = file
        .hero_imagery_direction
        .as_ref()
        .filter(|name| !name.get_ref().trim().is_empty())
    {
        chosen.brief.hero_imagery_direction_id = Some(lists.require(OptionKind::HeroImageryDirection, name)?);
    }
    Ok(chosen)
}

struct Lists<'a> {
    file: &'a BriefFile,
    options: &'a [builder_option::Model],
}

impl Lists<'_> {
    fn of(&self, kind: OptionKind) -> impl Iterator<Item = &builder_option::Model> {
        self.options
            .iter()
            .filter(move |option| option.kind == kind && option.is_active)
    }

    fn find(&self, kind: OptionKind, name: &str) -> Option<&builder_option::Model> {
        // Names are short, strangers' may not be.
        let wanted = plain(&name.chars().take(LONGEST).collect::<String>());
        self.of(kind)
            .find(|option| plain(&option.name) == wanted || plain(&option.key) == wanted)
    }

    fn require(&self, kind: OptionKind, name: &toml::Spanned<String>) -> Result<Uuid, Failure> {
        let words = name.get_ref();
        if let Some(option) = self.find(kind, words) {
            return Ok(option.id);
        }
        let what = what(kind);
        let close = self.close(kind, words);
        let message = if close.is_empty() {
            let all: Vec<&str> = self.of(kind).map(|option| option.name.as_str()).collect();
            format!("There is no {what} of this name. There are: {}.", all.join(", "))
        } else {
            format!("There is no {what} of this name. Close to it: {}.", close.join(", "))
        };
        Err(self.file.wrong(name, &message))
    }

    /// At most five names that may have been meant, the closest first.
    fn close(&self, kind: OptionKind, name: &str) -> Vec<String> {
        // Names are short, strangers' may not be.
        let wanted = plain(&name.chars().take(LONGEST).collect::<String>());
        let mut near: Vec<(usize, &str)> = self
            .of(kind)
            .filter_map(|option| {
                let far = levenshtein(&wanted, &plain(&option.name)).min(levenshtein(&wanted, &plain(&option.key)));
                let shares = words(&wanted).any(|word| words(&plain(&option.name)).any(|other| other == word));
                let limit = (wanted.chars().count() / 3).max(2);
                (far <= limit || shares).then_some((far, option.name.as_str()))
            })
            .collect();
        near.sort();
        near.into_iter().take(5).map(|(_, name)| name.to_string()).collect()
    }
}

fn what(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::BusinessType => "business type",
        OptionKind::AudienceProfile => "audience profile",
        OptionKind::BrandPersonality => "brand personality",
        OptionKind::HeroImageryDirection => "hero imagery direction",
    }
}

/// Lower-case words with single spaces between them.
fn plain(name: &str) -> String {
    let spaced: String = name
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words that say something.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(' ').filter(|word| word.chars().count() > 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_spaces_and_hyphens() {
        assert_eq!(plain("  Young-Families "), plain("young families"));
    }
}
