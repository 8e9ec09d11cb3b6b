//! The few words that the renderer itself says, by language.
//!
//! A language that is missing gets English. A line in `ALL` adds one. What the site says is never here.

/// The renderer's own words in one language.
pub(super) struct Labels {
    language: &'static str,
    pub skip: &'static str,
    pub menu: &'static str,
    pub footer: &'static str,
    pub phone: &'static str,
    pub email: &'static str,
    pub address: &'static str,
    pub hours: &'static str,
    pub closed: &'static str,
    pub writing: &'static str,
    pub planned: &'static str,
    pub failed: &'static str,
}

macro_rules! labels {
    ($($language:literal: $skip:literal $menu:literal $footer:literal $phone:literal $email:literal $address:literal $hours:literal $closed:literal $writing:literal $planned:literal $failed:literal;)*) => {
        const ALL: &[Labels] = &[$(Labels {
            language: $language, skip: $skip, menu: $menu, footer: $footer, phone: $phone, email: $email,
            address: $address, hours: $hours, closed: $closed, writing: $writing, planned: $planned, failed: $failed,
        },)*];
    };
}

labels! {
    "en": "Skip to the content" "Menu" "More pages" "Telephone" "E-mail" "Address" "Opening hours" "Closed" "Being written" "Still to be written" "This section could not be written";
    "de": "Zum Inhalt" "Menü" "Weitere Seiten" "Telefon" "E-Mail" "Adresse" "Öffnungszeiten" "Geschlossen" "Wird geschrieben" "Noch nicht geschrieben" "Dieser Abschnitt konnte nicht geschrieben werden";
    "fr": "Aller au contenu" "Menu" "Autres pages" "Téléphone" "E-mail" "Adresse" "Horaires" "Fermé" "En cours de rédaction" "Encore à rédiger" "Cette section n’a pas pu être rédigée";
    "es": "Ir al contenido" "Menú" "Más páginas" "Teléfono" "Correo electrónico" "Dirección" "Horario" "Cerrado" "Se está escribiendo" "Aún por escribir" "No se pudo escribir esta sección";
    "it": "Vai al contenuto" "Menu" "Altre pagine" "Telefono" "E-mail" "Indirizzo" "Orari" "Chiuso" "In scrittura" "Ancora da scrivere" "Non è stato possibile scrivere questa sezione";
    "pt": "Ir para o conteúdo" "Menu" "Mais páginas" "Telefone" "E-mail" "Morada" "Horário" "Fechado" "A ser escrito" "Ainda por escrever" "Não foi possível escrever esta secção";
    "nl": "Naar de inhoud" "Menu" "Meer pagina’s" "Telefoon" "E-mail" "Adres" "Openingstijden" "Gesloten" "Wordt geschreven" "Nog te schrijven" "Dit deel kon niet worden geschreven";
}

impl Labels {
    /// The words for a language tag; only its first part counts.
    pub fn of(tag: &str) -> &'static Labels {
        let primary = tag.split('-').next().unwrap_or_default().to_lowercase();
        ALL.iter().find(|labels| labels.language == primary).unwrap_or(&ALL[0])
    }
}

/// A language tag fit for `lang`; English when it is no tag.
pub(super) fn language_tag(tag: &str) -> &str {
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if tag.len() <= 35 && tag.split('-').all(is_part) {
        tag
    } else {
        "en"
    }
}

/// Whether the language is written from right to left.
pub(super) fn is_right_to_left(tag: &str) -> bool {
    let primary = tag.split('-').next().unwrap_or_default().to_lowercase();
    matches!(
        primary.as_str(),
        "ar" | "he" | "fa" | "ur" | "yi" | "ps" | "sd" | "ug" | "dv" | "ckb"
    )
}
