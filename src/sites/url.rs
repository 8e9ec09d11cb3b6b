//! Which addresses may stand in a site: http, https, mailto, tel, and places on the site itself.
//!
//! An allow-list by exact prefix, not a list of bad schemes: what is not recognised is refused, so
//! that no spelling of `javascript:` needs to be known. Nothing here asks the network.

use super::text;

/// The longest address, in characters.
pub const URL_MAX: usize = 2_000;

/// The address in its clean form, or `None` when it may not be linked to.
///
/// Site-relative means `/path`, `/` or `#anchor`; a bare page name (`contact`) becomes `/contact`.
pub fn link(raw: &str) -> Option<String> {
    let url = raw.trim();
    if url.is_empty() || url.chars().count() > URL_MAX || !url.chars().all(is_plain) {
        return None;
    }
    if url.starts_with('/') || url.starts_with('#') {
        return on_site(url);
    }
    let Some((scheme, rest)) = url.split_once(':') else {
        return bare_page(url);
    };
    match scheme.to_ascii_lowercase().as_str() {
        scheme @ ("http" | "https") => on_web(scheme, rest),
        "mailto" => mailto(rest),
        "tel" => tel(rest),
        _ => None,
    }
}

/// As `link`, for the address of a picture: on the web or on the site, nothing else.
pub fn picture(raw: &str) -> Option<String> {
    link(raw).filter(|url| url.starts_with('/') || url.starts_with("http://") || url.starts_with("https://"))
}

/// Characters that may stand in an address as people type it. Backslashes are slashes to a browser,
/// tabs and line breaks are nothing to it, quotes and angle brackets end attributes.
fn is_plain(c: char) -> bool {
    let invisible = c.is_control() || text::is_forbidden(c) || (c.is_whitespace() && c != ' ');
    !invisible
        && !matches!(
            c,
            '\\' | '<' | '>' | '"' | '\'' | '`' | '{' | '}' | '|' | '^' | '\u{200B}' | '\u{FEFF}'
        )
}

fn on_site(url: &str) -> Option<String> {
    // `//host` leaves the site, and an entity (`/&#47;host`) would do so once Markdown has decoded it.
    let path = url.split(['?', '#']).next().unwrap_or_default();
    (!path.starts_with("//") && !path.contains('&')).then(|| url.replace(' ', "%20"))
}

fn on_web(scheme: &str, rest: &str) -> Option<String> {
    let rest = rest.strip_prefix("//")?;
    let (host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // No `@`: what stands before it looks like the host and is not.
    let is_host = host.starts_with(char::is_alphanumeric)
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | ':'));
    is_host.then(|| format!("{scheme}://{}{}", host.to_lowercase(), tail.replace(' ', "%20")))
}

fn mailto(rest: &str) -> Option<String> {
    let (address, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let address = address.trim();
    let (user, host) = address.split_once('@')?;
    let is_address = !user.is_empty()
        && host.contains('.')
        && address
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '+' | '%'));
    is_address.then(|| format!("mailto:{address}{}", query.replace(' ', "%20")))
}

fn tel(rest: &str) -> Option<String> {
    let number: String = rest.chars().filter(|c| *c != ' ').collect();
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit())
        && number
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '(' | ')' | '*' | '#' | ','));
    is_number.then(|| format!("tel:{number}"))
}

/// `contact`, `contact.html` and `about/team` are pages to every writer; another dot might be a host's.
fn bare_page(url: &str) -> Option<String> {
    let name = url.strip_suffix(".html").unwrap_or(url);
    let is_page = name.split('/').all(|part| !part.is_empty())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'/'));
    is_page.then(|| format!("/{url}"))
}

#[cfg(test)]
mod tests;
