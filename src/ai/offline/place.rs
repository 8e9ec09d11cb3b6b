//! Where the business is, as far as the summary says: "in Ghent", "in San Sebastián".
//!
//! A capitalised word after "in" is taken for a place unless it is a month, a day or a language. A
//! wrong guess would stand in headlines, so whatever is doubtful is left out.

/// A place named after "in": "in Ghent", "in San Sebastián".
pub(super) fn place(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    for at in 1..words.len() {
        if words[at - 1] != "in" {
            continue;
        }
        let mut name: Vec<&str> = Vec::new();
        let article = words[at] == "the";
        for word in &words[at + usize::from(article)..] {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
            let capital = bare.chars().next().is_some_and(char::is_uppercase)
                && bare.chars().all(|c| c.is_alphabetic() || c == '-' || c == '\'')
                && bare.chars().skip(1).any(char::is_lowercase);
            let joins =
                !name.is_empty() && matches!(*word, "de" | "la" | "am" | "upon" | "sur" | "of" | "del" | "an" | "der");
            if (!capital && !joins) || NOT_PLACES.contains(&bare) || name.len() == 4 {
                break;
            }
            name.push(bare);
            if !word.ends_with(bare) {
                break;
            }
        }
        while name
            .last()
            .is_some_and(|word| word.chars().next().is_some_and(char::is_lowercase))
        {
            name.pop();
        }
        // "in the Western Cape" and "in the Alps" are places, "in the Christmas market" is not certain.
        if article && name.len() < 2 && !name.iter().all(|word| word.ends_with('s')) {
            continue;
        }
        let found = match name.join(" ") {
            found if article && !found.is_empty() => format!("the {found}"),
            found => found,
        };
        if !found.is_empty() && found.chars().count() <= 40 {
            return Some(found);
        }
    }
    None
}

const NOT_PLACES: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "English",
    "German",
    "French",
    "Spanish",
    "Italian",
    "Dutch",
    "Portuguese",
    "Polish",
    "Arabic",
    "Chinese",
    "Japanese",
    "Spring",
    "Summer",
    "Autumn",
    "Winter",
    "Latin",
    "Russian",
    "Turkish",
    "Christmas",
    "Easter",
    "Python",
    "Java",
    "Rust",
    "Our",
    "The",
];
