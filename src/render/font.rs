//! Typefaces by name, with neighbours that most machines have and manners that suit them.
//!
//! A page loads no fonts from anywhere, so a family that the reader's machine lacks is replaced by the
//! nearest relative that is installed. How a family likes to be set (weight, spacing, corners of the
//! boxes beside it) goes with its class. Licences and files of fonts are not here.

/// What a family looks like, and so how it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Didone,
    OldStyle,
    Transitional,
    Slab,
    Grotesque,
    Humanist,
    Geometric,
    Poster,
    Mono,
}

/// Parts of names in lower case. The first match counts: "sans" in a name outweighs what precedes it.
const CLASSES: &[(Class, &[&str])] = &[
    (Class::Mono, &["mono", "courier", "consolas", "code"]),
    (
        Class::Poster,
        &[
            "arial black",
            "impact",
            "oswald",
            "anton",
            "bebas",
            "league gothic",
            "archivo black",
            "franklin",
        ],
    ),
    (
        Class::Slab,
        &["slab", "rockwell", "arvo", "zilla", "clarendon", "bitter"],
    ),
    (
        Class::Geometric,
        &[
            "century gothic",
            "futura",
            "avenir",
            "poppins",
            "montserrat",
            "jost",
            "outfit",
            "raleway",
            "nunito",
            "quicksand",
            "josefin sans",
            "dm sans",
            "manrope",
            "sora",
            "urbanist",
            "comfortaa",
        ],
    ),
    (
        Class::Humanist,
        &[
            "gill sans",
            "optima",
            "trebuchet",
            "verdana",
            "tahoma",
            "segoe",
            "candara",
            "calibri",
            "source sans",
            "open sans",
            "lato",
            "fira sans",
            "noto sans",
            "ubuntu",
            "pt sans",
            "cabin",
            "mulish",
        ],
    ),
    (
        Class::Grotesque,
        &[
            "sans",
            "inter",
            "roboto",
            "helvetica",
            "arial",
            "work",
            "karla",
            "rubik",
            "space grotesk",
            "archivo",
            "grotesk",
        ],
    ),
    (
        Class::Didone,
        &["didot", "bodoni", "playfair", "abril", "dm serif", "prata", "fraunces"],
    ),
    (
        Class::OldStyle,
        &[
            "garamond",
            "palatino",
            "book antiqua",
            "cormorant",
            "crimson",
            "sorts mill",
            "iowan",
            "spectral",
            "cardo",
            "alegreya",
            "eb ",
        ],
    ),
    (
        Class::Transitional,
        &[
            "georgia",
            "baskerville",
            "cambria",
            "constantia",
            "times",
            "charter",
            "serif",
            "lora",
            "merriweather",
            "libre caslon",
            "gelasio",
            "literata",
            "newsreader",
            "vollkorn",
            "domine",
            "tinos",
        ],
    ),
];

impl Class {
    pub fn of(family: &str) -> Class {
        let name = family.to_lowercase();
        let matches = |parts: &&[&str]| parts.iter().any(|part| name.contains(part));
        CLASSES
            .iter()
            .find(|(_, parts)| matches(parts))
            .map_or(Class::Grotesque, |(class, _)| *class)
    }

    /// What stands in when the family is not installed.
    fn relatives(self) -> &'static str {
        match self {
            Class::Didone => {
                "Didot, 'Bodoni MT', 'Playfair Display', 'Noto Serif Display', 'Source Serif 4', Georgia, 'Times New Roman', serif"
            }
            Class::OldStyle => {
                "'Iowan Old Style', 'Palatino Linotype', Palatino, 'URW Palladio L', P052, 'Book Antiqua', serif"
            }
            Class::Transitional => {
                "Georgia, Charter, 'Bitstream Charter', 'Sitka Text', Cambria, Gelasio, 'Noto Serif', serif"
            }
            Class::Slab => "Rockwell, 'Rockwell Nova', 'Roboto Slab', 'Sitka Small', 'DejaVu Serif', serif",
            Class::Grotesque => "Inter, 'Helvetica Neue', Helvetica, Roboto, Arial, 'Liberation Sans', sans-serif",
            Class::Humanist => {
                "Seravek, 'Gill Sans Nova', 'Segoe UI', Ubuntu, Calibri, 'Open Sans', Lato, 'Noto Sans', sans-serif"
            }
            Class::Geometric => "Avenir, 'Century Gothic', Montserrat, Corbel, 'URW Gothic', 'Nunito Sans', sans-serif",
            Class::Poster => {
                "'Arial Black', 'Franklin Gothic Heavy', 'Archivo Black', Inter, 'Helvetica Neue', Arial, sans-serif"
            }
            Class::Mono => "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
        }
    }

    /// How headings are set in it.
    pub fn manners(self) -> Manners {
        let (weight, spacing, size, radius) = match self {
            Class::Didone => ("500", "-0.012em", "1.06", "2px"),
            Class::OldStyle => ("500", "-0.012em", "1.06", "3px"),
            Class::Transitional => ("500", "-0.018em", "1", "5px"),
            Class::Slab => ("600", "-0.015em", "0.94", "8px"),
            Class::Grotesque => ("650", "-0.028em", "0.96", "8px"),
            Class::Humanist => ("600", "-0.018em", "0.96", "12px"),
            Class::Geometric => ("600", "-0.024em", "0.94", "18px"),
            Class::Poster => ("800", "-0.025em", "0.9", "0px"),
            Class::Mono => ("600", "-0.03em", "0.88", "0px"),
        };
        Manners {
            weight,
            spacing,
            size,
            radius,
        }
    }
}

/// Values of the stylesheet that go with the family of the headings.
pub(super) struct Manners {
    pub weight: &'static str,
    pub spacing: &'static str,
    pub size: &'static str,
    pub radius: &'static str,
}

/// A value for `font-family`. A name that is no plain name is left out.
pub(super) fn stack(family: &str) -> String {
    let family = family.trim();
    let is_plain = !family.is_empty()
        && family.chars().count() <= 60
        && family
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
    let relatives = Class::of(family).relatives();
    if is_plain {
        format!("'{family}', {relatives}")
    } else {
        relatives.to_owned()
    }
}
